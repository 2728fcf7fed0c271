// What may still be believed. Pure: ages are the reader's to compute, since nothing arrives when something falls silent.

// resourceStale is how old a box's resources may be, ms, as for the server's own means: boxes speak each 10 to 60 s.
const resourceStale = 180000;

// standing says what a sensor's newest reading is worth: never (none has come), stale (older than the policy allows, or this
// page has lost the server), bad (heard, and not to be trusted) or good.
export function standing(sensor, room, now, lost) {
  if (!sensor.at || sensor.celsius === null || sensor.celsius === undefined) return "never";
  if (lost || now - sensor.at > room.stale_after_ms) return "stale";
  return sensor.bad ? "bad" : "good";
}

// trusted are the sensors whose reading is good now.
export const trusted = (room, now, lost) => room.sensors.filter((sensor) => standing(sensor, room, now, lost) === "good");

// inlet is the median over the trusted sensors at inlets, °C, as the control loop's is; null when there is none.
export const inlet = (room, now, lost) => median(trusted(room, now, lost).filter((s) => s.role === "inlet").map((s) => s.celsius));

// median of numbers; null of none.
export function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// mean of numbers; null of none.
export const mean = (values) => (values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length);

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

// gauges are the means of the 2017 page, each over what is good and fresh: {name, unit, value, low, high, of, all, newest}.
// of is how many sensors or boxes count, all is how many there are; newest is when the youngest of all came, Unix ms, 0:
// never. Those of boxes are the server's, who knows which stand in the room, for as long as any of them is fresh.
export function gauges(state, room, now, lost) {
  const air = room.sensors.filter((s) => s.role === "inlet" || s.role === "ambient");
  const sensors = air.length > 0 ? air : room.sensors;
  const good = sensors.filter((s) => standing(s, room, now, lost) === "good");
  const newest = Math.max(0, ...sensors.map((s) => s.at ?? 0));
  const heard = Math.max(0, ...(state.boxes ?? []).map((b) => b.resource?.time_ms ?? 0));
  const fresh = !lost && now - heard <= resourceStale;
  const ofAir = (name, unit, low, high, pick) => {
    const values = good.map(pick).filter(known);
    return { name, unit, low, high, value: mean(values), of: values.length, all: sensors.length, newest };
  };
  const ofBoxes = (name) => {
    const { value = null, of = 0, all = 0 } = room.means?.[name] ?? {};
    return { name, unit: "%", low: 0, high: 100, value: fresh ? value : null, of, all, newest: heard };
  };
  return [
    ofAir("temperature", "°C", 15, 35, (s) => s.celsius),
    ofAir("humidity", "%", 0, 100, (s) => s.humidity),
    ofBoxes("cpu"), ofBoxes("memory"), ofBoxes("disk"),
  ];
}
