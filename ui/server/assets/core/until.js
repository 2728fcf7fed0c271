// When an override ends, as people say it.
import { now } from "./live.js";
import { clock, moment } from "./format.js";

// spans are the lengths that the dialog offers, s.
export const spans = { "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "8h": 28800 };

// ends is when an override of a form would end, Unix ms on the server's clock; NaN when no time was given.
export const ends = (form) => (form.last === "until" ? Date.parse(form.until) : form.now + spans[form.last] * 1000);

// at is a time of today as a clock, else with its day.
export const at = (ms) => (Number.isNaN(ms) ? "–" : new Date(ms).toDateString() === new Date(now()).toDateString() ? clock(ms, false) : moment(ms));
