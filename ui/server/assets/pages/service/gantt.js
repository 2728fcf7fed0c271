// One deploy as bars on a time axis: what ran beside what, how long, how often it was tried and why.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { clock, bytes } from "../../core/format.js";
import { badge } from "../../core/parts.js";
import { weburl, under } from "./model.js";
import { lasted, said, stepKinds, stepSigns } from "./words.js";

const open = new Set(); // steps whose details are open
const folds = new Map(); // phase to whether a person folded it
const narrow = matchMedia("(max-width: 48rem)");
const phases = ["match", "place", "stitch"];

// gantt draws the steps of a graph; now is the server's clock, approve(step) lets a waiting step go on.
export function gantt(graph, ctx, { approve, old, redraw }) {
  const steps = graph.steps ?? [];
  if (steps.length === 0) return html`<p class="quiet">${t("service.no_steps")}</p>`;
  const scale = axis(steps, ctx.now, old);
  const critical = new Set(graph.critical ?? []);
  const parts = [...phases, ...new Set(steps.map((s) => s.phase))].filter((phase, i, all) => all.indexOf(phase) === i && steps.some((s) => s.phase === phase));
  return html`
    ${summary(graph, steps, scale)}
    <div class="gantt" role="table" aria-label=${t("service.steps_label", { revision: graph.steps_revision ?? graph.revision })}>
      <div class="gantt-head" role="row"><span role="columnheader">${t("service.step")}</span>
        <span class="gantt-track" role="columnheader" aria-label=${t("service.when")}>${scale.ticks.map((tick) => html`<i .style=${`left:${tick.at}%`}>${tick.text}</i>`)}</span>
        <span class="n" role="columnheader">${t("service.took")}</span><span class="n" role="columnheader">${t("service.tries")}</span></div>
      ${parts.map((phase) => part(phase, steps.filter((s) => s.phase === phase).sort(earlier), graph, ctx, { scale, critical, approve, redraw, old }))}
    </div>
    <p class="small quiet gantt-key">${["done", "running", "approval", "failed", "undone", "waiting"].filter((s) => steps.some((one) => one.state === s)).map((s) => html`<span><i class="key ${s}"></i> ${stepSigns[s]} ${t(`service.step_${s}`)}</span>`)}
      <span>◆ ${t("service.critical")}</span></p>`;
}

// part is one phase. On a narrow screen one that went well is folded until somebody opens it.
function part(phase, steps, graph, ctx, how) {
  const plain = steps.every((s) => s.state === "done" && !(s.attempts > 1));
  const folded = folds.get(phase) ?? (narrow.matches && plain);
  const begun = steps.filter((s) => s.started);
  const took = begun.length === 0 ? 0 : Math.max(...begun.map((s) => begin(s) + long(s, ctx.now, how.old))) - Math.min(...begun.map(begin));
  return html`
    <div class="gantt-phase" role="row"><span role="cell" class="row"><button class="plain" aria-expanded=${!folded} @click=${() => { folds.set(phase, !folded); how.redraw(); }}>
      ${folded ? "▸" : "▾"} ${t(`service.phase_${phase}`)} <span class="quiet small">${t("service.steps_done", { done: steps.filter((s) => s.state === "done").length, n: steps.length })}${took > 0 ? ` · ${lasted(took)}` : ""}</span></button>${runLink(graph, phase)}</span></div>
    ${folded ? nothing : repeat(steps, (s) => s.id, (step) => row(step, graph, ctx, how))}`;
}

const begin = (step) => (step.started ? Date.parse(step.started) : Infinity);
const earlier = (a, b) => (begin(a) === begin(b) ? 0 : begin(a) - begin(b));

// long is how long a step has taken, ms, by the clock where it goes on.
const goesOn = (step) => step.started && (step.state === "running" || step.state === "approval");
const long = (step, now, old) => (goesOn(step) && !old ? Math.max(0, now - begin(step)) : step.duration_ms ?? 0);

// axis is the time that all steps take, with round ticks.
function axis(steps, now, old) {
  const begun = steps.filter((s) => s.started);
  const from = Math.min(...begun.map(begin));
  const to = Math.max(from + 1, ...begun.map((s) => begin(s) + long(s, now, old)));
  const all = begun.length === 0 ? 1 : to - from;
  const unit = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].map((s) => s * 1000).find((ms) => all / ms <= 6) ?? all / 6;
  const ticks = [];
  for (let ms = 0; ms <= all * 0.96; ms += unit) ticks.push({ at: (100 * ms) / all, text: ms === 0 ? "0" : lasted(ms) });
  return { from, all: begun.length === 0 ? 0 : all, ticks, at: (ms) => (100 * (ms - from)) / all, wide: (ms) => (100 * ms) / all };
}

function summary(graph, steps, scale) {
  const begun = steps.filter((s) => s.started);
  const asked = begun.filter((s) => s.id.startsWith("approval/")).reduce((sum, s) => sum + (s.duration_ms ?? 0), 0);
  const busy = begun.reduce((sum, s) => sum + (s.duration_ms ?? 0), 0) - asked;
  const retried = steps.filter((s) => s.attempts > 1).length;
  const done = steps.filter((s) => s.state === "done").length;
  return html`<p class="row gantt-sum">
    ${begun.length > 0 ? html`<span><b class="big">${lasted(scale.all)}</b> <span class="quiet">${t("service.in_all", { at: clock(scale.from) })}</span></span>` : nothing}
    <span>${t("service.steps_done", { done, n: steps.length })}</span>
    <span>${t("service.at_once", { n: most(begun), times: (busy / Math.max(1, scale.all - asked)).toFixed(1) })}</span>
    ${retried > 0 ? badge("warn", t("service.retried", { n: retried })) : html`<span class="quiet">${t("service.retried_none")}</span>`}</p>`;
}

// most is how many steps were under way at the same time.
function most(steps) {
  const events = steps.filter((s) => s.duration_ms > 0).flatMap((s) => [[begin(s), 1], [begin(s) + s.duration_ms, -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0, top = 0;
  for (const [, by] of events) top = Math.max(top, now += by);
  return top;
}

function runLink(graph, phase) {
  const href = weburl(graph, `${phase}/${graph.service}/${graph.steps_revision ?? graph.revision}`);
  return href ? html`<a class="small" href=${href} target="_blank" rel="noopener">${t("service.in_temporal")} ↗</a>` : nothing;
}

function row(step, graph, ctx, { scale, critical, approve, redraw, old }) {
  const width = long(step, ctx.now, old);
  const shown = open.has(step.id);
  const flip = () => { if (!open.delete(step.id)) open.add(step.id); redraw(); };
  const gate = step.state === "approval" ? step.id.replace(/^approval\//, "") : "";
  return html`<div class="gantt-row ${step.state} ${critical.has(step.id) ? "critical" : ""}" role="row">
    <span class="gantt-name" role="cell"><button class="plain" aria-expanded=${shown} @click=${flip} title=${step.title}>
      <span class=${stepKinds[step.state] ?? "quiet"} title=${t(`service.step_${step.state}`)}>${stepSigns[step.state] ?? "?"}</span><span class="title" lang="en">${brief(step)}</span>${critical.has(step.id) ? html`<span class="mark" title=${t("service.critical")}>◆</span>` : nothing}</button></span>
    <span class="gantt-track" role="cell">${step.started ? html`<span class="bar ${step.state}" title=${`${t(`service.step_${step.state}`)} · ${lasted(width)}`} .style=${`left:${Math.min(scale.at(begin(step)), 99.6)}%;width:max(3px, ${scale.wide(width)}%)`}>${step.pull ? html`<span class="filled" .style=${`width:${share(step.pull)}%`}></span>` : nothing}</span>` : nothing}</span>
    <span class="n" role="cell">${step.started ? lasted(width) : html`<span class="quiet">${t(`service.step_${step.state}`)}</span>`}</span>
    <span class="n ${step.attempts > 1 ? "warn" : "quiet"}" role="cell">${step.attempts > 1 ? `${step.attempts}×` : step.attempts || ""}</span>
  </div>
  ${notes(step, gate, graph, ctx, approve, old)}
  ${shown ? more(step, graph) : nothing}`;
}

// brief is a step's title without what its row says already.
const brief = (step) => step.title.replace(/(\s)\S+\/(\S+:\S+)/, "$1$2");

const share = (pull) => (pull.total_bytes > 0 ? Math.min(100, (100 * pull.bytes) / pull.total_bytes) : 0);

// notes are what nobody should have to open: the fault, why it was tried again, bytes that come, who is waited for.
function notes(step, gate, graph, ctx, approve, old) {
  const lines = [];
  if (step.state === "failed" && step.detail) lines.push(html`<p class="bad">✕ ${said(step.detail)}</p>`);
  if ((step.state === "undone" || step.state === "stopped") && step.detail) lines.push(html`<p class="quiet">${said(step.detail)}</p>`);
  (step.retries ?? []).forEach((why, i) => lines.push(html`<p class="warn">↻ ${t("service.again_because", { i: i + 1 })} ${said(why)}</p>`));
  const untold = step.attempts - 1 - (step.retries ?? []).length;
  if (untold > 0) lines.push(html`<p class="quiet">↻ ${t("service.untold", { n: untold })}</p>`);
  if (step.pull) lines.push(pulling(step.pull));
  if (gate) {
    lines.push(html`<p class="warn row">‖ ${t("service.waits_for_person")} ${step.detail && !step.detail.startsWith("waits for") ? said(step.detail) : nothing}
      ${ctx.can("operator") && !old ? html`<span class="controls" ?inert=${ctx.lost}><button class="primary" @click=${() => approve(gate)}>${t("service.approve")}</button></span>` : nothing}</p>`);
  }
  return lines.length === 0 ? nothing : html`<div class="gantt-notes" role="row"><div role="cell">${lines}</div></div>`;
}

// pulling says how far a pull is: bytes, rate, what is left of it.
function pulling(pull) {
  const done = Math.min(pull.bytes, pull.total_bytes), rate = pull.rate ?? 0;
  const words = [t("service.pull_bytes", { done: bytes(done), all: bytes(pull.total_bytes) })];
  if (pull.layers === 0) words.push(t("service.pull_asks"));
  else if (done >= pull.total_bytes) words.push(t("service.pull_unpacks"));
  else words.push(`${bytes(rate)}/s`);
  if (pull.layers > 0) words.push(t("service.pull_layers", { done: pull.layers_done, all: pull.layers }));
  if (rate >= 1000 && done < pull.total_bytes) words.push(t("service.pull_left", { left: lasted(((pull.total_bytes - done) / rate) * 1000) }));
  return html`<p class="quiet num">⬇ ${words.join(" · ")}</p>`;
}

function more(step, graph) {
  const href = weburl(graph, step.workflow, step.event);
  return html`<div class="gantt-notes open" role="row"><dl role="cell">
    ${step.started ? html`<dt>${t("service.began")}</dt><dd class="num">${clock(begin(step))}${step.ended && step.state !== "approval" ? ` – ${clock(Date.parse(step.ended))}` : ""}</dd>` : nothing}
    <dt>${t("service.step")}</dt><dd>${said(step.title)}</dd>
    ${step.detail && step.state !== "failed" ? html`<dt>${t("service.result")}</dt><dd>${said(step.detail)}</dd>` : nothing}
    ${(step.after ?? []).length > 0 ? html`<dt>${t("service.came_after")}</dt><dd>${said(step.after.join(", "))}</dd>` : nothing}
    ${href ? html`<dt>Temporal</dt><dd><a href=${href} target="_blank" rel="noopener">${t("service.step_in_temporal")} ↗</a></dd>` : nothing}
  </dl></div>`;
}

// deployHead says which revision's steps are shown and lets one pick another.
export function deployHead(model, graph, pick) {
  const list = model.deploys ?? [];
  const at = model.shown || graph?.steps_revision || graph?.revision || 0;
  return html`<div class="row apart"><h2>${t("service.deploy_of", { revision: at })} ${under(graph) && !model.shown ? badge("warn", `▶ ${t("service.under_way")}`) : nothing}</h2>
    ${list.length > 1 ? html`<label class="inline">${t("service.revision")} <select @change=${(e) => pick(Number(e.target.value))}>
      ${list.map((one) => html`<option value=${one.revision} ?selected=${one.revision === at}>${one.revision} · ${one.outcome === "running" ? t("service.under_way") : one.what}${one.running ? ` · ${t("service.runs_now")}` : ""}${one.outcome.startsWith("failed") ? ` · ✕` : ""}</option>`)}</select></label>` : nothing}</div>`;
}
