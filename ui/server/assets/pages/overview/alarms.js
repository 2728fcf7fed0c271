// The alerts that last, the worst first, where nobody can miss them.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { alertButtons } from "../../core/alert_actions.js";
import { severity } from "../../core/alert_words.js";
import { moment } from "../../core/format.js";
import { long, said } from "./words.js";

// shown is how many have a line of their own; the others are a click away.
const shown = 4;

const grave = { critical: 0, high: 1, warning: 2 };

// alarms lists what lasts: unanswered before answered, then by severity, then the newest.
export function alarms(ctx) {
  const all = [...(ctx.state.alerts ?? [])].sort((a, b) =>
    Boolean(a.answer) - Boolean(b.answer) || (grave[a.severity] ?? 2) - (grave[b.severity] ?? 2) || b.began_ms - a.began_ms);
  if (all.length === 0) return nothing;
  const many = (ctx.state.rooms ?? []).length > 1;
  return html`<section class="card alarms ${all.some((a) => !a.answer) ? "open" : ""}" aria-label=${t("overview.alerts")}>
    <ul class="plain">${all.slice(0, shown).map((alert) => line(alert, many, ctx))}</ul>
    ${all.length > shown ? html`<a href="/alerts">${t("overview.more_alerts", { n: all.length - shown })}</a>` : nothing}
  </section>`;
}

const line = (alert, many, ctx) => html`<li class="alarm ${alert.answer ? "answered" : alert.severity}">
  ${severity(alert.severity)}
  ${many ? html`<b>${roomTitle(alert.room, ctx)}</b>` : nothing}
  <a class="evidence" href="/alerts">${said(alert.evidence)}</a>
  <span class="quiet small num">${t("overview.for", { span: long(Math.max(0, ctx.now - alert.began_ms)) })}</span>
  ${alert.answer ? answered(alert.answer) : ctx.can("operator") ? alertButtons(alert, ctx) : nothing}
</li>`;

const roomTitle = (name, ctx) => ctx.state.rooms.find((room) => room.name === name)?.title ?? name;

const answered = (answer) => html`<span class="quiet small">${answer.kind === "shelve" ?
  t("overview.shelved", { who: answer.who, until: moment(answer.until_ms) }) : t("overview.acknowledged", { who: answer.who })}${answer.why ? `: ${answer.why}` : ""}</span>`;
