// What the curves show, in words: for those who do not see them, and for copying.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import { summary } from "./columns.js";

export function table(chart) {
  const { from, to } = chart.view();
  const say = (value, curve) => (value === undefined || value === null ? "–" : `${number(value / (curve.per ?? 1), curve.digits ?? 1)} ${curve.unit}`);
  return html`<details class="tc-table" @toggle=${(e) => { chart.tabled = e.target.open; chart.draw(); }}>
    <summary>${t("room.as_table")}</summary>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("room.as_table")}><table>
      <thead><tr><th scope="col">${t("room.curve")}</th><th scope="col" class="n">${t("room.last")}</th><th scope="col" class="n">${t("room.least")}</th><th scope="col" class="n">${t("room.mean")}</th><th scope="col" class="n">${t("room.most")}</th></tr></thead>
      <tbody>${(chart.tabled ? chart.panels : []).flatMap((panel) => panel.curves.filter((curve) => chart.columns.by[curve.id]).map((curve) => {
        const s = summary(chart.columns, chart.columns.by[curve.id], from, to);
        return html`<tr><th scope="row">${panel.title}: ${curve.label}</th>
          <td class="n">${say(s?.last, curve)}</td><td class="n">${say(s?.least, curve)}</td><td class="n">${say(s?.mean, curve)}</td><td class="n">${say(s?.most, curve)}</td></tr>`;
      }))}</tbody></table></div>
  </details>`;
}
