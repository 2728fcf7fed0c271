// The service below the rooms, in one line: does what runs the cooling itself run?
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { age } from "./words.js";
import { health as count } from "./status.js";

export function health(ctx) {
  const h = count(ctx.state);
  const s = ctx.state.service;
  return html`<section class="card health" aria-label=${t("overview.service")}>
    <a href="/service"><b>${s?.service ?? t("overview.service")}</b></a>
    ${h.phase ? item(["failed", "down", "stopping"].includes(h.phase) ? "bad" : h.phase === "tuning" ? "good" : "warn", `${t(`overview.phase.${h.phase}`)}, ${t("overview.revision", { n: h.revision })}`) :
      item("warn", t("overview.s.no_service"))}
    ${s?.fault ? html`<span class="bad" lang="en">${s.fault}</span>` : nothing}
    ${h.functions > 0 ? item(h.down.length ? "bad" : "good", t("overview.functions_up", { n: h.up, all: h.functions }), h.down) : nothing}
    ${h.connections > 0 ? item(h.broken.length ? "bad" : "good", t("overview.connections", { n: h.proven, all: h.connections }), h.broken) : nothing}
    ${s?.looked ? html`<span class="quiet">${t("overview.looked", { age: age(Math.max(0, ctx.now - Date.parse(s.looked))) })}</span>` : nothing}
    ${h.boxes > 0 ? html`<a class="bare" href="/boxes">${item(h.absent.length ? "bad" : "good", t("overview.boxes", { n: h.reachable, all: h.boxes }), h.absent)}</a>` : nothing}
    ${Object.entries(ctx.state.sources ?? {}).map(([name, source]) => item(source.fault ? "bad" : source.heard_at ? "good" : "warn",
      source.fault ? t("overview.source_away", { name: title(name), span: source.heard_at ? age(ctx.now - source.heard_at) : t("overview.never") }) : title(name)))}
  </section>`;
}

const title = (name) => ({ kafka: "Kafka", temporal: "Temporal", influxdb: "InfluxDB" })[name] ?? name;

const item = (level, text, names = []) => html`<span class="item ${level}"><span aria-hidden="true">${level === "good" ? "✓" : level === "warn" ? "!" : "✕"}</span> ${text}${names.length ? `: ${names.join(", ")}` : ""}</span>`;
