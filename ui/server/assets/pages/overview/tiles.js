// A tile for each sensor on the 15 to 35 °C scale.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { celsius } from "../../core/format.js";
import { age, percent, roleName, said } from "./words.js";
import { standing } from "./fresh.js";
import { low, high, part } from "./heat.js";

export const tiles = (room, ctx) => html`<section class="tiles" aria-label=${t("overview.sensors")}>
  ${room.sensors.length === 0 ? html`<p class="card quiet">${t("overview.no_sensors")}</p>` : nothing}
  ${repeat(room.sensors, (s) => s.id, (s) => tile(s, room, ctx))}
</section>`;

function tile(sensor, room, ctx) {
  const how = standing(sensor, room, ctx.now, ctx.lost);
  const p = room.policy;
  return html`<a class="card tile ${how}" href="/rooms/${encodeURIComponent(room.name)}" data-sensor=${sensor.id}>
    <span class="name">${sensor.name}${sensor.simulated ? html` <span class="mock">${t("shell.simulated")}</span>` : nothing}</span>
    <span class="reading"><b class="num value">${sensor.celsius === null || sensor.celsius === undefined ? "–" : celsius(sensor.celsius)}</b>
      <span class="num value humid">${sensor.humidity === null || sensor.humidity === undefined ? "" : percent(sensor.humidity)}</span></span>
    <span class="gradient" role="img" aria-label=${t("overview.scale", { low, high })}>
      <i class="band" .style=${`left:${100 * part(p.band_low)}%;right:${100 - 100 * part(p.band_high)}%`}></i>
      ${how === "good" ? html`<i class="needle" .style=${`left:${100 * part(sensor.celsius)}%`}></i>` : nothing}
    </span>
    <span class="small foot"><span>${roleName(sensor.role)}</span><span class="num">${how === "never" ? t("overview.never_heard") : age(ctx.now - sensor.at)}</span></span>
    ${how === "bad" ? html`<span class="small reason" title=${sensor.reason ?? ""}>${t("overview.not_trusted")}: ${said(sensor.reason)}</span>` : nothing}
    ${how === "stale" ? html`<span class="small reason">${t("overview.stale")}</span>` : nothing}
  </a>`;
}
