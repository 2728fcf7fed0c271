// The tables of one box: disks, interfaces, containers, images, and the facts of its engine.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { bytes, day, moment, number, percent, span } from "../../core/format.js";
import { badge, empty } from "../../core/parts.js";
import { interfaceItems, partOf } from "./items.js";
import { curve } from "./parts.js";

// scroll lets a table be wider than the page, also for those who use the keyboard alone.
const scroll = (name, table) => html`<div class="scroll" tabindex="0" role="region" aria-label=${name}>${table}</div>`;

const grade = (used) => (used >= 95 ? "bad" : used >= 85 ? "warn" : "");

// disks with what is used, where that is going, and the last hour.
export function disks(box, hour, outlooks) {
  const list = box.resource?.disks ?? [];
  if (list.length === 0) return empty(t("boxes.no_disks"));
  return scroll(t("boxes.disks"), html`<table class="box-tables">
    <thead><tr><th>${t("boxes.disk.path")}</th><th>${t("boxes.disk.used")}</th><th>${t("boxes.disk.outlook")}</th><th>${t("boxes.last_hour")}</th></tr></thead>
    <tbody>${list.map((disk) => html`<tr>
      <td class="name"><code>${disk.path}</code></td>
      <td><span class="meter ${grade(disk.used_percent)}"><i .style=${`width:${Math.min(100, disk.used_percent)}%`}></i></span><span class="num value">${percent(disk.used_percent, 1)}</span></td>
      <td>${outlook(outlooks.of?.find((one) => one.path === disk.path), outlooks)}</td>
      <td class="hour">${curve(partOf(hour, "used_percent", disk.path), { low: 0, high: 100, show: percent, name: disk.path })}</td>
    </tr>`)}</tbody></table>`);
}

function outlook(one, outlooks) {
  if (outlooks.fault && !one) return html`<span class="warn small" lang="en">${outlooks.fault}</span>`;
  if (!one) return html`<span class="quiet">…</span>`;
  if (!one.known) return html`<span class="quiet">${t("boxes.disk.unknown")}</span>`;
  if (!one.filling) return html`<span class="good">${t("boxes.disk.steady")}</span>`;
  const soon = one.full_at - Date.now() < 7 * 86400e3;
  const pace = t("boxes.disk.pace", { perday: number(one.percent_per_hour * 24, 1), over: span(one.over_ms) });
  return html`<b class=${soon ? "bad" : "warn"}>${t("boxes.disk.full", { date: soon ? moment(one.full_at) : day(one.full_at) })}</b><span class="quiet small">${pace}</span>`;
}

const silent = (one) => interfaceItems.every((item) => !one[item.series]);

// interfaces with their rates; those through which nothing goes are folded away.
export function interfaces(box, hour) {
  const list = box.resource?.interfaces ?? [];
  if (list.length === 0) return empty(t("boxes.no_interfaces"));
  const busy = list.filter((one) => !silent(one));
  const idle = list.filter(silent);
  return html`${busy.length ? rates(busy, hour) : nothing}
    ${idle.length ? html`<details ?open=${busy.length === 0}><summary>${t("boxes.idle_interfaces", { n: idle.length })}</summary>${rates(idle, hour)}</details>` : nothing}`;
}

const rates = (list, hour) => scroll(t("boxes.interfaces"), html`<table class="box-tables wide">
  <thead><tr><th>${t("boxes.interface")}</th>${interfaceItems.slice(0, 2).map((item) => html`<th class="n">${t(`boxes.item.${item.key}`)}</th><th>${t("boxes.last_hour")}</th>`)}
    ${interfaceItems.slice(2).map((item) => html`<th class="n">${t(`boxes.item.${item.key}`)}</th>`)}</tr></thead>
  <tbody>${list.map((one) => html`<tr><td class="name"><code>${one.name}</code></td>
    ${interfaceItems.slice(0, 2).map((item) => html`<td class="n value">${item.show(one[item.series])}</td><td class="hour">${curve(partOf(hour, item.series, one.name), { low: 0, show: item.show, name: `${one.name} ${t(`boxes.item.${item.key}`)}` })}</td>`)}
    ${interfaceItems.slice(2).map((item) => html`<td class="n value ${one[item.series] > 0 ? "warn" : ""}">${item.show(one[item.series])}</td>`)}</tr>`)}</tbody></table>`);

const fact = (name, value) => (value === undefined || value === "" ? nothing : html`<div><dt>${t(`boxes.engine.${name}`)}</dt><dd>${value}</dd></div>`);

// engine is what it says of itself.
export function engine(seen, box) {
  const e = seen.engine ?? {};
  return html`<dl class="facts">
    ${fact("version", e.version)}${fact("api", e.api)}${fact("address", box.engine)}${fact("os", e.os)}${fact("kernel", e.kernel)}${fact("arch", e.arch)}
    ${fact("cpus", e.cpus)}${fact("memory", e.memory_bytes ? bytes(e.memory_bytes) : undefined)}${fact("root", e.root)}${fact("storage", e.storage)}
    ${e.swarm ? fact("swarm", t(`boxes.swarm.${e.swarm}`)) : nothing}
    ${Math.abs(e.skew_s ?? 0) > 1 ? fact("skew", html`<span class="warn">${number(e.skew_s, 1)} s</span>`) : nothing}
  </dl>`;
}

// mood is how a container stands. One of the service that has ended well is still one that should run, unless it is a job.
const mood = (one, ctx) => (ended(one, ctx) ? "warn" : one.health === "unhealthy" || one.state === "dead" || one.state === "restarting" || (one.state === "exited" && one.exit_code !== 0) ? "bad"
  : one.health === "healthy" || (one.state === "running" && !one.health) ? "good" : one.state === "running" ? "warn" : "quiet");

function ended(one, ctx) {
  const s = ctx.state?.service;
  return one.state === "exited" && one.exit_code === 0 && !one.helper && one.service !== "" && one.service === s?.service &&
    !(s.functions ?? []).some((f) => f.container === one.name && f.state === "completed");
}

const since = (text, ctx) => (text ? html`<time datetime=${text} title=${moment(Date.parse(text))}>${span(ctx.now - Date.parse(text))}</time>` : "–");

// containers, ours first, each with a way to its log.
export function containers(seen, ctx, show) {
  const list = seen.containers ?? [];
  if (list.length === 0) return empty(t("boxes.no_containers"));
  return scroll(t("boxes.containers"), html`<table class="box-tables wide">
    <thead><tr><th>${t("boxes.container.name")}</th><th>${t("boxes.container.state")}</th><th class="n">${t("boxes.container.since")}</th><th class="n">${t("boxes.container.restarts")}</th><th>${t("boxes.log.title")}</th><th>${t("boxes.container.image")}</th></tr></thead>
    <tbody>${list.map((one) => html`<tr>
      <td class="name">${one.name}${one.helper ? html`<span class="quiet small">${t("boxes.container.helper", { what: one.helper })}</span>` : one.service ? nothing : html`<span class="quiet small">${t("boxes.container.foreign")}</span>`}</td>
      <td>${badge(mood(one, ctx), stateOf(one), one.state)}</td>
      <td class="n">${since(one.since, ctx)}</td>
      <td class="n ${one.restarts > 0 ? "warn" : ""}">${one.restarts}</td>
      <td>${one.service && one.service === ctx.state.service?.service && one.function && !one.helper ? html`<button @click=${() => show(one.function, one.replica)} aria-label=${t("boxes.log.open", { name: one.name })}>${t("boxes.log.button")}</button>` : nothing}</td>
      <td class="name"><code>${shortImage(one.image)}</code></td>
    </tr>`)}</tbody></table>`);
}

const stateOf = (one) => (one.health && one.state === "running" ? t(`boxes.health.${one.health}`)
  : one.state === "exited" ? t("boxes.exited", { code: one.exit_code }) : t(`boxes.state.${one.state}`));

const shortImage = (name) => name.replace(/@sha256:([0-9a-f]{12})[0-9a-f]+/, "@$1…").replace(/^sha256:([0-9a-f]{12}).*/, "$1…");

// images with their names, the newest first.
export function images(seen, ctx) {
  const list = seen.images ?? [];
  if (list.length === 0) return empty(t("boxes.no_images"));
  const all = list.reduce((total, one) => total + one.bytes, 0);
  return html`${scroll(t("boxes.images"), html`<table class="box-tables">
    <thead><tr><th>${t("boxes.image.name")}</th><th class="n">${t("boxes.image.size")}</th><th class="n">${t("boxes.image.age")}</th><th>${t("boxes.image.used")}</th></tr></thead>
    <tbody>${list.map((one) => html`<tr>
      <td class="name"><code>${(one.names ?? []).length ? one.names.map((name) => html`<span>${name}</span> `) : html`<span>${shortImage(one.digests?.[0] ?? one.id)}</span>`}</code></td>
      <td class="n">${bytes(one.bytes)}</td><td class="n">${since(one.created, ctx)}</td>
      <td>${one.used ? t("boxes.image.in_use") : html`<span class="quiet">${t("boxes.image.unused")}</span>`}</td></tr>`)}</tbody></table>`)}
    <p class="quiet small">${t("boxes.image.sum", { n: list.length, size: bytes(all) })}</p>`;
}
