// What stands around the curves: the choice of the range, and the names of the curves with their values.
import { html, nothing } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import { valueAt } from "./columns.js";
import { when } from "./axis.js";

const minute = 60000, hour = 60 * minute, day = 24 * hour;
const ranges = [["5min", 5 * minute], ["1h", hour], ["6h", 6 * hour], ["1d", day], ["7d", 7 * day], ["30d", 30 * day], ["1y", 365 * day]];

// bar chooses the range and says what is shown.
export function bar(chart, from, to) {
  return html`<div class="tc-bar">
    <div class="tc-ranges" role="group" aria-label=${t("room.range")}>${ranges.map(([name, length]) => html`
      <button aria-pressed=${chart.live && chart.length === length} @click=${() => chart.choose(length)}>${t(`room.range_${name}`)}</button>`)}</div>
    <button class="tc-live" aria-pressed=${chart.live} @click=${() => chart.follow()}><i aria-hidden="true">${chart.live ? "●" : "▶"}</i> ${chart.live ? t("room.live") : t("room.to_live")}</button>
    <span class="tc-span num">${when(from, chart.length)} – ${chart.live ? t("room.now") : when(to, chart.length)}</span>
    <span class="tc-tier quiet small" title=${t("room.tier_title")}>${chart.columns ? t(chart.columns.step === 0 ? "room.tier_exact" : `room.tier_${chart.columns.tier}`, { step: stepWords(chart.columns.step) }) : ""}</span>
    <span class="tc-busy" ?hidden=${!chart.busy} role="img" aria-label=${t("room.chart_waiting")}></span>
  </div>`;
}

// legend names the curves and says what they show under the cursor, or now.
export function legend(chart, panel, first) {
  const i = chart.at ?? (chart.columns ? chart.columns.times.length - 1 : null);
  const at = i === null ? null : chart.columns?.times[i];
  return html`<div class="tc-legend">
    <h3>${panel.title}</h3>
    ${panel.curves.filter((curve) => chart.columns?.by[curve.id]).map((curve) => {
      const value = valueAt(chart.columns, chart.columns.by[curve.id], i);
      return html`<button class="tc-key" aria-pressed=${!chart.off.has(curve.id)} @click=${() => chart.toggle(curve.id)}>
        <svg width="22" height="10" aria-hidden="true"><line x1="1" x2="21" y1="5" y2="5" class="stroke${curve.colour}" stroke-width=${Math.max(2, curve.width ?? 1.5)} stroke-dasharray=${curve.dash?.join(" ") ?? "none"} /></svg>
        <span>${curve.label}</span><b class="num">${value === null ? "–" : `${number(value / (curve.per ?? 1), curve.digits ?? 1)} ${curve.unit}`}</b></button>`;
    })}
    ${panel.note ? html`<span class="small quiet">${panel.note}</span>` : nothing}
    ${chart.at !== null && at && first ? html`<time class="tc-at num">${when(at, Math.min(chart.length, 6 * hour - 1))}</time>` : nothing}
  </div>`;
}

const stepWords = (ms) => (ms >= hour ? t("time.h", { h: ms / hour }) : ms >= minute ? t("time.min", { min: ms / minute }) : t("time.s", { s: ms / 1000 }));
