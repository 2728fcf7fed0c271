// Times on an axis and in a legend, in the reader's language and time zone.
import { lang } from "../i18n.js";

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

// steps between labels, ms, from which the chart picks by the room there is.
export const steps = [
  second, 2 * second, 5 * second, 10 * second, 15 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
  hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 182 * day, 365 * day,
];

const formats = new Map();
function format(options) {
  const key = lang() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(lang(), options));
  return formats.get(key);
}
const time = (ms, seconds) => format({ hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23" }).format(ms);
const date = (ms) => format({ month: "short", day: "numeric" }).format(ms);
const month = (ms) => format({ month: "short" }).format(ms);
const year = (ms) => format({ year: "numeric" }).format(ms);
const dayOf = (ms) => new Date(ms).toDateString();

// labels are the texts of splits: the time, and below it the day where it is another one than to the left.
export function labels(splits, step) {
  return splits.map((ms, i) => {
    const before = i > 0 ? splits[i - 1] : null;
    const newYear = before === null || new Date(before).getFullYear() !== new Date(ms).getFullYear();
    if (step >= 27 * day) return newYear ? `${month(ms)}\n${year(ms)}` : month(ms);
    if (step >= day) return newYear && before !== null ? `${date(ms)}\n${year(ms)}` : date(ms);
    const newDay = before === null || dayOf(before) !== dayOf(ms);
    return newDay ? `${time(ms, step < minute)}\n${date(ms)}` : time(ms, step < minute);
  });
}

// splits are the times of labels between two, on whole steps of the reader's own clock.
export function splitsOf(from, to, step) {
  const out = [];
  if (step >= 27 * day) {
    const months = Math.max(1, Math.round(step / (30.4 * day)));
    const at = new Date(from);
    at.setHours(0, 0, 0, 0);
    at.setDate(1);
    at.setMonth(Math.floor(at.getMonth() / months) * months);
    for (; at.getTime() <= to; at.setMonth(at.getMonth() + months)) if (at.getTime() >= from) out.push(at.getTime());
    return out;
  }
  const midnight = new Date(from);
  midnight.setHours(0, 0, 0, 0);
  if (step >= day) {
    for (const at = midnight; at.getTime() <= to; at.setDate(at.getDate() + Math.round(step / day))) if (at.getTime() >= from) out.push(at.getTime());
    return out;
  }
  for (let at = midnight.getTime() + Math.floor((from - midnight.getTime()) / step) * step; at <= to; at += step) if (at >= from) out.push(at);
  return out;
}

// stepFor is the least step whose labels, each of a width in pixels, have room.
export function stepFor(from, to, width, each = 76) {
  const most = Math.max(2, Math.floor(width / each));
  return steps.find((step) => (to - from) / step <= most) ?? steps.at(-1);
}

// stamp is a time in a list: of today only the clock, of this year without the year.
export function stamp(ms) {
  const at = new Date(ms), today = new Date();
  if (at.toDateString() === today.toDateString()) return time(ms, true);
  return `${at.getFullYear() === today.getFullYear() ? "" : `${year(ms)} `}${date(ms)} ${time(ms, true)}`;
}

// when is a time as exact as the range needs.
export function when(ms, range) {
  if (range < 2 * day) return `${range > 12 * hour ? `${date(ms)} ` : ""}${time(ms, range < 6 * hour)}`;
  return `${date(ms)} ${range < 60 * day ? time(ms, false) : year(ms)}`;
}
