// One room over time: how it is, its curves on one axis, what happened, what was decided and why, its policy and sensors.
import { html, nothing, keyed, ref } from "../core/html.js";
import { t } from "../core/i18n.js";
import { get } from "../core/api.js";
import { empty } from "../core/parts.js";
import { overridesList } from "../core/overrides_list.js";
import { sentence } from "./overview/sentence.js";
import { panelsOf, told, wordsOf } from "./room/panels.js";
import { Events, textOf } from "./room/events.js";
import { Decisions } from "./room/decisions.js";
import { Policy } from "./room/policy.js";
import { sensors } from "./room/sensors.js";
import { exporter } from "./room/export.js";
import "../core/chart.js";

// shown is what belongs to the room that is shown; it ends with it.
let shown = null;

function begin(room, redraw) {
  const events = new Events(room, redraw);
  return { room, events, decisions: new Decisions(room, redraw), policy: new Policy(room, redraw), range: null, ctx: null };
}

function finish() {
  shown?.events.end();
  shown?.decisions.end();
  shown = null;
}

function view(ctx) {
  const room = ctx.state.rooms.find((r) => r.name === ctx.params.room);
  if (!room) return empty(t("room.unknown", { name: ctx.params.room }));
  if (shown?.room !== room.name) {
    finish();
    shown = begin(room.name, ctx.redraw);
  }
  const here = shown;
  here.ctx = ctx;
  here.policy.follow(room.policy);
  here.decisions.told(room.decision);
  here.events.follow(room, ctx.state.alerts ?? []);
  return html`<div class="room-page">
    ${chooser(ctx, room)}
    <div class="overview">${sentence(room, ctx)}</div>
    ${room.acs.some((ac) => ac.overrides?.length > 0) ? html`<section class="card"><h2>${t("room.overrides")}</h2>${overridesList([room], ctx)}</section>` : nothing}
    <section class="card room-chart">
      <h2 class="unseen">${t("room.curves")}</h2>
      ${keyed(room.name, html`<time-chart ${ref((chart) => chart && feed(chart, room, ctx, here))} @range=${(e) => { here.range = e.detail; here.events.show(e.detail); }}></time-chart>`)}
      <p class="small quiet room-moves">${t("room.moves")}</p>
      ${exporter(room, () => here.range)}
    </section>
    <div class="room-logs">${here.events.view()}${here.decisions.view()}</div>
    <div class="room-logs">${sensors(room, ctx)}${here.policy.view()}</div>
  </div>`;
}

// feed gives the chart its part of the newest state.
function feed(chart, room, ctx, here) {
  const panels = panelsOf(room);
  if (panels.key !== chart.panels.key) chart.panels = panels;
  chart.load ??= (from, to, points, signal) => get(`/rooms/${encodeURIComponent(room.name)}/series?from=${from}&to=${to}&points=${points}`, signal);
  chart.now = () => here.ctx.lost ? here.ctx.now : Date.now() + offset(ctx);
  chart.label = t("room.curves");
  chart.events = here.events.items;
  chart.earlier = here.events.earlier;
  chart.eventsFrom = here.events.next ? here.events.items.at(-1).at : 0;
  chart.wordsOf = wordsOf;
  chart.textOf = textOf;
  chart.told = told(room, ctx.now);
  chart.update();
}

// offset is how far the server's clock is ahead of this one's, ms.
const offset = (ctx) => ctx.now - Date.now();

const chooser = (ctx, room) => (ctx.state.rooms.length < 2 ? nothing : html`<nav class="row room-chooser" aria-label=${t("room.rooms")}>
  ${ctx.state.rooms.map((r) => html`<a class="button" href="/rooms/${encodeURIComponent(r.name)}" aria-current=${r.name === room.name ? "page" : nothing}>${r.title}</a>`)}</nav>`);

export default { view, enter: () => finish };
