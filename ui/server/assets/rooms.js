// Rooms: inlet, sensors, air conditioners with their three setpoints, overrides.
import { ago, el, left, number } from "./dom.js";
import { chart } from "./chart.js";
import { askOverride, clearOverride } from "./override.js";

export function rooms(snapshot, view) {
  return snapshot.rooms.map((room) => el("article", { class: "card" },
    top(room),
    el("div", { class: "grid" }, room.sensors.map((sensor) => tile(sensor, room, view))),
    el("div", { class: "acs" }, room.acs.map((ac) => airConditioner(room, ac, view))),
    chart(room),
    log(room)));
}

function top(room) {
  const p = room.policy;
  const level = room.inlet === null ? "bad" : room.inlet >= p.high ? "bad" : room.inlet >= p.warn ? "warn" : "good";
  return el("div", { class: "room-top" },
    el("div", {}, el("h2", {}, room.title), el("span", { class: "quiet" }, "inlet, median of the trusted sensors")),
    el("span", { class: `inlet ${level}` }, room.inlet === null ? "no trusted reading" : `${number(room.inlet)} °C`),
    el("span", { class: "quiet" }, `band ${number(p.band_low)} to ${number(p.band_high)} °C, high ${number(p.high)}, critical ${number(p.critical)}`),
    el("span", { class: `badge ${room.mode === "auto" ? "good" : room.mode === "emergency" ? "bad" : "warn"}` }, room.mode || "tuning not heard yet"));
}

function tile(sensor, room, view) {
  const age = view.now - sensor.at;
  const stale = sensor.at === 0 || age > room.stale_after_ms || view.lost;
  const box = el("div", { class: `tile sensor ${stale ? "stale" : ""}` },
    el("div", {}, sensor.role === "inlet" ? sensor.name : `${sensor.name} (${sensor.role} air)`),
    el("div", { class: "value" }, sensor.celsius === null ? "–" : `${number(sensor.celsius)} °C`),
    el("div", { class: "quiet" }, sensor.humidity === null ? "" : `${number(sensor.humidity, 0)} % · `, sensor.at === 0 ? "never heard" : ago(age)),
    sensor.simulated ? el("div", { class: "quiet" }, "simulated") : "",
    sensor.bad ? el("div", {}, `not trusted: ${sensor.reason}`) : "");
  if (!stale && sensor.celsius !== null) box.style.backgroundColor = colour(sensor.celsius);
  return box;
}

// colour of the 2017 page's scale: 15 °C blue, 25 °C green, 35 °C red.
function colour(celsius) {
  const part = Math.min(1, Math.max(0, (celsius - 15) / 20));
  return `hsl(${Math.round(210 - 210 * part)} 70% 74%)`;
}

function airConditioner(room, ac, view) {
  const matches = ac.confirmed !== null && ac.confirmed === ac.desired;
  const at = (time) => (time ? ago(view.now - Date.parse(time)) : "");
  const known = ac.desired > 0;
  return el("div", { class: "tile ac" },
    el("div", { class: "row" }, el("h3", {}, ac.name), ac.simulated ? el("span", { class: "quiet" }, "simulated") : "",
      el("span", { class: `badge ${matches ? "good" : "warn"}` }, matches ? "confirmed" : "not confirmed")),
    el("div", { class: "three" },
      el("div", {}, "desired", el("b", {}, known ? `${ac.desired} °C` : "–"), el("span", { class: "quiet" }, known ? at(ac.desired_since) : "")),
      el("div", {}, "sent", el("b", {}, ac.sent === null ? "–" : `${ac.sent} °C`), el("span", { class: "quiet" }, at(ac.sent_at))),
      el("div", {}, "confirmed", el("b", {}, ac.confirmed === null ? "–" : `${ac.confirmed} °C`), el("span", { class: "quiet" }, at(ac.confirmed_at)))),
    el("div", {}, ac.reason ?? ""),
    ac.evidence ? el("div", { class: "quiet" }, `evidence: ${ac.evidence}`) : "",
    (ac.overrides ?? []).map((o) => override(room, o, view)),
    el("div", { class: "row" },
      button(room, ac, view, "−", ac.desired - 1), button(room, ac, view, "+", ac.desired + 1),
      button(room, ac, view, "Override …", ac.desired)));
}

function button(room, ac, view, text, setpoint) {
  const limits = { least: Math.max(ac.min, room.policy.setpoint_min), most: Math.min(ac.max, room.policy.setpoint_max) };
  const step = text === "−" || text === "+";
  const off = view.lost || ac.desired === 0 || (step && (setpoint < limits.least || setpoint > limits.most));
  const label = text === "−" ? `${ac.name} one degree colder` : text === "+" ? `${ac.name} one degree warmer` : `override ${ac.name}`;
  return el("button", {
    id: `${room.name}-${ac.name}-${text}`, "aria-label": label, disabled: off,
    onclick: () => askOverride(room, ac, Math.min(limits.most, Math.max(limits.least, setpoint)), limits),
  }, text);
}

function override(room, o, view) {
  const ends = Date.parse(o.until) - view.now;
  return el("div", { class: "row" },
    el("span", { class: `badge ${o.suspended ? "quiet" : "warn"}` }, `${o.setpoint} °C for ${left(ends)}`),
    el("span", {}, `${o.who}: ${o.why}`, o.suspended ? el("span", { class: "quiet" }, ` (suspended: ${o.suspended})`) : ""),
    el("button", { id: `clear-${o.id}`, disabled: view.lost, onclick: () => clearOverride(room, o) }, "End now"));
}

function log(room) {
  const entries = [
    ...(room.audit ?? []).map((a) => [a.at, `${a.what}${a.who ? ` by ${a.who}` : ""}${a.why ? `: ${a.why}` : ""} (${a.outcome})`]),
    ...(room.rejected ?? []).map((r) => [r.at, `refused ${r.kind}${r.who ? ` of ${r.who}` : ""}: ${r.reason}`]),
  ].sort((a, b) => (a[0] < b[0] ? 1 : -1)).slice(0, 12);
  if (entries.length === 0) return "";
  return el("details", { id: `log-${room.name}` }, el("summary", {}, "What was asked and decided"),
    el("ul", {}, entries.map(([at, text]) => el("li", {}, el("span", { class: "quiet" }, `${new Date(at).toLocaleString()} `), text))));
}
