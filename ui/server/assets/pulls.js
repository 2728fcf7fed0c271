// A pull that runs: a bar, bytes, rate and layers, with the single layers behind the title.
import { el, svg } from "./dom.js";

export function pull(progress) {
  const done = Math.min(progress.bytes, progress.total_bytes);
  const words = [`${mb(done)}/${mb(progress.total_bytes)} MB`];
  if (progress.layers === 0) words.push(`asks ${progress.from ?? "the registry"}`);
  else if (done >= progress.total_bytes) words.push("unpacks");
  else words.push(`${mb(progress.rate ?? 0)} MB/s`);
  if (progress.layers > 0) words.push(`layers ${progress.layers_done}/${progress.layers}`);
  const left = (progress.rate ?? 0) >= 1000 ? (progress.total_bytes - done) / progress.rate : 0;
  if (left >= 1) words.push(left > 90 ? `${Math.round(left / 60)} min left` : `${Math.round(left)} s left`);
  const layers = (progress.each ?? []).map((layer) => `${layer.id} ${layer.status} ${mb(layer.bytes)}${layer.total ? `/${mb(layer.total)}` : ""} MB`);
  return el("td", { title: [progress.from ? `from ${progress.from}` : "", ...layers].join("\n").trim() }, meter(done, progress.total_bytes), words.join(" · "));
}

function meter(done, all) {
  const width = 160;
  return svg("svg", { class: "bar", width, height: 6, viewBox: `0 0 ${width} 6`, "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width: (width * done) / all, height: 6, rx: 2, class: "bar-done" }));
}

const mb = (n) => (n / 1e6).toFixed(1);
