// The heat between the sensors. Pure: numbers in, numbers and colours out.

// The scale of the 2017 page, °C.
export const low = 15, high = 35;

// The colours of the scale: blue over pale yellow to dark red, which people who cannot tell red from green can tell apart;
// since both ends are dark, contours and their labels say the rest. [part of the scale, red, green, blue]
const stops = [
  [0, 49, 54, 149], [0.125, 69, 117, 180], [0.25, 116, 173, 209], [0.375, 171, 217, 233], [0.5, 255, 255, 191],
  [0.625, 253, 174, 97], [0.75, 244, 109, 67], [0.875, 215, 48, 39], [1, 165, 0, 38],
];

// part of the scale at a temperature, 0 to 1.
export const part = (celsius) => Math.min(1, Math.max(0, (celsius - low) / (high - low)));

// rgb of the scale at a temperature.
export function rgb(celsius) {
  const at = part(celsius);
  const i = Math.max(1, stops.findIndex(([p]) => p >= at));
  const [p0, ...from] = stops[i - 1], [p1, ...to] = stops[i];
  const f = (at - p0) / (p1 - p0);
  return from.map((c, k) => Math.round(c + (to[k] - c) * f));
}

export const colour = (celsius) => `rgb(${rgb(celsius).join(" ")})`;

// ink is black or white, whichever can be read on the scale's colour at a temperature.
export function ink(celsius) {
  const [r, g, b] = rgb(celsius).map((c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

// field spreads points [{x, y, celsius}] (x and y 0 to 1) over columns × rows by inverse distance; aspect is the floor's width
// over its height, so that distance means the same both ways. The answer never leaves the range of the points. It is
// {columns, rows, celsius: Float32Array, near: Float32Array}, near being 1 at a sensor and falling with the distance
// from the nearest: far from all of them the field is only a guess, and is drawn paler. Null without points.
export function field(points, columns, rows, aspect = 1) {
  if (points.length === 0) return null;
  const celsius = new Float32Array(columns * rows), near = new Float32Array(columns * rows);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const x = (i + 0.5) / columns, y = (j + 0.5) / rows;
      let sum = 0, weight = 0, nearest = Infinity;
      for (const p of points) {
        const d2 = ((x - p.x) * aspect) ** 2 + (y - p.y) ** 2;
        nearest = Math.min(nearest, d2);
        // The small addend rounds the peak at a sensor off; the power is inverse distance to the third.
        const w = 1 / (d2 + 0.0009) ** 1.5;
        sum += w * p.celsius;
        weight += w;
      }
      celsius[j * columns + i] = sum / weight;
      near[j * columns + i] = 1 / (1 + nearest / 0.12);
    }
  }
  return { columns, rows, celsius, near };
}

// levels are the temperatures of contours for a field: whole degrees, at most seven or so.
export function levels(f) {
  let least = Infinity, most = -Infinity;
  for (const c of f.celsius) { least = Math.min(least, c); most = Math.max(most, c); }
  const step = [1, 2, 5, 10].find((s) => (most - least) / s <= 7) ?? 20;
  const out = [];
  for (let c = Math.ceil(least / step) * step; c <= most; c += step) if (c > least) out.push(c);
  return out;
}

// contour is where a field passes a temperature: lines as lists of [x, y], 0 to 1, longest first (marching squares).
export function contour(f, celsius) {
  const { columns, rows } = f;
  const at = (i, j) => f.celsius[j * columns + i] - celsius;
  const segments = [];
  const cross = (i0, j0, i1, j1) => {
    const a = at(i0, j0), b = at(i1, j1);
    const k = a / (a - b);
    return [(i0 + (i1 - i0) * k + 0.5) / columns, (j0 + (j1 - j0) * k + 0.5) / rows];
  };
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const edges = [[i, j, i + 1, j], [i + 1, j, i + 1, j + 1], [i, j + 1, i + 1, j + 1], [i, j, i, j + 1]]
        .filter(([a, b, c, d]) => (at(a, b) < 0) !== (at(c, d) < 0)).map((e) => cross(...e));
      for (let k = 0; k + 1 < edges.length; k += 2) segments.push([edges[k], edges[k + 1]]);
    }
  }
  return join(segments).sort((a, b) => b.length - a.length);
}

// labels chooses where each contour [{celsius, lines}] says its temperature: the point of it that is farthest from what is in
// the way [[x, y]], from the other labels and from the rim. It answers [{celsius, x, y}]; a contour with no free point has none.
export function labels(contours, taken, aspect = 1) {
  const away = ([x, y], [a, b]) => Math.hypot((x - a) * aspect, y - b);
  const room = (point, others) => Math.min(...others.map((other) => away(point, other)), 2 * Math.min(point[0] * aspect, (1 - point[0]) * aspect, point[1], 1 - point[1]));
  const placed = [];
  for (const { celsius, lines } of contours) {
    let best = null, most = 0.07;
    for (const point of lines.flat()) {
      const free = room(point, [...taken, ...placed.map((p) => [p.x, p.y])]);
      if (free > most) { best = point; most = free; }
    }
    if (best) placed.push({ celsius, x: best[0], y: best[1] });
  }
  return placed;
}

// join strings segments together to lines where their ends meet.
function join(segments) {
  const key = ([x, y]) => `${x.toFixed(5)} ${y.toFixed(5)}`;
  const ends = new Map();
  const note = (point, s) => ends.set(key(point), [...(ends.get(key(point)) ?? []), s]);
  segments.forEach((s) => { note(s[0], s); note(s[1], s); });
  const used = new Set();
  const grow = (line) => {
    for (;;) {
      const end = line[line.length - 1];
      const next = (ends.get(key(end)) ?? []).find((s) => !used.has(s));
      if (!next) return line;
      used.add(next);
      line.push(key(next[0]) === key(end) ? next[1] : next[0]);
    }
  };
  return segments.filter((s) => !used.has(s)).map((s) => {
    if (used.has(s)) return [];
    used.add(s);
    return grow(grow([...s]).reverse());
  }).filter((line) => line.length > 1);
}
