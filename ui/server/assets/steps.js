// The steps of the newest change: one row each, with a bar for when it ran. A quiet service is asked rarely.
import { el, svg } from "./dom.js";
import { pull } from "./pulls.js";

// How long a graph is good for, ms: while a change is under way, and else.
const busy = 2000, quiet = 30000;

let graph = null;
let asked = 0; // this browser's clock, ms
let asking = false;
let shown = ""; // what the graph was asked about

export async function refreshSteps(snapshot) {
  const service = snapshot.service;
  if (!service || asking) return;
  const about = `${service.revision} ${service.phase} ${service.since}`;
  const under = ["matching", "placing", "stitching"].includes(service.phase);
  if (about === shown && Date.now() - asked < (under ? busy : quiet)) return;
  asking = true;
  try {
    const answer = await fetch(`/api/v1/services/${encodeURIComponent(service.service)}`);
    if (answer.ok) {
      graph = await answer.json();
      shown = about;
    }
  } catch {
    // The banner says already that nothing answers.
  } finally {
    asked = Date.now();
    asking = false;
  }
}

const classes = { done: "good", failed: "bad", running: "warn", approval: "warn", undone: "warn" };

export function steps() {
  const all = graph?.steps ?? [];
  if (all.length === 0) return [];
  const begun = all.filter((step) => step.started);
  const from = Math.min(...begun.map((step) => Date.parse(step.started)));
  const to = Math.max(from + 1, ...begun.map((step) => Date.parse(step.started) + step.duration_ms));
  const failed = all.some((step) => step.state === "failed");
  const bad = all.filter((step) => step.state !== "done").length;
  const words = `${all.length} steps in ${seconds(to - from)}${bad ? `, ${bad} not done` : ""}`;
  const open = failed || ["matching", "placing", "stitching"].includes(graph.phase);
  return [el("div", { class: "card" },
    el("h2", {}, "Steps ", el("span", { class: "quiet" }, `of revision ${graph.revision}`)),
    open ? table(all, from, to) : el("details", { id: "steps-all" }, el("summary", {}, words), table(all, from, to)))];
}

function table(all, from, to) {
  return el("div", { class: "scroll" }, el("table", { class: "steps" },
    el("thead", {}, el("tr", {}, ["step", "state", "when", "took", "tries", "result"].map((head) => el("th", {}, head)))),
    el("tbody", {}, all.map((step) => row(step, from, to)))));
}

function row(step, from, to) {
  const after = (step.after ?? []).length ? `after ${step.after.join(", ")}` : "";
  const retries = (step.retries ?? []).join("\n");
  return el("tr", {},
    el("td", { title: after }, step.title),
    el("td", {}, el("span", { class: `badge ${classes[step.state] ?? "quiet"}` }, step.state)),
    el("td", {}, bar(step, from, to)),
    el("td", {}, step.started ? seconds(step.duration_ms) : ""),
    el("td", { class: step.attempts > 1 ? "warn" : "", title: retries }, step.attempts ?? ""),
    step.pull ? pull(step.pull) : el("td", { class: "quiet detail", title: step.detail ?? "" }, (step.detail ?? "").split("\n")[0]));
}

function bar(step, from, to) {
  const width = 120, scale = width / (to - from);
  const mark = svg("svg", { class: "bar", width, height: 10, viewBox: `0 0 ${width} 10`, "aria-hidden": "true" });
  if (step.started) {
    const long = Math.max(2, step.duration_ms * scale);
    const x = Math.min((Date.parse(step.started) - from) * scale, width - long);
    mark.append(svg("rect", { x, y: 1, width: long, height: 8, rx: 2, class: `bar-${step.state}` }));
  }
  return mark;
}

function seconds(ms) {
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.round(ms / 1000) % 60} s`;
}
