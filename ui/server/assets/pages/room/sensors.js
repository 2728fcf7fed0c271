// The room's sensors as a table: value, age and why one is not trusted.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { celsius, percent, ago } from "../../core/format.js";
import { badge, simulated } from "../../core/parts.js";
import { said } from "../../core/said.js";

export const sensors = (room, ctx) => html`<section class="card room-sensors">
  <h2>${t("room.sensors")}</h2>
  <div class="scroll" tabindex="0" role="group" aria-label=${t("room.sensors")}><table>
    <thead><tr><th scope="col">${t("room.sensor")}</th><th scope="col">${t("room.role")}</th><th scope="col" class="n">${t("room.temperature")}</th><th scope="col" class="n">${t("room.humidity")}</th><th scope="col">${t("room.age")}</th></tr></thead>
    <tbody>${room.sensors.map((s) => line(s, room, ctx))}</tbody>
  </table></div>
</section>`;

function line(s, room, ctx) {
  const age = ctx.now - s.at;
  const stale = s.at === 0 || age > room.stale_after_ms || ctx.lost;
  return html`<tr class=${stale ? "stale" : nothing}>
    <th scope="row">${s.name} ${simulated(s.simulated)}</th>
    <td>${t(`room.role_${s.role}`)}</td>
    <td class="n"><span class="value">${celsius(s.celsius)}</span></td><td class="n"><span class="value">${percent(s.humidity)}</span></td>
    <td>${s.at === 0 ? t("room.never") : ago(age)} ${stale && s.at !== 0 ? badge("warn", t("room.stale")) : nothing}
      ${s.bad ? html`${badge("bad", t("room.untrusted"))} ${said(s.reason)}` : nothing}</td></tr>`;
}
