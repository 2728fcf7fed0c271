// Every override of the rooms, in the order in which they hold: a part that any page may place.
import { html, nothing, repeat } from "./html.js";
import { t } from "./i18n.js";
import { celsius, countdown } from "./format.js";
import { badge, empty } from "./parts.js";
import { clearOverride, clearAll } from "./override.js";
import { queue } from "./setpoint.js";
import { at } from "./until.js";
import { sentence } from "./alert_words.js";

// overridesList draws the overrides of these rooms with what is left of each, why one waits, and the ways to end them.
export function overridesList(rooms, ctx) {
  const all = rooms.flatMap((room) => (room.acs ?? []).flatMap((ac) => queue(ac).map((o) => ({ room, ac, o }))));
  if (all.length === 0) return empty(t("override.none"));
  const several = rooms.length > 1;
  return html`<div class="overrides">
    <ul class="plain">${repeat(all, ({ room, o }) => `${room.name}/${o.id}`, (one) => row(one, several, ctx))}</ul>
    ${ctx.can("operator") ? rooms.filter((room) => (room.acs ?? []).reduce((n, ac) => n + (ac.overrides ?? []).length, 0) > 1).map((room) => html`
      <p class="row end controls" ?inert=${ctx.lost}><button @click=${() => clearAll(room, ctx)}>${t("override.clear_all")}${several ? ` · ${room.title || room.name}` : nothing}</button></p>`) : nothing}
  </div>`;
}

function row({ room, ac, o }, several, ctx) {
  const left = o.untilMs - ctx.now;
  const urgent = o.priority && o.priority !== "normal";
  return html`<li class="override-row">
    <div>
      <b>${several ? `${room.title || room.name} · ` : nothing}${ac.name}</b> <b class="num">${celsius(o.setpoint, 0)}</b>
      ${o.suspended ? badge("warn", t("override.suspended")) : badge("good", t("override.holding"))}
      ${urgent ? badge("quiet", `${t("override.priority")}: ${t(`override.priority_${o.priority}`)}`) : nothing}
      <p class="small quiet">${t("override.by", { who: o.who, why: o.why })}</p>
      ${o.suspended ? html`<p class="small warn">${sentence(o.suspended)}</p>` : nothing}
    </div>
    <div class="left"><span class="num big-ish" role="timer" aria-label=${t("override.left")}>${countdown(left)}</span>
      <span class="small quiet">${t("override.until_is", { until: at(o.untilMs) })}</span></div>
    ${ctx.can("operator") ? html`<span class="controls" ?inert=${ctx.lost}><button class="small" aria-label=${`${t("override.clear")}: ${ac.name} ${celsius(o.setpoint, 0)}`}
      @click=${() => clearOverride(room, o, ctx)}>${t("override.clear")}</button></span>` : nothing}
  </li>`;
}
