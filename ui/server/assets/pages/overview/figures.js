// Minutes to critical, power now, saved today.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { clock, energy, number, watts } from "../../core/format.js";
import { age, degrees, long } from "./words.js";
import { critical } from "./status.js";
import { coolersOf, loadOf, savedOf } from "./energy.js";

export const figures = (room, ctx) =>
  html`<dl class="card figures ${ctx.lost ? "stale" : ""}">${left(room, ctx)}${power("coolers", coolersOf(room, ctx.now, ctx.lost), ctx)}${power("load", loadOf(room, ctx.now, ctx.lost), ctx)}${saved(room)}</dl>`;

const figure = (name, value, words, stale = false) =>
  html`<div class="figure ${stale ? "stale" : ""}"><dt>${name}</dt><dd><b class="num value">${value}</b><span class="quiet small">${words}</span></dd></div>`;

function left(room, ctx) {
  const name = t("overview.f.left", { limit: degrees(room.policy.critical) });
  const found = critical(room, ctx.now);
  if (!found) return figure(name, "–", t("overview.f.left_unknown"));
  const words = t(found.sure ? "overview.f.left_learned" : "overview.f.left_estimate");
  return figure(name, long(found.ms), ctx.lost ? html`${words}, ${age(Math.max(0, ctx.now - room.decision.time_ms))}` : words, ctx.lost);
}

// mock says that a meter stands in for a real one.
const mock = (found) => (found.simulated ? `, ${t("shell.simulated")}` : "");

function power(which, meter, ctx) {
  const name = t(`overview.f.${which}`);
  if (!meter) return figure(name, "–", t("overview.f.no_meter"));
  const words = meter.stale ? age(ctx.now - meter.at) : meter.of < meter.all ? t("overview.f.some_meters", { n: meter.of, all: meter.all }) : t("overview.f.now");
  return figure(name, watts(meter.watts), html`${words}${mock(meter)}`, meter.stale);
}

// begun says since when the day is counted, unless that is midnight.
const begun = (since) => (clock(since, false) === "00:00" ? "" : `, ${t("overview.f.since", { at: clock(since, false) })}`);

// saved names the fixed setpoint that it is held against, and how sure it is: one standard deviation, and what share of the
// day could be compared.
function saved(room) {
  const found = savedOf(room);
  const name = t("overview.f.saved");
  if (!found) return figure(name, "–", t(room.acs.some((ac) => ac.power) ? "overview.f.left_unknown" : "overview.f.no_meter"));
  if (found.wh === null) return figure(name, "–", html`${t("overview.f.saved_unknown", { used: energy(found.used) })}${begun(found.since)}${mock(found)}`);
  const share = found.share === null ? "" : ` (${number(found.share, 0)} %)`;
  return figure(name, html`${energy(found.wh)}<small>± ${energy(found.plus)}</small>`,
    html`${t("overview.f.saved_against", { fixed: degrees(found.reference) })}${share}${begun(found.since)}${
      found.compared < 0.95 ? html`, ${t("overview.f.compared", { share: number(100 * found.compared, 0) })}` : nothing}${mock(found)}`);
}
