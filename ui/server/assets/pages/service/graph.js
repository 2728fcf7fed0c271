// The specification as a picture: boxes as columns, functions on them, and what each one reaches, with the probe's result.
import { html, svg, nothing, ref, createRef } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { layout, size } from "./layout.js";
import { model } from "./model.js";
import { health, linkWord, linkSign, millis, stateOf, said, shortImage } from "./words.js";
import { badge, link } from "../../core/parts.js";

// What of the picture is in view: the scale, and where its left upper corner is. Scale 0 fits it to the width.
const view = { scale: 0, x: 0, y: 0, drag: null };
const frame = createRef();
let made = { of: null, layout: null };

function laid(graph) {
  if (made.of !== graph) made = { of: graph, layout: layout(graph) };
  return made.layout;
}

// picture draws the graph; choose(node id) is told which function was picked.
export function picture(graph, old, redraw) {
  const all = laid(graph);
  if (all.nodes.length === 0) return html`<p class="quiet">${t("service.nothing_placed")}</p>`;
  const { width, height } = all;
  const wide = view.scale === 0 ? width : width / view.scale, high = view.scale === 0 ? height : height / view.scale;
  return html`
    <div class="service-picture ${old ? "old" : ""}">
      <div class="service-zoom">
        <button @click=${() => zoom(1.25, redraw)} aria-label=${t("service.zoom_in")} title=${t("service.zoom_in")}>+</button>
        <button @click=${() => zoom(0.8, redraw)} aria-label=${t("service.zoom_out")} title=${t("service.zoom_out")}>−</button>
        <button @click=${() => fit(redraw)} ?disabled=${view.scale === 0}>${t("service.zoom_fit")}</button>
      </div>
      <svg ${ref(frame)} class=${view.scale === 0 ? "" : "zoomed"} viewBox="${view.x} ${view.y} ${wide} ${high}" width=${width * 1.25} height=${height * 1.25} role="group" aria-label=${t("service.picture_label", { service: graph.service })}
        @wheel=${(e) => wheel(e, redraw)} @pointerdown=${(e) => grab(e)} @pointermove=${(e) => drag(e, wide, redraw)} @pointerup=${() => { view.drag = null; }} @pointercancel=${() => { view.drag = null; }} @keydown=${(e) => arrows(e, wide, redraw)}>
        ${marks()}
        ${all.columns.map((column) => group(column, graph))}
        ${all.edges.map(curve)}
        ${all.nodes.map((node) => card(node, graph, redraw))}
      </svg>
    </div>
    ${list(all, graph, old, redraw)}`;
}

// arrows, one for each result: a marker takes its colour from its own class.
const marks = () => svg`<defs>${["good", "bad", "unknown"].map((state) => svg`
  <marker id="service-arrow-${state}" viewBox="0 0 8 8" refX="6" refY="4" markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto-start-reverse"><path class="arrow ${state}" d="M0 0L8 4L0 8z"></path></marker>`)}</defs>`;

const titleOf = (column) => (column.kind === "elsewhere" ? t("service.elsewhere") : column.kind === "nowhere" ? t("service.nowhere") : column.name);

// columnState is what a column's box is in, in words; nothing for what stands on no box.
const columnState = (column, graph) => (column.kind === "box" ? boxState((graph.boxes ?? []).find((one) => one.name === column.name)) : { text: "", kind: "quiet" });

function group(column, graph) {
  const { text, kind } = columnState(column, graph);
  const head = svg`
    <text class="box-name" x=${column.x + size.pad} y=${column.y + 20}>${cut(titleOf(column), 22)}</text>
    <text class="box-state ${kind}" x=${column.x + size.pad} y=${column.y + 36}>${text}</text>`;
  return svg`<g class="box ${column.kind} ${kind}">
    <rect x=${column.x} y=${column.y} width=${column.width} height=${column.height} rx="10"></rect>
    ${column.kind === "box" ? svg`<a href="/boxes/${encodeURIComponent(column.name)}">${head}</a>` : head}</g>`;
}

function boxState(box) {
  if (!box) return { kind: "quiet", text: t("service.box_unknown") };
  if (!box.reachable) return { kind: "bad", text: `✕ ${t("service.box_away")}` };
  const what = [box.platform, box.process ? t("service.process_box") : ""].filter(Boolean).join(" · ");
  return box.drained ? { kind: "warn", text: `∅ ${t("service.drained")} · ${what}` } : { kind: "good", text: `✓ ${what}` };
}

const touches = (edge) => model.chosen === edge.from.id || model.chosen === edge.to.id;

const curve = (edge) => svg`<path class="edge ${edge.state} ${model.chosen ? (touches(edge) ? "near" : "far") : ""}" d=${edge.path} marker-end="url(#service-arrow-${edge.state})">
  <title>${edge.from.name} → ${edge.to.name}: ${linkWord(edge)}${edge.fault ? ` ${edge.fault}` : ""}</title></path>`;

function card(node, graph, redraw) {
  const { kind, word, sign } = health(node);
  const wanted = node.wanted?.replicas ?? node.replicas.length;
  const all = (graph.functions ?? []).filter((f) => f.function === node.name).length;
  const count = node.external ? node.external : wanted > 1 || all !== wanted ? t("service.replicas_of", { here: node.replicas.length, n: wanted }) : shortImage(node.replicas[0]?.image ?? node.wanted?.image);
  const pick = () => choose(node, redraw);
  return svg`<g class="function ${kind} ${model.chosen === node.id ? "chosen" : ""}" role="button" tabindex="0" aria-pressed=${model.chosen === node.id ? "true" : "false"} @click=${pick} @keydown=${(e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); pick(); } }}>
    <rect class="body" x=${node.x} y=${node.y} width=${node.w} height=${node.h} rx="7"></rect>
    <rect class="stripe" x=${node.x} y=${node.y} width="5" height=${node.h} rx="2"></rect>
    <text class="name" x=${node.x + 15} y=${node.y + 21}>${cut(node.name, 18)}${tuned(node, graph) ? " ⇅" : ""}</text>
    <text class="state ${kind}" x=${node.x + node.w - 10} y=${node.y + 21} text-anchor="end">${sign} ${cut(word, 12)}</text>
    <text class="more" x=${node.x + 15} y=${node.y + 39}>${cut(count, 30)}</text>
    ${node.rows.map((edge) => row(node, edge))}
  </g>`;
}

// choose shows or hides a function's details, and brings them into view where they stand below the picture.
function choose(node, redraw) {
  model.chosen = model.chosen === node.id ? "" : node.id;
  redraw();
  if (model.chosen) setTimeout(() => document.querySelector(".service-details")?.scrollIntoView({ block: "nearest", behavior: "smooth" }), 50);
}

function row(node, edge) {
  const right = edge.side === "right";
  const y = edge.y1 + 4;
  return svg`<g class="reach ${edge.state}">
    <text x=${node.x + 15} y=${y}>${right ? "" : "← "}${cut(edge.to.name, 14)}${right ? " →" : ""}</text>
    <text class="result" x=${node.x + node.w - 10} y=${y} text-anchor="end">${linkSign[edge.state]} ${linkWord(edge)}</text>
    <circle cx=${right ? node.x + node.w : node.x} cy=${edge.y1} r="3.5"></circle></g>`;
}

export const tuned = (node, graph) => (graph.tuned ?? []).find((one) => one.function === node.name) ?? (node.wanted?.tune ? { tune: node.wanted.tune } : null);

const cut = (text, most) => (text && text.length > most ? `${text.slice(0, most - 1)}…` : text);

// list is the same for narrow screens: nothing of it needs the picture.
const list = (all, graph, old, redraw) => html`<ul class="plain service-list ${old ? "old" : ""}">${all.columns.map((column) => html`
  <li><h3>${column.kind === "box" ? link(`/boxes/${encodeURIComponent(column.name)}`, column.name) : titleOf(column)}
    ${column.kind === "box" ? html`<span class="small ${columnState(column, graph).kind}">${columnState(column, graph).text}</span>` : nothing}</h3>
    <ul class="plain stack">${column.items.filter((item) => !item.lane).map((node) => entry(node, redraw))}</ul></li>`)}</ul>`;

function entry(node, redraw) {
  const { kind, word, sign } = health(node);
  return html`<li class="entry ${kind}">
    <button class="plain" aria-expanded=${model.chosen === node.id ? "true" : "false"} @click=${() => choose(node, redraw)}>
      <b>${node.name}</b> ${badge(kind, `${sign} ${word}`)} ${node.replicas.length > 1 ? html`<span class="quiet">× ${node.replicas.length}</span>` : nothing}
      ${node.external ? html`<span class="small quiet">${node.external}</span>` : nothing}</button>
    ${node.rows.map((edge) => html`<p class="small reach ${edge.state}">→ ${edge.to.name} <span class=${edge.state === "unknown" ? "quiet" : edge.state}>${linkSign[edge.state]} ${linkWord(edge)}</span> ${edge.fault ? said(edge.fault, "bad") : nothing}</p>`)}</li>`;
}

// details of the function that was picked; ask(kind, fields) begins a change.
export function details(graph, ctx, ask, redraw) {
  const node = laid(graph).nodes.find((one) => one.id === model.chosen);
  if (!node) return nothing;
  const replicas = (graph.functions ?? []).filter((f) => f.function === node.name && f.state !== "external");
  const users = laid(graph).edges.filter((edge) => edge.to.name === node.name).map((edge) => edge.from.name);
  const scale = tuned(node, graph);
  const away = new Set((graph.boxes ?? []).filter((box) => !box.reachable).map((box) => box.name));
  return html`<section class="card service-details" aria-label=${node.name}>
    <div class="row apart"><h2>${node.name}</h2><button class="plain" @click=${() => { model.chosen = ""; redraw(); }} aria-label=${t("shell.close")}>✕</button></div>
    ${node.external ? html`<p>${t("service.external_at", { at: node.external })}</p>` : nothing}
    ${node.wanted && !node.external ? html`<p class="quiet">${t("service.wanted", { n: node.wanted.replicas, have: replicas.length })}</p>` : nothing}
    ${scale ? tuning(scale) : nothing}
    ${replicas.map((one) => replica(one, node, away))}
    ${users.length > 0 ? html`<p class="small"><span class="quiet">${t("service.used_by")}</span> ${[...new Set(users)].join(", ")}</p>` : nothing}
    ${node.external || !ctx.can("operator") ? nothing : html`<div class="row controls" ?inert=${ctx.lost || model.fault !== ""}><button @click=${() => ask("scale", { function: node.name, replicas: node.wanted?.replicas ?? replicas.length })}>${t("service.scale_it")}</button></div>`}
  </section>`;
}

const tuning = (one) => html`<p class="small"><span class="quiet">${t("service.tuned")}</span> ${one.tune.metric} ≤ ${one.tune.target}, ${one.tune.least}–${one.tune.most}
  ${one.load ? html` · ${t("service.measured", { value: one.load.value?.toFixed?.(2) ?? "–" })}` : nothing} ${one.fault ? said(one.fault, "bad") : nothing}</p>`;

const stateBadge = (one, away) => (away ? badge("quiet", `? ${t("service.state_unknown")}`) : badge(stateOf(one.state).kind, `${stateOf(one.state).sign} ${stateOf(one.state).word}`));

const replica = (one, node, away) => html`<div class="replica">
  <p><b>${one.container || `${one.function} ${one.replica}`}</b> ${stateBadge(one, away.has(one.box))}</p>
  <dl>
    <dt>${t("service.box")}</dt><dd>${link(`/boxes/${encodeURIComponent(one.box)}`, one.box)} · ${link(`/boxes/${encodeURIComponent(one.box)}?function=${encodeURIComponent(node.name)}&replica=${one.replica}`, t("service.logs"))}</dd>
    <dt>${t("service.image")}</dt><dd><code>${one.image}</code></dd>
    <dt>${t("service.digest")}</dt><dd><code>${one.digest || "–"}</code></dd>
    ${(one.addresses ?? []).length > 0 ? html`<dt>${t("service.ports")}</dt><dd><code>${one.addresses.join(", ")}</code></dd>` : nothing}
    ${(one.probes ?? []).map((p) => html`<dt>→ ${p.provider}</dt><dd><code>${p.address}</code> <span class=${p.connected ? "good" : "bad"}>${p.connected ? `✓ ${millis(p.ms)}` : `✕ ${t("service.link_bad")}`}</span> ${p.fault ? said(p.fault, "bad") : nothing}</dd>`)}
  </dl></div>`;

function fit(redraw) { Object.assign(view, { scale: 0, x: 0, y: 0 }); redraw(); }

// zoom about the middle, or about a point of the picture.
function zoom(by, redraw, point) {
  const { width, height } = made.layout;
  const before = view.scale === 0 ? 1 : view.scale, next = Math.min(4, Math.max(0.4, before * by));
  const at = point ?? { x: view.x + width / before / 2, y: view.y + height / before / 2 };
  view.x = at.x - ((at.x - view.x) * before) / next;
  view.y = at.y - ((at.y - view.y) * before) / next;
  view.scale = next;
  redraw();
}

// wheel zooms with Ctrl held, as maps do: without it the page scrolls.
function wheel(event, redraw) {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const inverse = frame.value.getScreenCTM().inverse();
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, redraw, new DOMPoint(event.clientX, event.clientY).matrixTransform(inverse));
}

// arrows move the picture while it is larger than its frame.
function arrows(event, wide, redraw) {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!by || view.scale === 0) return;
  event.preventDefault();
  view.x += (by[0] * wide) / 10;
  view.y += (by[1] * wide) / 10;
  redraw();
}

function grab(event) {
  if (view.scale !== 0 && event.button === 0) view.drag = { x: event.clientX, y: event.clientY, from: { x: view.x, y: view.y } };
}

function drag(event, wide, redraw) {
  if (!view.drag) return;
  const unit = wide / frame.value.getBoundingClientRect().width;
  view.x = view.drag.from.x - (event.clientX - view.drag.x) * unit;
  view.y = view.drag.from.y - (event.clientY - view.drag.y) * unit;
  redraw();
}
