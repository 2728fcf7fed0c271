// One panel of the chart: uPlot with our scales, axes, zones and marks. Colours are names of CSS variables.
import { labels, splitsOf, stepFor } from "./axis.js";
import { number } from "../format.js";

let library;
// uPlot is fetched when the first chart is drawn, with its style sheet.
export function uPlot() {
  library ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = new URL("../../lib/uPlot.css", import.meta.url);
    sheet.onload = sheet.onerror = () => import("../../lib/uPlot.js").then((m) => resolve(m.default), reject);
    document.head.append(sheet);
  }).catch((err) => { library = undefined; throw err; });
  return library;
}

// palette resolves a CSS colour, with a part of transparency, to what a canvas takes, as it is on an element now.
export function palette(element) {
  const probe = document.createElement("i");
  probe.hidden = true;
  element.append(probe);
  const known = new Map();
  const colour = (name, part = 1) => {
    const key = `${name} ${part}`;
    if (!known.has(key)) {
      probe.style.color = part === 1 ? `var(${name})` : `color-mix(in srgb, var(${name}) ${part * 100}%, transparent)`;
      known.set(key, getComputedStyle(probe).color);
    }
    return known.get(key);
  };
  colour.end = () => probe.remove();
  return colour;
}

// columnsFor are a panel's columns for uPlot: the times, each curve, then the envelopes of those that have one.
export function columnsFor(panel, columns) {
  const of = (curve, part) => columns.by[curve.id]?.[part] ?? nothing(columns.times.length);
  return [
    columns.times,
    ...panel.curves.map((curve) => of(curve, "values")),
    ...panel.curves.filter((curve) => curve.envelope).flatMap((curve) => [of(curve, "high"), of(curve, "low")]),
  ];
}

const nothing = (n) => new Array(n).fill(null);

// plot draws a panel into host. chart gives view(), off, marks() and bands(), and takes zoomTo(from, to) and cursor(i).
export function plot(UPlot, { panel, columns, host, width, colour, chart }) {
  const series = [{}];
  const bands = [];
  for (const curve of panel.curves) {
    series.push({
      label: curve.id, scale: curve.axis ?? "y", stroke: colour(curve.colour), width: curve.width ?? 1.5, dash: curve.dash, show: !chart.off.has(curve.id),
      paths: curve.step ? UPlot.paths.stepped({ align: 1 }) : undefined, points: { show: false, filter: lonely, size: 4, width: 0, fill: colour(curve.colour) },
    });
  }
  for (const curve of panel.curves.filter((c) => c.envelope)) {
    const edge = { scale: curve.axis ?? "y", stroke: "transparent", width: 0, points: { show: false }, show: !chart.off.has(curve.id) };
    series.push({ ...edge, label: `${curve.id} high` }, { ...edge, label: `${curve.id} low` });
    bands.push({ series: [series.length - 2, series.length - 1], fill: colour(curve.colour, 0.16) });
  }
  const options = {
    width, height: panel.height, ms: 1, series, bands, legend: { show: false },
    padding: [6, panel.axes.length > 1 ? 0 : right(chart), 0, 0], // one axis of time: all panels are as wide as the one with two scales
    cursor: {
      sync: { key: chart.key, setSeries: false, scales: ["x", null] }, drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: 6 }, y: false,
    },
    scales: scales(panel, chart),
    axes: axes(panel, colour, chart),
    hooks: {
      drawClear: [(u) => { zones(u, panel, colour); overrides(u, panel, chart, colour); }],
      draw: [(u) => { limits(u, panel, colour); marks(u, chart, colour); }],
      setSelect: [(u) => select(u, chart)],
      setCursor: [(u) => { if (u.cursor.event) chart.cursor(u.cursor.idx); }],
    },
  };
  return new UPlot(options, columnsFor(panel, columns), host);
}

// lonely are the values that stand alone between gaps, which no line would show; null when there are none.
function lonely(u, i) {
  const values = u.data[i];
  const [from, to] = u.series[i].idxs ?? [0, values.length - 1];
  const alone = [];
  let last = -1, beside = false; // the last value, and whether a line ends there
  const there = (n) => values[n] !== null && values[n] !== undefined;
  for (let n = from; n <= to; n++) {
    if (there(n)) {
      if (last >= 0 && !gapBetween(values, last, n)) beside = true;
      else { if (last >= 0 && !beside) alone.push(last); beside = false; }
      last = n;
    }
  }
  if (last >= 0 && !beside) alone.push(last);
  return alone.length > 0 ? alone : null;
}

function gapBetween(values, a, b) {
  for (let n = a + 1; n < b; n++) if (values[n] === null) return true;
  return false;
}

function scales(panel, chart) {
  const range = (axis) => (u, low, high) => {
    let [least, most] = [low ?? Infinity, high ?? -Infinity];
    for (const value of axis.always ?? []) { least = Math.min(least, value); most = Math.max(most, value); }
    if (least > most) [least, most] = [0, 1];
    const grow = Math.max(axis.span ?? 1, (most - least) * 1.08) - (most - least);
    return [axis.zero && least >= 0 ? 0 : least - grow / 2, most + grow / 2];
  };
  const all = { x: { time: false, range: () => { const { from, to } = chart.view(); return [from, to]; } } };
  for (const axis of panel.axes) all[axis.scale ?? "y"] = { range: range(axis) };
  return all;
}

// right is how much room a second scale takes.
const right = (chart) => (chart.narrow ? 34 : 52);

const font = "12px system-ui, 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif";

function axes(panel, colour, chart) {
  const look = { stroke: colour("--quiet"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1, size: 4 } };
  let step = 1000;
  const x = {
    ...look, size: panel.last ? 42 : 8, space: 70,
    splits: (u, i, from, to) => { step = stepFor(from, to, u.bbox.width / devicePixelRatio); return splitsOf(from, to, step); },
    values: (u, splits) => (panel.last ? labels(splits, step) : splits.map(() => "")),
  };
  return [x, ...panel.axes.map((axis, i) => ({
    ...look, scale: axis.scale ?? "y", side: i === 0 ? 3 : 1, size: i === 0 ? (chart.narrow ? 40 : 56) : right(chart), space: 34,
    grid: i === 0 ? look.grid : { show: false },
    values: (u, splits) => splits.map((v) => (v === null ? "" : number((v / (axis.per ?? 1)), digits(splits, axis.per ?? 1)) + (axis.unit && !chart.narrow ? ` ${axis.unit}` : ""))),
  }))];
}

// digits are as many as the steps between splits need.
function digits(splits, per) {
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / per : 1;
  return step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
}

function clipped(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

// zones are the ranges of values that are wanted: the band.
function zones(u, panel, colour) {
  clipped(u, (ctx, box) => {
    for (const zone of panel.zones ?? []) {
      const top = u.valToPos(zone.to, "y", true), bottom = u.valToPos(zone.from, "y", true);
      ctx.fillStyle = colour(zone.colour, 0.13);
      ctx.fillRect(box.left, top, box.width, bottom - top);
    }
  });
}

// overrides are the times during which a person's setpoint held: shaded, with a bar at the top that is seen without colour.
function overrides(u, panel, chart, colour) {
  if (!panel.overrides) return;
  clipped(u, (ctx, box) => {
    for (const band of chart.bands()) {
      const left = u.valToPos(band.from, "x", true), right = u.valToPos(band.to, "x", true);
      if (right < box.left || left > box.left + box.width) continue;
      ctx.fillStyle = colour("--warn", 0.12);
      ctx.fillRect(left, box.top, Math.max(right - left, 2), box.height);
      ctx.fillStyle = colour("--warn", 0.8);
      ctx.fillRect(left, box.top, Math.max(right - left, 2), 3 * devicePixelRatio);
    }
  });
}

// limits are lines at values, with their words: warn, high, critical.
function limits(u, panel, colour) {
  clipped(u, (ctx, box) => {
    ctx.font = `${11 * devicePixelRatio}px system-ui, 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif`;
    Object.assign(ctx, { textAlign: "left", textBaseline: "alphabetic" });
    for (const line of panel.lines ?? []) {
      const y = Math.round(u.valToPos(line.at, "y", true)) + 0.5;
      if (y < box.top || y > box.top + box.height) continue;
      ctx.strokeStyle = colour(line.colour, 0.7);
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.fillStyle = colour(line.colour);
      ctx.fillText(line.label, box.left + 6 * devicePixelRatio, y - 4 * devicePixelRatio);
    }
  });
}

// marks are thin lines where something happened.
function marks(u, chart, colour) {
  clipped(u, (ctx, box) => {
    for (const mark of chart.marks()) {
      const x = Math.round(u.valToPos(mark.at, "x", true)) + 0.5;
      if (x < box.left || x > box.left + box.width) continue;
      ctx.strokeStyle = colour(mark.colour, 0.55);
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, box.top);
      ctx.lineTo(x, box.top + box.height);
      ctx.stroke();
    }
    ctx.setLineDash([]);
  });
}

function select(u, chart) {
  const { left, width } = u.select;
  if (width < 6) return;
  const [from, to] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
  u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  chart.zoomTo(from, to);
}
