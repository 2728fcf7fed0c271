// What the list of boxes and the page of one box draw alike.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { ago, span } from "../../core/format.js";
import { badge } from "../../core/parts.js";
import { spark } from "../../core/spark.js";
import { hourOf, stale, valueOf } from "./items.js";

// standing says in words how a box is: whether its engine answers, since when not, and what it is.
export const standing = (box, ctx) => html`
  ${answers(box, ctx)}
  ${box.drained ? badge("warn", t("boxes.drained"), t("boxes.drained_title")) : nothing}
  ${box.process ? badge("sim", t("boxes.process"), t("boxes.process_title")) : nothing}
  ${box.platform ? badge("quiet", box.platform) : nothing}`;

function answers(box, ctx) {
  if (!box.engine) return badge("quiet", t("boxes.measured_only"), t("boxes.measured_only_title"));
  if (box.absent) return badge("bad", t("boxes.absent", { span: span(ctx.now - Date.parse(box.absent)) }), box.fault);
  if (!box.reachable) return badge("bad", t("boxes.unreachable"), box.fault);
  // Who looks at engines is the service: while it is not heard, nobody knows.
  const away = ctx.state.sources?.temporal?.fault;
  return away ? badge("warn", t("boxes.not_known"), away) : badge("good", t("boxes.reachable"));
}

// age says how old a measurement is, and that it is old when it is.
export function age(resource, hour, ctx) {
  const old = stale(resource, hour, ctx.now);
  return html`<span class=${old ? "bad" : "quiet"}>${old ? html`<b>${t("boxes.stale")}</b> · ` : nothing}${t("boxes.measured", { ago: ago(ctx.now - resource.time_ms) })}
    · ${resource.source === "snmp" ? t("boxes.by_snmp") : t("boxes.by_edge")}</span>`;
}

// curve is the last hour of something, in words too for those who cannot see it.
export function curve(values, { low, high, show, name }) {
  const known = values.filter((v) => v !== null);
  if (known.length === 0) return html`<span class="spark none" role="img" aria-label=${t("boxes.curve_none", { name })}></span>`;
  const label = t("boxes.curve", { name, low: show(Math.min(...known)), high: show(Math.max(...known)) });
  return spark(values, { label, low, high });
}

// item is one number with its hour.
export function item(which, box, hour) {
  const value = valueOf(box.resource, which);
  const name = t(`boxes.item.${which.key}`);
  const ceiling = which.key === "memory" ? box.resource.mem_total_bytes : which.ceiling;
  return html`<div class="item">
    <dt>${name}</dt>
    <dd><span class="value num">${which.show(value)}</span></dd>
    <dd class="hour">${which.series ? curve(hourOf(hour, box.resource, which), { low: which.floor, high: ceiling, show: which.show, name }) : nothing}</dd>
  </div>`;
}
