// Alerts: those that last, with what people may say to them; what rang before; who was told; and the overrides, which are
// what people do about it.
import { html, nothing } from "../core/html.js";
import { t } from "../core/i18n.js";
import { askOverride } from "../core/override.js";
import { overridesList } from "../core/overrides_list.js";
import { lasting, forget } from "./alerts/lasting.js";
import { history, loadHistory } from "./alerts/history.js";
import { notices, loadNotices } from "./alerts/notices.js";

// again is how often what is not in the stream is asked for, ms.
const again = 30000;

// storing is how long it takes until what just happened can be read from the store, ms.
const storing = 2500;

const heard = { alerts: null, soon: 0, load: () => {} };

function enter(_params, redraw) {
  forget();
  heard.load = () => { loadHistory(redraw); loadNotices(redraw); };
  heard.load();
  const timer = setInterval(heard.load, again);
  return () => { clearInterval(timer); clearTimeout(heard.soon); };
}

// changed asks the store again soon after an alert began, ended or was answered.
function changed(ctx) {
  const now = (ctx.state.alerts ?? []).map((a) => `${a.id} ${a.severity} ${a.answer?.time_ms}`).join();
  if (now !== heard.alerts && heard.alerts !== null) {
    clearTimeout(heard.soon);
    heard.soon = setTimeout(() => heard.load(), storing);
  }
  heard.alerts = now;
}

function view(ctx) {
  changed(ctx);
  return page(ctx);
}

const page = (ctx) => html`<div class="alerts">
  <h1>${t("alerts.title")}</h1>
  <section class="card" aria-labelledby="alerts-lasting"><h2 id="alerts-lasting">${t("alerts.lasting")}${count(ctx)}</h2>${lasting(ctx)}</section>
  <section class="card" aria-labelledby="alerts-overrides"><h2 id="alerts-overrides">${t("override.list")}</h2>
    ${overridesList(ctx.state.rooms ?? [], ctx)}${ctx.can("operator") ? begin(ctx) : nothing}${refused(ctx)}</section>
  <section class="card wide" aria-labelledby="alerts-history"><h2 id="alerts-history">${t("alerts.history")}</h2>${history(ctx)}</section>
  <section class="card wide" aria-labelledby="alerts-notices"><h2 id="alerts-notices">${t("alerts.notices")}</h2>${notices(ctx)}</section>
</div>`;

// begin opens the dialog for each machine.
const begin = (ctx) => html`<div class="row controls" ?inert=${ctx.lost}>${(ctx.state.rooms ?? []).flatMap((room) => room.acs.map((ac) => html`
  <button @click=${() => askOverride(room, ac, ac.desired, undefined, ctx)}>${t("override.new")}: ${ctx.state.rooms.length > 1 ? `${room.title || room.name} ` : nothing}${ac.name} …</button>`))}</div>`;

const count = (ctx) => { const n = (ctx.state.alerts ?? []).length; return n ? html` <b class="count">${n}</b>` : nothing; };

// refused are the messages that the tuning did not take lately: whoever sent one by a signal has heard nothing else of it.
function refused(ctx) {
  const all = (ctx.state.rooms ?? []).flatMap((room) => (room.rejected ?? []).map((one) => ({ ...one, room }))).slice(-5).reverse();
  if (all.length === 0) return nothing;
  return html`<details><summary>${t("override.refused")} (${all.length})</summary>
    <ul class="plain small stack">${all.map((one) => html`<li lang="en">${one.who ? `${one.who}: ` : ""}${one.what}: ${one.reason}</li>`)}</ul></details>`;
}

export default { view, enter };
