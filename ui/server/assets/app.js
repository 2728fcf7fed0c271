// The page: it keeps the newest snapshot, redraws it each second so that ages and countdowns move, and covers
// its controls when the stream is silent.
import { el } from "./dom.js";
import { rooms } from "./rooms.js";
import { boxes, functions } from "./boxes.js";
import { refreshCharts } from "./chart.js";
import { refreshSteps, steps } from "./steps.js";

// silence is how long the stream may be quiet, ms: the server beats every 5 s.
const silence = 12000;

let snapshot = null;
let heard = 0; // this browser's clock, ms
let offset = 0; // server's clock minus this browser's, ms

const now = () => Date.now() + offset;
const lost = () => Date.now() - heard > silence;
const byId = (id) => document.getElementById(id);

function listen() {
  const stream = new EventSource("/api/v1/events");
  stream.addEventListener("state", (event) => {
    const first = snapshot === null;
    snapshot = JSON.parse(event.data);
    hear(snapshot.now);
    draw();
    if (first) refreshCharts(snapshot).then(draw);
  });
  stream.addEventListener("heartbeat", (event) => hear(JSON.parse(event.data).now));
  stream.onerror = () => {
    // A browser stops for ever when the answer was no stream; start anew.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    draw();
  };
}

function hear(serverNow) {
  heard = Date.now();
  offset = serverNow - heard;
}

function draw() {
  const gone = lost();
  const banner = byId("lost");
  banner.hidden = !gone;
  banner.textContent = heard === 0 ? "No connection to the Control Room yet: values and controls are off." :
    `No connection for ${Math.round((Date.now() - heard) / 1000)} s: the values below are old, the controls are off.`;
  if (!snapshot) return;
  const view = { now: now(), lost: gone };
  header(view);
  keep("alerts", alerts(view));
  keep("rooms", rooms(snapshot, view));
  keep("steps", steps());
  keep("boxes", boxes(snapshot, view));
  keep("functions", functions(snapshot, view));
}

// keep replaces a section, and gives the focus back to the control that had it.
function keep(id, nodes) {
  const section = byId(id);
  const focused = section.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Set([...section.querySelectorAll("details[open]")].map((d) => d.id));
  section.replaceChildren(...nodes);
  section.querySelectorAll("details").forEach((d) => { d.open = open.has(d.id); });
  if (focused) byId(focused)?.focus();
}

function header(view) {
  const service = snapshot.service;
  byId("service").replaceChildren(...(service ? [
    el("b", {}, service.service), " ",
    el("span", { class: `badge ${phaseClass(service.phase)}` }, service.phase),
    ` revision ${service.revision}`,
    service.fault ? el("span", { class: "bad" }, ` ${service.fault}`) : "",
    service.waiting ? el("span", { class: "warn" }, ` waits for an approval of ${service.waiting}`) : "",
  ] : [el("span", { class: "warn" }, "the service's workflow has not answered yet")]));
  byId("sources").replaceChildren(...Object.entries(snapshot.sources).map(([name, source]) =>
    el("span", { class: `badge ${source.fault ? "bad" : "good"}`, title: source.fault ?? "" }, source.fault ? `${name} is away` : name)));
  byId("clock").textContent = new Date(view.now).toLocaleTimeString();
}

function phaseClass(phase) {
  if (phase === "tuning") return "good";
  return phase === "failed" || phase === "down" ? "bad" : "warn";
}

// The worst come first. Of one kind in one room only the newest has a card of its own; the others are behind it.
function alerts(view) {
  const kinds = new Map();
  for (const alert of snapshot.alerts) {
    const kind = `${alert.room}: ${alert.kind} ${alert.severity}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), alert]);
  }
  return [...kinds.values()].map(([first, ...others]) => el("div", { class: `card alert ${first.severity}` },
    el("b", {}, `${first.room}: ${first.kind}`), " ", el("span", { class: `badge ${first.severity === "warning" ? "warn" : "bad"}` }, first.severity),
    ...said(first, view),
    ...(others.length === 0 ? [] : [el("details", { id: `alerts-${first.id}` }, el("summary", {}, `${others.length} more`),
      el("ul", {}, ...others.map((alert) => el("li", {}, ...said(alert, view)))))])));
}

function said(alert, view) {
  return [` ${alert.evidence} `, el("span", { class: "quiet" }, `for ${Math.max(0, Math.round((view.now - alert.began_ms) / 60000))} min`),
    answered(alert.answer)];
}

function answered(answer) {
  if (!answer) return "";
  const until = answer.kind === "shelve" ? ` until ${new Date(answer.until_ms).toLocaleString()}` : "";
  const why = answer.why ? `: ${answer.why}` : "";
  return el("span", { class: "badge warn" }, `${answer.kind === "shelve" ? "shelved" : "acknowledged"} by ${answer.who}${until}${why}`);
}

listen();
setInterval(draw, 1000);
setInterval(() => { if (snapshot) refreshSteps(snapshot).then(draw); }, 1000);
setInterval(() => { if (snapshot) refreshCharts(snapshot).then(draw); }, 15000);
