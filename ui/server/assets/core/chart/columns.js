// What GET …/series answers, as the chart draws it. Pure: no page, no clock.
//
// In a column null is a gap; undefined is no gap: another curve has a time there and this one need not.

// columnsOf makes the columns of an answer: {times, by: {id: {curve, values, low, high}}, from, to, step, gap, tier, stored}.
// stored is how many of the times were answered; those after it were appended as they came.
export function columnsOf(answer) {
  const by = {};
  for (const curve of answer.series) {
    by[curve.id] = {
      curve,
      values: joined(answer.times, curve.values, answer.gap_ms),
      low: curve.min?.length ? joined(answer.times, curve.min, answer.gap_ms) : null,
      high: curve.max?.length ? joined(answer.times, curve.max, answer.gap_ms) : null,
    };
  }
  return {
    times: [...answer.times], by, from: answer.from, to: answer.to, step: answer.step_ms, gap: answer.gap_ms, tier: answer.tier,
    stored: answer.times.length,
  };
}

// joined puts undefined where values are null but nothing is missing: between two that are near enough.
export function joined(times, values, gap) {
  const out = [...values];
  let last = -1;
  for (let i = 0; i < out.length; i++) {
    if (out[i] === null) continue;
    if (last >= 0 && last < i - 1 && times[i] - times[last] <= gap) out.fill(undefined, last + 1, i);
    last = i;
  }
  return out;
}

// append lays one moment after the columns: told maps an ID to its value. False when it is older than the last one.
export function append(columns, at, told) {
  const { times, by, gap } = columns;
  const last = times.at(-1) ?? -Infinity;
  if (at < last) return false;
  if (at - last > gap && times.length > 0) row(columns, last + 1);
  if (at > last) row(columns, at);
  const i = times.length - 1;
  for (const { curve, values } of Object.values(by)) {
    const value = told[curve.id];
    if (value === undefined || value === null) continue;
    values[i] = value;
    const before = lastKnown(values, i);
    if (before < 0) continue;
    if (times[i] - times[before] <= gap) values.fill(undefined, before + 1, i);
    else values[before + 1] = null;
  }
  return true;
}

// row adds a time at which nothing is known yet.
function row(columns, at) {
  columns.times.push(at);
  for (const column of Object.values(columns.by)) {
    for (const list of [column.values, column.low, column.high]) list?.push(null);
  }
}

// lastKnown is the index of the last value before i; -1 when there is none.
function lastKnown(values, i) {
  for (let n = i - 1; n >= 0; n--) if (values[n] !== null && values[n] !== undefined) return n;
  return -1;
}

// valueAt is what a curve shows at an index: its value there, or the one before where only others have a time. In a gap it
// is null; after the last value that one counts for as long as a gap.
export function valueAt(columns, { values }, i) {
  if (i === null || i === undefined || i < 0) return null;
  if (values[i] === null && lastKnown(values, values.length) > i) return null;
  const n = lastKnown(values, i + 1);
  return n >= 0 && columns.times[i] - columns.times[n] <= columns.gap ? values[n] : null;
}

// summary is a curve's last, least, mean and most between two times; null when it has nothing there. Means are of windows
// of one length, so each counts alike.
export function summary(columns, column, from, to) {
  let last = null, least = Infinity, most = -Infinity, sum = 0, n = 0;
  for (let i = 0; i < columns.times.length; i++) {
    const v = column.values[i];
    if (columns.times[i] < from || columns.times[i] > to || v === null || v === undefined) continue;
    last = v;
    sum += v;
    n++;
    least = Math.min(least, column.low?.[i] ?? v);
    most = Math.max(most, column.high?.[i] ?? v);
  }
  return n === 0 ? null : { last, least, most, mean: sum / n };
}

// clusters puts events that would lie on each other together: [{x, events}], x in pixels. place maps a time to a pixel.
export function clusters(events, place, width, apart = 26) {
  const out = [];
  for (const event of [...events].sort((a, b) => a.at - b.at)) {
    const x = place(event.at);
    if (x < 0 || x > width) continue;
    const last = out.at(-1);
    if (last && x - last.x < apart) last.events.push(event);
    else out.push({ x, events: [event] });
  }
  return out;
}

// bandsOf are the times during which overrides lasted: [{ac, setpoint, from, to}], from the events of a room in any order. One
// without an end lasts until its own, or until now. An end that names a setpoint ends the newest one of it; else all end.
export function bandsOf(events, now) {
  const out = [];
  for (const event of [...events].sort((a, b) => a.at - b.at)) {
    if (event.kind === "override_began") out.push({ ac: event.ac, setpoint: event.setpoint, from: event.at, to: event.until || now });
    if (event.kind !== "override_ended") continue;
    const open = out.filter((band) => band.ac === event.ac && band.to > event.at);
    const one = open.findLast((band) => band.setpoint === event.setpoint);
    for (const band of one ? [one] : open) band.to = event.at;
  }
  return out;
}
