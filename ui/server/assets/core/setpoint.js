// What may be asked of an air conditioner, and what would come of it. Nothing here draws or sends.

const ranks = { low: -1, normal: 0, high: 1 };
export const priorities = Object.keys(ranks);
const rank = (override) => ranks[override.priority || "normal"];

// limitsOf are what a setpoint must lie between, °C: the policy's limits inside what the machine can do.
export function limitsOf(room, ac) {
  const machine = { min: ac.min || room.policy.setpoint_min, max: ac.max || room.policy.setpoint_max };
  const within = (v) => Math.max(machine.min, Math.min(machine.max, v));
  return { least: within(room.policy.setpoint_min), most: within(room.policy.setpoint_max), machine };
}

// seconds reads a duration as Go writes it, "1h30m0s"; NaN when it is none.
export function seconds(text) {
  const units = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const parts = [...String(text ?? "").matchAll(/([\d.]+)(ms|h|m|s)/g)];
  return parts.length === 0 ? NaN : parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[unit], 0);
}

// queue is every override of a machine in the order in which they hold, each with until in Unix ms.
export const queue = (ac) => (ac.overrides ?? []).map((o) => ({ ...o, untilMs: Date.parse(o.until), fromMs: Date.parse(o.from) }));

// holds is the override that holds now, if any.
export const holds = (ac) => queue(ac).find((o) => !o.suspended);

// outcome says what an override would do: whether it holds at once, what it waits for, and what holds when it has ended.
// The workflow decides; this only says it beforehand.
export function outcome(ac, wanted, untilMs) {
  const all = queue(ac);
  const above = all.find((o) => !o.suspended && rank(o) > rank(wanted));
  const emergency = Boolean(ac.emergency) && wanted.setpoint > ac.auto;
  const next = all.find((o) => o.untilMs > untilMs); // the first of the queue that has not ended by then
  return { emergency, above, next, waits: emergency || Boolean(above), beats: all.find((o) => !o.suspended && rank(o) <= rank(wanted)) };
}
