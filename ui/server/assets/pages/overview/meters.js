// The gauges of the 2017 page: means of what is good and fresh.
import { html, svg, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { number } from "../../core/format.js";
import { age } from "./words.js";
import { gauges } from "./fresh.js";

export const meters = (room, ctx) => html`<section class="card gauges" aria-label=${t("overview.means")}>
  ${gauges(ctx.state, room, ctx.now, ctx.lost).map((g) => gauge(g, room, ctx))}</section>`;

function gauge(g, room, ctx) {
  const value = g.value === null ? "–" : number(g.value, g.name === "temperature" ? 1 : 0);
  const words = g.value !== null ? t(g.of < g.all ? "overview.mean_of" : "overview.mean", { n: g.of, all: g.all }) : g.newest > 0 ? age(ctx.now - g.newest) : t("overview.not_measured");
  return html`<div class="gauge ${g.value === null ? "stale" : ""}" role="img" aria-label="${t(`overview.g.${g.name}`)}: ${value} ${g.unit}, ${words}">
    ${svg`<svg viewBox="-3 -4 106 76" aria-hidden="true">
      <path class="track" d=${arc(0, 1)} />
      ${g.name === "temperature" ? svg`<path class="band" d=${arc(share(g, room.policy.band_low), share(g, room.policy.band_high))} />` : nothing}
      ${g.value === null ? nothing : svg`<path class="fill ${level(g, room)}" d=${arc(0, Math.max(0.004, share(g, g.value)))} />`}
      <text x="50" y="50" class="value">${value}</text><text x="50" y="65" class="unit">${g.unit}</text>
    </svg>`}
    <span class="caption">${t(`overview.g.${g.name}`)}<span class="small quiet">${words}</span></span>
  </div>`;
}

const share = (g, value) => Math.min(1, Math.max(0, (value - g.low) / (g.high - g.low)));

// level colours the gauge: by the policy where it speaks of it, else by what boxes can bear.
function level(g, room) {
  if (g.value === null) return "";
  const p = room.policy;
  if (g.name === "temperature") return g.value >= p.high ? "bad" : g.value >= p.warn ? "warn" : "good";
  if (g.name === "humidity") return p.humidity_most && g.value > p.humidity_most ? "warn" : "good";
  return g.value >= 95 ? "bad" : g.value >= 85 ? "warn" : "good";
}

// arc is the path of a part of the dial, which opens 120° at the bottom; from and to are 0 to 1 of it.
function arc(from, to) {
  const point = (share) => {
    const angle = ((150 + 240 * share) * Math.PI) / 180;
    return `${(50 + 40 * Math.cos(angle)).toFixed(2)} ${(46 + 40 * Math.sin(angle)).toFixed(2)}`;
  };
  return `M ${point(from)} A 40 40 0 ${(to - from) * 240 > 180 ? 1 : 0} 1 ${point(to)}`;
}
