// The room in one sentence. Pure: it gives clauses {level, key, blanks}, the worst first; the page puts them into words.
// Levels: bad (somebody must act now), warn (somebody should look), good. Blanks: temp and limit in °C, ms a length of time,
// n a count, anything else is text as it stands.
import { inlet, standing } from "./fresh.js";

// How long an air conditioner may take to confirm before it is worth a word of warning, ms: the infrared echo is heard within
// seconds; where only the supply air shows it, the edge says so itself and it does not count as late.
const confirmWithin = 120000;

// How old the control loop's newest decision may be, ms: it speaks at least each 4 minutes.
const decisionStale = 600000;

const weights = { bad: 0, warn: 1, good: 2 };

// status is {level, temp, clauses}: the level of the worst clause, the inlet's temperature (null: not known) and all clauses.
export function status(state, room, now, lost) {
  if (lost) return unheard(room);
  const temp = inlet(room, now, false);
  const clauses = [
    position(room, temp), ...mode(room), ...decided(room, now), ...alarms(state, room), ...coolers(room, now), ...sources(state, now), ...probes(room, now),
    ...service(state), ...boxes(state), ...time(room, temp, now),
  ];
  clauses.sort((a, b) => weights[a.level] - weights[b.level] || a.order - b.order);
  return { level: clauses[0].level, temp, clauses };
}

const clause = (level, key, blanks = {}, order = 0) => ({ level, key, blanks, order });

// unheard is all that may be said while the server is not heard: whatever else is known may be over.
function unheard(room) {
  const last = known(room.inlet) ? [clause("good", "last_inlet", { temp: room.inlet })] : [];
  return { level: "bad", temp: null, clauses: [clause("bad", "not_heard"), ...last] };
}

// position is where the inlet stands against the policy.
function position(room, temp) {
  const p = room.policy;
  if (temp === null) return clause("bad", "no_inlet");
  if (temp >= p.critical) return clause("bad", "over_critical", { limit: p.critical });
  if (temp >= p.high) return clause("bad", "over_high", { limit: p.high });
  if (temp >= p.warn) return clause("warn", "over_warn", { limit: p.warn });
  const shown = Math.round(temp * 10) / 10; // "25.0 °C, below 25 °C" would only puzzle
  if (shown > p.band_high) return clause("good", "above", { limit: p.band_high }, -1);
  if (shown < p.band_low) return clause("good", "below", { limit: p.band_low }, -1);
  return clause("good", "inside", {}, -1);
}

function mode(room) {
  if (room.mode === "emergency") return [clause("bad", "emergency")];
  if (!room.mode) return [clause("warn", "no_tuning")];
  return [];
}

// decided says when nobody decides for the room any more.
function decided(room, now) {
  const age = room.decision ? now - room.decision.time_ms : 0;
  return age > decisionStale ? [clause("bad", "no_decision", { ms: age })] : [];
}

// decision is the control loop's newest, unless it is too old to be what it thinks; null then, and while none was heard.
export const decision = (room, now) => (room.decision && now - room.decision.time_ms <= decisionStale ? room.decision : null);

// alarms count what nobody has answered; what was answered is being seen to and stands in the list only.
function alarms(state, room) {
  const open = (state.alerts ?? []).filter((a) => a.room === room.name && !a.answer);
  const grave = open.filter((a) => a.severity !== "warning").length;
  const mild = open.length - grave;
  return [
    ...(grave > 0 ? [clause("bad", "alerts_grave", { n: grave }, 1)] : []),
    ...(mild > 0 ? [clause("warn", "alerts_mild", { n: mild }, 1)] : []),
  ];
}

// confirming says how an air conditioner stands: unknown, confirmed, refused, cannot-tell, pending or late.
export function confirming(ac, now) {
  if (!(ac.desired > 0)) return "unknown";
  const ack = ac.last_ack;
  if (ack?.state === "rejected" && ack.revision >= (ac.command_revision ?? 0)) return "refused";
  if (known(ac.confirmed) && ac.confirmed === ac.desired) return "confirmed";
  if (ack?.cannot_tell && ac.sent === ac.desired) return "cannot-tell";
  return now - Date.parse(ac.desired_since) > confirmWithin ? "late" : "pending";
}

const known = (value) => value !== null && value !== undefined;

function coolers(room, now) {
  const said = room.acs.map((ac) => [ac, confirming(ac, now)]);
  const found = [];
  for (const [ac, how] of said) {
    if (how === "refused") found.push(clause("bad", "ac_refused", { ac: ac.name, limit: ac.desired }));
    if (how === "late") found.push(clause("warn", "ac_late", { ac: ac.name, limit: ac.desired, ms: now - Date.parse(ac.desired_since) }));
    if (how === "pending") found.push(clause("good", "ac_pending", { ac: ac.name, limit: ac.desired }, 2));
    if (how === "cannot-tell") found.push(clause("good", "ac_cannot_tell", { ac: ac.name, limit: ac.desired }, 2));
    if (ac.last_ack && ac.last_ack.power === false && ac.last_ack.state !== "rejected") found.push(clause("warn", "ac_off", { ac: ac.name }));
    const over = (ac.overrides ?? []).find((o) => !o.suspended);
    if (over) found.push(clause("good", "override", { ac: ac.name, limit: over.setpoint, ms: Date.parse(over.until) - now }, 3));
  }
  const n = said.filter(([, how]) => how === "confirmed").length;
  if (n > 0) found.push(clause("good", n < said.length ? "some_confirmed" : n === 2 ? "both_confirmed" : "all_confirmed", { n, all: said.length }, 1));
  return found;
}

// sources that do not answer: without Kafka no reading and no order passes; without Temporal nobody can override.
function sources(state, now) {
  return Object.entries(state.sources ?? {}).filter(([, s]) => s.fault).map(([name, s]) => {
    const level = name === "kafka" ? "bad" : "warn";
    const key = ["kafka", "temporal", "influxdb"].includes(name) ? `away_${name}` : "away_other";
    return s.heard_at ? clause(level, key, { name, ms: now - s.heard_at }) : clause(level, `${key}_never`, { name });
  });
}

// probes in the air that say nothing, or nothing that can be believed. One is named; several are counted.
function probes(room, now) {
  const silent = room.sensors.filter((s) => ["never", "stale"].includes(standing(s, room, now, false)));
  const bad = room.sensors.filter((s) => standing(s, room, now, false) === "bad");
  const all = room.sensors.length;
  const said = (list, one, many) => (list.length === 0 ? [] :
    [list.length === 1 ? clause("warn", one, { sensor: list[0].name }, 1) : clause("warn", many, { n: list.length, all }, 1)]);
  return [...said(silent, "sensor_silent", "sensors_silent"), ...said(bad, "sensor_bad", "sensors_bad")];
}

const running = ["running", "healthy", "external", "completed"];

// health counts the service: {phase, revision, functions, up, down: [names], connections, proven, broken: ["a → b"],
// boxes, reachable, absent: [names]}; phase is empty until its workflow was heard.
export function health(state) {
  const s = state.service;
  const functions = s?.functions ?? [];
  const connections = functions.flatMap((f) => (f.probes ?? []).map((p) => ({ name: `${f.function} → ${p.provider}`, ok: p.connected })));
  const boxes = (state.boxes ?? []).filter((b) => b.engine || !b.reachable);
  const down = functions.filter((f) => !running.includes(f.state));
  return {
    phase: s?.phase ?? "", revision: s?.revision ?? 0, functions: functions.length, up: functions.length - down.length, down: names(down.map((f) => f.function)),
    connections: connections.length, proven: connections.filter((c) => c.ok).length, broken: names(connections.filter((c) => !c.ok).map((c) => c.name)),
    boxes: boxes.length, reachable: boxes.filter((b) => b.reachable).length, absent: names(boxes.filter((b) => !b.reachable).map((b) => b.name)),
  };
}

const names = (list) => [...new Set(list)];

function service(state) {
  const s = state.service;
  if (!s) return [clause("warn", "no_service", {}, 2)];
  const h = health(state);
  const found = [];
  if (s.phase === "failed") found.push(clause("bad", "service_failed", { service: s.service }, 2));
  if (s.phase === "down" || s.phase === "stopping") found.push(clause("bad", "service_down", { service: s.service }, 2));
  if (s.waiting) found.push(clause("warn", "service_waits", { step: s.waiting }, 2));
  if (h.down.length > 0) found.push(clause("warn", "functions_down", { names: h.down.join(", ") }, 2));
  if (h.broken.length > 0) found.push(clause("warn", "probes_failing", { names: h.broken.join(", ") }, 2));
  for (const hold of s.held ?? []) found.push(clause("bad", "shedding", { room: hold.room ?? hold }, 2));
  return found;
}

function boxes(state) {
  const { absent } = health(state);
  return absent.length > 0 ? [clause("warn", "boxes_away", { names: absent.join(", ") }, 2)] : [];
}

// critical is {ms, sure} until the room would be critical without cooling, as the control loop reckons it; null: not known,
// or reckoned too long ago.
export function critical(room, now) {
  const d = decision(room, now);
  return d && known(d.to_critical_ms) ? { ms: d.to_critical_ms, sure: Boolean(d.sure) } : null;
}

function time(room, temp, now) {
  const left = critical(room, now);
  if (!left || temp === null || temp >= room.policy.critical) return [];
  return [clause("good", left.sure ? "to_critical" : "to_critical_estimate", { ms: left.ms, limit: room.policy.critical }, 0)];
}
