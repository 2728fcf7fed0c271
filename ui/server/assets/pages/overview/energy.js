// Power and energy as the room's state has them. Pure.

// powerStale is how old a meter's word may be, ms: edges read meters each 10 s to a minute.
const powerStale = 180000;

// powerOf is the newest power of an air conditioner, {watts, at, stale, simulated}; null without a meter.
export const powerOf = (ac, now, lost) => drawn(ac.power, now, lost);

// loadOf is the newest power of what the room cools, likewise.
export const loadOf = (room, now, lost) => drawn(room.load, now, lost);

function drawn(meter, now, lost) {
  if (!meter) return null;
  return { watts: meter.watts, at: meter.time_ms, stale: lost || now - meter.time_ms > powerStale, simulated: Boolean(meter.simulated) };
}

// coolersOf is the power of all air conditioners together, {watts, of, all, at, stale, simulated}: of how many of all it is
// known; null when of none. It is stale when any part is.
export function coolersOf(room, now, lost) {
  const known = room.acs.map((ac) => powerOf(ac, now, lost)).filter(Boolean);
  if (known.length === 0) return null;
  return {
    watts: known.reduce((sum, one) => sum + one.watts, 0), of: known.length, all: room.acs.length,
    at: Math.min(...known.map((one) => one.at)), stale: known.some((one) => one.stale), simulated: known.some((one) => one.simulated),
  };
}

// savedOf is what was saved since local midnight against a fixed setpoint: {wh, share (%, of what the fixed setpoint would have
// used; null: not known), plus (Wh, one standard deviation), used (Wh), reference (°C), since (Unix ms), compared (0 to 1, of
// the metered time), simulated}. Null without meters; wh is null while nothing could be compared.
export function savedOf(room) {
  const account = room.decision?.energy;
  if (!account) return null;
  const fixed = account.fixed_wh ?? null;
  const wh = fixed === null ? null : fixed - account.used_wh;
  return {
    wh, share: fixed > 0 ? (100 * wh) / fixed : null, plus: account.deviation_wh ?? 0, used: account.used_wh,
    reference: account.fixed_setpoint, since: account.since_ms, simulated: Boolean(account.simulated),
    compared: account.metered_ms > 0 ? (account.compared_ms ?? 0) / account.metered_ms : 0,
  };
}
