// What the page knows of the service: the last graph that was heard, since when nothing new is, and which deploy is shown.
import { get, Refused } from "../../core/api.js";
import { t } from "../../core/i18n.js";
import { now } from "../../core/live.js";

// How long a graph is good for, ms: while a change is under way, and else.
const busy = 1500, quiet = 10000;

export const model = {
  name: "", graph: null, heard: 0, fault: "", absent: false, // absent: no such service runs
  deploys: null, deploysFault: "",
  shown: 0, old: null, oldFault: "", // a revision other than the newest that the steps are shown of
  chosen: "", // node of the graph whose details are shown
};

let redraw = () => {};
let turn = () => {};
let timer = 0;
let asking = false;
let about = "";

// sentence is why nothing new is known: the server's own words, or that it is silent.
const sentence = (err) => (err instanceof Refused ? err.message : t("service.no_answer"));

export const under = (graph) => ["matching", "placing", "stitching", "stopping"].includes(graph?.phase);

// begin follows the service until its answer is called.
export function begin(draw) {
  let ended = false;
  redraw = draw;
  turn = async () => {
    clearTimeout(timer);
    if (!document.hidden) await refresh();
    clearTimeout(timer);
    if (!ended) timer = setTimeout(turn, under(model.graph) || model.graph?.waiting ? busy : quiet);
  };
  turn();
  return () => { ended = true; clearTimeout(timer); redraw = () => {}; turn = () => {}; };
}

// refresh asks now; who has just changed something calls it.
export async function refresh() {
  if (asking) return;
  asking = true;
  try {
    if (!model.name) model.name = (await (await fetch("/healthz")).json()).service;
    model.graph = await get(path(""));
    Object.assign(model, { heard: now(), fault: "", absent: false });
    const stands = `${model.graph.revision} ${model.graph.phase} ${model.graph.waiting ?? ""}`;
    if (stands !== about || !model.deploys) {
      about = stands;
      await refreshDeploys();
    }
  } catch (err) {
    model.absent = err.status === 404;
    model.fault = sentence(err);
  } finally {
    asking = false;
    redraw();
  }
}

async function refreshDeploys() {
  try {
    model.deploys = (await get(path("/deploys"))).items;
    model.deploysFault = "";
  } catch (err) {
    model.deploysFault = sentence(err);
  }
}

export const path = (rest) => `/services/${encodeURIComponent(model.name)}${rest}`;

// show picks the revision whose steps are shown; zero is the newest one.
export async function show(revision) {
  const newest = revision === 0 || revision === model.graph?.steps_revision;
  Object.assign(model, { shown: newest ? 0 : revision, old: null, oldFault: "" });
  redraw();
  if (newest) return;
  try {
    const old = await get(path(`/deploys/${revision}`));
    if (model.shown === revision) model.old = old;
  } catch (err) {
    if (model.shown === revision) model.oldFault = sentence(err);
  }
  redraw();
}

// soon asks anew until the service shows the revision, or for ten seconds.
export async function soon(revision) {
  Object.assign(model, { shown: 0, old: null });
  for (let i = 0; i < 10 && (model.graph?.revision ?? 0) < revision; i++) {
    await refresh();
    await new Promise((done) => setTimeout(done, 500));
  }
  turn();
}

// graphOf makes a graph of the status that the stream carries, for a page that was opened while no graph could be asked for.
export function graphOf(status) {
  if (!status) return null;
  return {
    ...status, steps: (status.steps ?? []).map((step) => ({ ...step, duration_ms: Math.max(0, Date.parse(step.ended ?? step.started) - Date.parse(step.started)) || 0 })),
    functions: status.functions ?? [], boxes: status.boxes ?? [], tuned: [], wanted: [], critical: [], runs: [], partial: true,
    links: (status.functions ?? []).flatMap((f) => (f.probes ?? []).map((p) => ({ consumer: f.function, replica: f.replica, proven: true, ...p }))),
  };
}

// weburl is where a run, or one event of it, is seen in Temporal's Web UI; empty when nobody said where that is.
export function weburl(graph, workflow, event) {
  const run = graph?.runs?.find((one) => one.workflow === workflow);
  if (!graph?.web || !run) return "";
  return `${graph.web}/${encodeURIComponent(workflow)}/${encodeURIComponent(run.run)}/history${event ? `/events/${event}` : ""}`;
}
