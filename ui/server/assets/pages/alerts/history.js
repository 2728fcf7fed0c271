// What rang: episodes from the store, filtered, a page at a time.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { get } from "../../core/api.js";
import { moment, span } from "../../core/format.js";
import { at } from "../../core/until.js";
import { badge, empty } from "../../core/parts.js";
import { sentence as fault } from "../../core/who.js";
import { sentence, severity, titleOf } from "../../core/alert_words.js";

const days = { 1: 1, 7: 7, 30: 30, 365: 365 };
const page = 50;

const filter = { days: 1, room: "", severity: "", state: "all" };
const shown = { items: null, next: "", error: "", asking: 0, busy: false, shape: "" };

const query = (after) => {
  const q = new URLSearchParams({ state: filter.state, from: Math.round(Date.now() / 60000) * 60000 - filter.days * 86400000, limit: page });
  if (filter.room) q.set("room", filter.room);
  if (filter.severity) q.set("severity", filter.severity);
  if (after) q.set("after", after);
  return q;
};

// loadHistory asks for the newest. The last question's answer counts; further pages are asked for anew by hand.
export async function loadHistory(redraw, after = "") {
  const mine = ++shown.asking;
  shown.busy = true;
  redraw();
  try {
    const answer = await get(`/alerts?${query(after)}`);
    if (mine !== shown.asking) return;
    // A list that was paged on is not thrown away by the next look: only its beginning is fresh.
    const first = new Set(answer.items.map(key));
    const rest = after ? shown.items ?? [] : [];
    const paged = !after && shown.shape === shape() && (shown.items?.length ?? 0) > page;
    Object.assign(shown, {
      items: paged ? [...answer.items, ...shown.items.filter((one) => !first.has(key(one)))] : [...rest, ...answer.items],
      next: paged ? shown.next : answer.next ?? "", error: "", shape: shape(),
    });
  } catch (err) {
    if (mine !== shown.asking) return;
    shown.error = fault(err);
  } finally {
    if (mine === shown.asking) shown.busy = false;
    redraw();
  }
}

const shape = () => JSON.stringify(filter);
const key = (one) => `${one.began_ms || one.ended_ms}~${one.id}`;

export function history(ctx) {
  return html`${filters(ctx)}
    ${shown.error ? html`<p class="error" role="alert">${shown.error}</p>` : nothing}
    ${shown.items === null ? (shown.error ? nothing : html`<p class="quiet">${t("alerts.loading")}</p>`) :
    shown.items.length === 0 ? empty(t("alerts.nothing_rang")) : list(ctx)}
    ${shown.next ? html`<p class="row end"><button ?disabled=${shown.busy} @click=${() => loadHistory(ctx.redraw, shown.next)}>${t("alerts.more")}</button></p>` : nothing}`;
}

function filters(ctx) {
  const set = (name, value) => { filter[name] = value; shown.items = null; loadHistory(ctx.redraw); };
  const choice = (name, options) => html`<label>${t(`alerts.filter_${name}`)}<select @change=${(e) => set(name, e.target.value)}>
    ${options.map(([value, text]) => html`<option value=${value} .selected=${String(filter[name]) === String(value)}>${text}</option>`)}</select></label>`;
  return html`<div class="row filters">
    ${choice("days", Object.keys(days).map((d) => [d, t(`alerts.days_${d}`)]))}
    ${(ctx.state.rooms ?? []).length > 1 ? choice("room", [["", t("alerts.every_room")], ...ctx.state.rooms.map((r) => [r.name, r.title || r.name])]) : nothing}
    ${choice("severity", [["", t("alerts.every_severity")], ["high", t("alerts.from_high")], ["critical", t("alerts.severity_critical")]])}
    ${choice("state", [["all", t("alerts.all")], ["ended", t("alerts.only_ended")]])}
  </div>`;
}

const list = (ctx) => html`<ul class="plain rang">${repeat(shown.items, key, (one) => html`<li>
  <time class="num small" title=${moment(one.began_ms || one.ended_ms)}>${one.began_ms ? at(one.began_ms) : t("alerts.before")}</time>
  <span>${severity(one.severity)}</span>
  <div><b>${titleOf(one)}</b>${(ctx.state.rooms ?? []).length > 1 ? html` <span class="quiet">${one.room}</span>` : nothing}
    <p class="small">${sentence(one.evidence)}</p>
    ${one.answers.map((a) => html`<p class="small quiet">${t(`alerts.said_${a.kind}`, { who: a.who, at: at(a.time_ms) })}${a.why ? html`: <q>${a.why}</q>` : nothing}</p>`)}</div>
  <span class="num small lasted">${one.lasts ? badge("warn", t("alerts.lasts")) : one.began_ms ? t("alerts.lasted", { span: span(one.ended_ms - one.began_ms) }) : t("alerts.ended_at", { at: at(one.ended_ms) })}</span>
</li>`)}</ul>`;
