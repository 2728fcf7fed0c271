// The air conditioners: what is wanted of each, what was sent, what it confirmed, why, and a degree up or down.
import { html, nothing, repeat } from "../../core/html.js";
import { lang, t } from "../../core/i18n.js";
import { badge, simulated } from "../../core/parts.js";
import { celsius, countdown, watts } from "../../core/format.js";
import { askOverride, clearOverride } from "../../core/override.js";
import { limitsOf } from "../../core/setpoint.js";
import { age, degrees, said } from "./words.js";
import { say } from "../../i18n/sentences.js";
import { confirming, decision } from "./status.js";
import { powerOf } from "./energy.js";

export const airConditioners = (room, ctx) =>
  room.acs.length === 0 ? html`<p class="card quiet">${t("overview.no_acs")}</p>` :
    html`${repeat(room.acs, (ac) => ac.name, (ac) => airConditioner(room, ac, ctx))}`;

// kinds are the colours of how an air conditioner stands.
export const kinds = { confirmed: "good", pending: "quiet", "cannot-tell": "quiet", late: "warn", refused: "bad", unknown: "quiet" };

function airConditioner(room, ac, ctx) {
  const how = ctx.lost ? "unknown" : confirming(ac, ctx.now);
  const power = powerOf(ac, ctx.now, ctx.lost);
  const held = (ac.overrides ?? []).some((o) => !o.suspended); // its line says why, and until when
  return html`<article class="card ac ${ctx.lost ? "stale" : ""}" aria-label=${ac.name}>
    <header class="row apart">
      <h2><span aria-hidden="true">❄</span> ${ac.name} ${simulated(ac.simulated)}</h2>
      <span class="row">${power ? html`<span class="num ${power.stale ? "stale" : ""}" title=${t("overview.power_title")}>${watts(power.watts)}${power.stale ? html` <span class="small">${age(ctx.now - power.at)}</span>` : nothing}</span>` : nothing}
      ${ac.last_ack?.power === false ? badge("warn", t("overview.off")) : nothing}
      ${badge(kinds[how], t(`overview.how.${how}`))}</span>
    </header>
    <div class="ac-body">
      ${three(ac, how, ctx)}
      ${ctx.can("operator") ? steps(room, ac, ctx) : nothing}
    </div>
    <p class="why">${held ? nothing : ac.reason ? said(ac.reason) : html`<span class="quiet">${t("overview.no_reason")}</span>`}
      ${thinking(room, ac, ctx)}</p>
    ${(ac.overrides ?? []).map((o) => override(room, o, ctx))}
  </article>`;
}

// thinking is what the rules say of the machine now, when that is not why it stands where it stands.
function thinking(room, ac, ctx) {
  const newest = decision(room, ctx.now);
  const now = newest?.acs?.find((one) => one.ac === ac.name);
  return !now || ctx.lost || now.reason === ac.reason ? nothing : html`<span class="quiet small rules" title=${say(now.reason, lang()).text}>${t("overview.rules_now", { age: age(Math.max(0, ctx.now - newest.time_ms)) })}: ${said(now.reason)}</span>`;
}

// three are the setpoint's stations in one line; a station that has not been reached, or is of another value, shows it.
function three(ac, how, ctx) {
  const wanted = ac.desired > 0 ? ac.desired : null;
  const stations = [
    ["desired", wanted, wanted === null ? null : Date.parse(ac.desired_since)],
    ["sent", ac.sent, Date.parse(ac.sent_at)], ["confirmed", ac.confirmed, Date.parse(ac.confirmed_at)],
  ];
  return html`<ol class="three">${stations.map(([name, value, at]) => {
    const reached = !ctx.lost && value !== null && value !== undefined && value === wanted;
    return html`<li class="${reached ? "reached" : how === "refused" ? "bad" : how === "late" ? "warn" : "behind"}" title=${name === "confirmed" && ac.evidence ? `${t("overview.evidence")}: ${say(ac.evidence, lang()).text}` : nothing}>
      <span class="station">${reached ? html`<span aria-hidden="true">✓ </span>` : html`<span aria-hidden="true">… </span>`}${t(`overview.station.${name}`)}</span>
      <b class="num">${celsius(value, 0)}</b>
      <span class="quiet small num">${at ? age(Math.max(0, ctx.now - at)) : value === null || value === undefined ? t("overview.never") : "–"}</span>
    </li>`;
  })}</ol>`;
}

// steps are one degree colder and warmer; each opens the dialog of an override with that value ready.
function steps(room, ac, ctx) {
  const limits = limitsOf(room, ac);
  const to = (by) => ac.desired + by;
  const can = (value) => ac.desired > 0 && value >= limits.least && value <= limits.most;
  const button = (by, sign, words) => html`<button class="round step" aria-label=${t(words, { ac: ac.name, to: degrees(to(by)) })} title=${can(to(by)) ? nothing : t("overview.limit_reached", { limit: degrees(by < 0 ? limits.least : limits.most) })}
    ?disabled=${!can(to(by))} @click=${() => askOverride(room, ac, to(by), limits, ctx)}>${sign}</button>`;
  return html`<div class="controls steps" ?inert=${ctx.lost}>
    ${button(-1, "−", "overview.colder")}
    <button class="plain ask" @click=${() => askOverride(room, ac, ac.desired || limits.least, limits, ctx)}>
      ${t("overview.override")}<span class="small num">${limits.least}–${limits.most} °C</span><span class="unseen">${ac.name}</span></button>
    ${button(1, "+", "overview.warmer")}
  </div>`;
}

const override = (room, o, ctx) => html`<div class="override row">
  <span class="badge ${o.suspended ? "" : "warn"} num">${t("overview.override_for", { to: degrees(o.setpoint), left: countdown(Date.parse(o.until) - ctx.now) })}</span>
  <span class="grow">${o.who}: ${o.why}${o.suspended ? html` <span class="quiet" title=${say(o.suspended, lang()).text}>(${t("overview.suspended")})</span>` : nothing}</span>
  ${ctx.can("operator") ? html`<span class="controls" ?inert=${ctx.lost}><button @click=${() => clearOverride(room, o, ctx)}>${t("overview.end_now")}</button></span>` : nothing}
</div>`;
