// The alerts that last, grouped as notices are: by room, and one kind that rings in several rooms as one cause.
import { html, nothing, repeat, live } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { clock, moment, span } from "../../core/format.js";
import { at } from "../../core/until.js";
import { acknowledge, alertButtons, shelve, unshelve } from "../../core/alert_actions.js";
import { itemOf, kindOf, sentence, severity, sourceOf } from "../../core/alert_words.js";

// causeRooms is in how many rooms one kind must ring to count as one cause, as for notices.
const causeRooms = 3;

const chosen = new Set(); // IDs

// forget chooses nothing.
export const forget = () => chosen.clear();

// groups puts alerts together: [{room | kind, alerts}], in the order of their first alert, which is the gravest.
export function groups(alerts) {
  const rooms = new Map();
  for (const a of alerts) rooms.set(a.kind, (rooms.get(a.kind) ?? new Set()).add(a.room));
  const found = new Map();
  for (const a of alerts) {
    const wide = rooms.get(a.kind).size >= causeRooms;
    const key = wide ? `kind ${a.kind}` : `room ${a.room}`;
    if (!found.has(key)) found.set(key, { key, ...(wide ? { kind: a.kind } : { room: a.room }), alerts: [] });
    found.get(key).alerts.push(a);
  }
  return [...found.values()];
}

export function lasting(ctx) {
  const all = ctx.state.alerts ?? [];
  for (const id of chosen) if (!all.some((a) => a.id === id)) chosen.delete(id);
  if (all.length === 0) return html`<p class="good calm"><span aria-hidden="true">✓</span> ${t("alerts.none")}</p>`;
  return html`${ctx.can("operator") && all.length > 1 ? several(all, ctx) : nothing}
    ${repeat(groups(all), (g) => g.key, (g) => group(g, ctx))}`;
}

// several acts on what is chosen.
function several(all, ctx) {
  const some = all.filter((a) => chosen.has(a.id));
  const every = some.length === all.length;
  const turn = () => { forget(); if (!every) all.forEach((a) => chosen.add(a.id)); ctx.redraw(); };
  const act = (verb) => async () => { if (await verb(some, ctx)) { forget(); ctx.redraw(); } };
  const button = (name, verb) => html`<button class="small" ?disabled=${some.length === 0} @click=${act(verb)}>${t(`alerts.${name}`)}</button>`;
  return html`<div class="row several controls" ?inert=${ctx.lost}>
    <label class="check"><input type="checkbox" .checked=${live(every)} .indeterminate=${live(some.length > 0 && !every)} @change=${turn}>
      <span>${some.length ? t("alerts.chosen", { n: some.length }) : t("alerts.choose_all")}</span></label>
    ${button("acknowledge", acknowledge)}${button("shelve", shelve)}${button("unshelve", unshelve)}</div>`;
}

const group = (g, ctx) => html`<div class="alert-group">
  <h3>${g.kind ? t("alerts.one_cause", { kind: kindOf(g.kind), n: new Set(g.alerts.map((a) => a.room)).size }) : title(g.room, ctx)}</h3>
  <ul class="plain">${repeat(g.alerts, (a) => a.id, (a) => row(a, g, ctx))}</ul></div>`;

const title = (room, ctx) => ctx.state.rooms?.find((r) => r.name === room)?.title || room;

function row(a, g, ctx) {
  const turn = (event) => { if (event.target.checked) chosen.add(a.id); else chosen.delete(a.id); ctx.redraw(); };
  const many = (ctx.state.alerts ?? []).length > 1 && ctx.can("operator");
  return html`<li class="alert-row ${a.answer ? "answered" : `open ${a.severity}`}">
    ${many ? html`<label class="check"><input type="checkbox" aria-label=${t("alerts.choose", { alert: a.id })} .checked=${live(chosen.has(a.id))} @change=${turn}></label>` : nothing}
    <div class="what">
      <div class="row">${severity(a.severity)} <b>${kindOf(a.kind)}</b> ${itemOf(a) ? html`<b>${itemOf(a)}</b>` : nothing}
        ${g.kind ? html`<span class="quiet">${title(a.room, ctx)}</span>` : nothing}</div>
      <p>${sentence(a.evidence)}</p>
      <p class="small quiet"><time title=${moment(a.began_ms)}>${t("alerts.since", { at: at(a.began_ms), span: span(Math.max(0, ctx.now - a.began_ms)) })}</time> · ${t("alerts.from", { source: sourceOf(a.source) })}</p>
      ${a.answer ? answered(a.answer) : nothing}
    </div>
    ${ctx.can("operator") ? alertButtons(a, ctx) : nothing}
  </li>`;
}

// answered says who deals with it, or until when nobody is told.
const answered = (answer) => html`<p class="small good">${answer.kind === "shelve" ?
  t("alerts.is_shelved", { who: answer.who, until: at(answer.until_ms) }) : t("alerts.is_acknowledged", { who: answer.who, at: clock(answer.time_ms, false) })}${answer.why ? html`: <q>${answer.why}</q>` : nothing}</p>`;
