// Boxes with their resources, functions with their probes.
import { ago, bytes, el, number } from "./dom.js";

export function boxes(snapshot, view) {
  if (snapshot.boxes.length === 0) return [];
  return [el("div", { class: "card" }, el("h2", {}, "Boxes"), table(
    ["box", "engine", "cpu", "memory free", "disk", "network in / out", "measured"],
    snapshot.boxes.map((box) => boxRow(box, view))))];
}

function boxRow(box, view) {
  const r = box.resource;
  const stale = r && view.now - r.time_ms > 120000;
  const disk = r?.disks?.[0];
  const rate = (key) => {
    const known = (r?.interfaces ?? []).map((i) => i[key]).filter((value) => value !== null && value !== undefined);
    return known.length === 0 ? "–" : `${bytes(known.reduce((total, value) => total + value, 0))}/s`;
  };
  return el("tr", { class: stale ? "quiet" : "" },
    el("td", {}, el("b", {}, box.name)),
    el("td", {}, state(box)),
    el("td", {}, typeof r?.cpu_percent === "number" ? `${number(r.cpu_percent, 0)} %` : "–"),
    el("td", {}, r ? `${bytes(r.mem_available_bytes)} of ${bytes(r.mem_total_bytes)}` : "–"),
    el("td", {}, disk ? `${disk.path} ${number(disk.used_percent, 0)} %` : "–"),
    el("td", {}, r ? `${rate("in_bytes_s")} / ${rate("out_bytes_s")}` : "–"),
    el("td", {}, r ? `${r.source}, ${ago(view.now - r.time_ms)}` : "not measured"));
}

function state(box) {
  if (!box.reachable) return [el("span", { class: "badge bad" }, "unreachable"), ` ${box.fault ?? ""}`];
  return [el("span", { class: "badge good" }, box.process ? "process box" : "engine"), ` ${box.platform ?? ""}`];
}

export function functions(snapshot) {
  const all = snapshot.service?.functions ?? [];
  if (all.length === 0) return [];
  return [el("div", { class: "card" }, el("h2", {}, "Functions"), table(
    ["function", "box", "state", "address", "connections proven", "image"],
    all.map((f) => el("tr", {},
      el("td", {}, el("b", {}, f.function), f.replica > 1 ? ` ${f.replica}` : ""),
      el("td", {}, f.box),
      el("td", {}, el("span", { class: `badge ${["running", "healthy", "external", "completed"].includes(f.state) ? "good" : "warn"}` }, f.state)),
      el("td", {}, (f.addresses ?? []).join(", ")),
      el("td", {}, (f.probes ?? []).map((p, i) => el("span", { class: p.connected ? "good" : "bad", title: p.fault || `${p.address} in ${number(p.ms)} ms` }, i ? ", " : "", p.connected ? "✓ " : "✗ ", p.provider))),
      el("td", { class: "quiet", title: f.digest }, f.image)))))];
}

function table(heads, rows) {
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", {}, head)))), el("tbody", {}, rows)));
}
