// The items of a box: what its numbers are called, how they are written, and their last hour.
import { get } from "../../core/api.js";
import { bytes, number, percent, span } from "../../core/format.js";

// The least age from which a measurement is old, ms; else three of the box's own intervals.
const staleLeast = 90000;

const rate = (v) => (v === null || v === undefined ? "–" : `${bytes(v)}/s`);
const perSecond = (v) => (v === null || v === undefined ? "–" : `${number(v, v > 0 && v < 10 ? 2 : 0)} /s`);

// Each item: its key in i18n, how it is written, and, where it has one, the series that draws it with the span of its
// picture. of "disk" and "interface" are taken together on a card: the fullest disk, the sum of the interfaces.
export const items = [
  { key: "cpu", field: "cpu_percent", series: "cpu_percent", show: percent, floor: 0, ceiling: 100 },
  { key: "user", field: "cpu_user_percent", series: "cpu_user_percent", show: percent, floor: 0, ceiling: 100 },
  { key: "system", field: "cpu_system_percent", series: "cpu_system_percent", show: percent, floor: 0, ceiling: 100 },
  { key: "idle", field: "cpu_idle_percent", series: "cpu_idle_percent", show: percent, floor: 0, ceiling: 100 },
  { key: "load", field: "load1", series: "load1", show: (v) => number(v, 2), floor: 0 },
  { key: "uptime", field: "uptime_s", show: (v) => (v === null || v === undefined ? "–" : span(v * 1000)) },
  { key: "memory", field: "mem_available_bytes", series: "mem_available_bytes", show: bytes, floor: 0 },
  { key: "memory_total", field: "mem_total_bytes", show: bytes },
  { key: "disk", of: "disk", series: "used_percent", show: percent, floor: 0, ceiling: 100 },
  { key: "in", of: "interface", series: "in_bytes_s", show: rate, floor: 0 },
  { key: "out", of: "interface", series: "out_bytes_s", show: rate, floor: 0 },
  { key: "in_errors", of: "interface", series: "in_errors_s", show: perSecond, floor: 0 },
  { key: "out_errors", of: "interface", series: "out_errors_s", show: perSecond, floor: 0 },
  { key: "in_discards", of: "interface", series: "in_discards_s", show: perSecond, floor: 0 },
  { key: "out_discards", of: "interface", series: "out_discards_s", show: perSecond, floor: 0 },
];

export const interfaceItems = items.filter((item) => item.of === "interface");

// outward are the interfaces that lead out of the box: what goes through lo is no traffic.
const outward = (interfaces) => (interfaces ?? []).filter((one) => one.name !== "lo");

const sum = (values) => {
  const known = values.filter((v) => v !== null && v !== undefined);
  return known.length ? known.reduce((a, b) => a + b, 0) : null;
};

// valueOf is an item of a resource: of several disks the fullest, of interfaces their sum.
export function valueOf(resource, item) {
  if (item.of === "disk") return fullest(resource)?.used_percent ?? null;
  if (item.of === "interface") return sum(outward(resource.interfaces).map((one) => one[item.series]));
  return resource[item.field] ?? null;
}

export const fullest = (resource) => [...(resource?.disks ?? [])].sort((a, b) => b.used_percent - a.used_percent)[0];

// hourOf is the last hour of an item as valueOf takes it; empty while it is not known.
export function hourOf(hour, resource, item) {
  if (!hour || !item.series) return [];
  const mine = hour.series.filter((one) => one.item === item.series);
  if (item.of === "disk") return mine.find((one) => one.of === fullest(resource)?.path)?.values ?? [];
  if (item.of !== "interface") return mine[0]?.values ?? [];
  const out = mine.filter((one) => one.of !== "lo");
  return out.length ? out[0].values.map((_, i) => sum(out.map((one) => one.values[i]))) : [];
}

export const partOf = (hour, series, of) => hour?.series.find((one) => one.item === series && one.of === of)?.values ?? [];

// stale says that a box's newest measurement is too old to go by.
export const stale = (resource, hour, now) => now - resource.time_ms > Math.max(staleLeast, 3 * (hour?.interval_ms ?? 0));

// hours are the last hours of boxes, by name, and why one is missing.
export const hours = { of: {}, faults: {} };

// follow asks for the hours of boxes now and each minute, until what it returns is called. names is asked each time.
export function follow(names, redraw) {
  let ended = false;
  const ask = async () => {
    if (document.hidden) return;
    for (const name of names()) {
      try {
        hours.of[name] = await get(`/boxes/${encodeURIComponent(name)}/items?minutes=60&points=60`);
        delete hours.faults[name];
      } catch (err) {
        hours.faults[name] = err.message;
      }
      if (ended) return;
      redraw();
    }
  };
  const begin = async () => {
    for (let tries = 0; !ended && names().length === 0 && tries < 100; tries++) await new Promise((done) => setTimeout(done, 100));
    if (!ended) await ask();
  };
  begin();
  const timer = setInterval(ask, 60000);
  document.addEventListener("visibilitychange", ask);
  return () => {
    ended = true;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", ask);
  };
}
