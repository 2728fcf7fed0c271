// The floor: where the sensors and the air conditioners stand, and the heat between the sensors that can be believed.
import { html, svg, nothing, repeat, ref } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { celsius, number } from "../../core/format.js";
import { age, long, marks, percent, roleName, said } from "./words.js";
import { standing, trusted } from "./fresh.js";
import { confirming } from "./status.js";
import { contour, field, labels, levels, low, high, part } from "./heat.js";
import { paint } from "./canvas.js";
import { spread } from "./spread.js";
import { addressOf, pictureControls } from "./picture.js";

const plans = new Map(); // room name -> {width, height, aspect (of its picture), field: {of, made}}
const seen = new WeakMap(); // element -> room name
let watcher = null, watched = new WeakSet(); // the elements that this watcher follows

// small is the width under which marks show less, px.
const small = 560;

// watchMaps follows the maps' sizes while the page is shown. It returns what ends that.
export function watchMaps(redraw) {
  watched = new WeakSet();
  watcher = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const plan = planOf(seen.get(target));
      if (Math.abs(plan.width - contentRect.width) < 1 && Math.abs(plan.height - contentRect.height) < 1) continue;
      Object.assign(plan, { width: contentRect.width, height: contentRect.height });
      redraw();
    }
  });
  return () => { watcher.disconnect(); watcher = null; };
}

function planOf(name) {
  if (!plans.has(name)) plans.set(name, { width: 0, height: 0, aspect: 0, field: null });
  return plans.get(name);
}

function measure(element, name) {
  if (!element || !watcher) return;
  seen.set(element, name);
  if (watched.has(element)) return;
  watched.add(element);
  watcher.observe(element);
}

export function map(room, ctx) {
  const plan = planOf(room.name);
  const floor = fit(plan, Boolean(room.picture));
  const good = placed(trusted(room, ctx.now, ctx.lost));
  const shaped = room.picture && plan.aspect > 0;
  const spots = plan.width > 0 ? spotsOf(room, floor, ctx) : [];
  const heat = heatOf(plan, good, spots, floor);
  return html`<section class="card map ${ctx.lost ? "stale" : ""}" aria-label=${t("overview.map")}>
    <div class="plan ${shaped ? "shaped" : ""}" .style=${shaped ? `--aspect:${plan.aspect}` : ""} ${ref((element) => measure(element, room.name))}>
      <div class="floor ${room.picture ? "pictured" : ""} ${floor.width < small ? "small" : ""}" .style=${`left:${floor.left}px;top:${floor.top}px;width:${floor.width}px;height:${floor.height}px`}>
        ${room.picture ? html`<img src=${addressOf(room)} alt=${t("overview.picture_of", { room: room.title })} @load=${(e) => pictured(plan, e.target, ctx)}>` : nothing}
        ${heat ? html`<canvas width=${heat.columns} height=${heat.rows} aria-hidden="true" ${ref((element) => element && paint(element, heat))}></canvas>` : nothing}
        ${heat ? lines(heat) : nothing}
        ${all(room, spots, floor, ctx)}
        ${good.length === 0 ? html`<p class="no-heat">${t(placed(room.sensors).length === 0 ? "overview.no_places" : "overview.no_heat")}</p>` : nothing}
      </div>
    </div>
    <footer class="row apart">${legend()}${ctx.can("admin") ? pictureControls(room, ctx) : nothing}</footer>
  </section>`;
}

// placed leaves out what has no place: 0, 0 is a corner in which nobody hangs a probe.
const placed = (list) => list.filter((one) => one.x > 0 || one.y > 0);

// fit puts the floor into its frame: a picture keeps its shape, else the floor takes all.
function fit(plan, hasPicture) {
  const width = plan.width || 640, height = plan.height || 400;
  if (!hasPicture || !plan.aspect) return { left: 0, top: 0, width, height };
  const wide = Math.min(width, height * plan.aspect);
  return { left: (width - wide) / 2, top: (height - wide / plan.aspect) / 2, width: wide, height: wide / plan.aspect };
}

function pictured(plan, img, ctx) {
  const aspect = img.naturalWidth / img.naturalHeight;
  if (!(aspect > 0) || plan.aspect === aspect) return;
  plan.aspect = aspect;
  ctx.redraw();
}

// heatOf reckons the field anew only when a value that counts has changed.
function heatOf(plan, good, spots, floor) {
  const aspect = floor.width / floor.height;
  const of = `${Math.round(floor.width)} ${Math.round(floor.height)} ${spots.length} ${good.map((s) => `${s.x},${s.y},${s.celsius}`).join(" ")}`;
  if (plan.field?.of !== of) {
    const made = field(good, 96, 64, aspect);
    if (made) {
      made.lines = levels(made).map((c) => ({ celsius: c, lines: contour(made, c) }));
      made.labels = labels(made.lines, spots.flatMap((m) => corners(m, floor)), aspect);
    }
    plan.field = { of, made };
  }
  return plan.field.made;
}

// corners of a mark, and its middle, as parts of the floor: no label goes there.
const corners = (m, floor) => [-1, 0, 1].flatMap((dy) => [-1, -0.5, 0, 0.5, 1].map((dx) =>
  [(m.cx + (dx * m.w) / 2) / floor.width, (m.cy + (dy * m.h) / 2) / floor.height]));

// lines are the contours, each with its temperature where there is room for it.
const lines = (heat) => html`<svg class="contours" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
    ${heat.lines.map((l) => l.lines.map((line) => svg`<polyline points=${line.map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(" ")} />`))}</svg>
    ${heat.labels.map((l) => html`<span class="contour-label num" aria-hidden="true" .style=${`left:${(100 * l.x).toFixed(1)}%;top:${(100 * l.y).toFixed(1)}%`}>${l.celsius}°</span>`)}`;

// spotsOf are all marks, moved apart where they would lie on each other.
function spotsOf(room, floor, ctx) {
  const tight = floor.width < small;
  const sensor = tight ? { w: 66, h: 26 } : { w: 140, h: 46 }, ac = tight ? { w: 78, h: 42 } : { w: 138, h: 62 };
  const marked = [
    ...placed(room.acs).map((one) => ({ kind: "ac", one, ...ac })), ...placed(room.sensors).map((one) => ({ kind: "sensor", one, ...sensor, ...(tight && standing(one, room, ctx.now, ctx.lost) !== "good" ? { h: 40 } : {}) })),
  ].map((m) => ({ ...m, x: m.one.x * floor.width, y: m.one.y * floor.height }));
  return spread(marked, floor.width, floor.height);
}

// all draws the marks, with a line to where they belong when they could not stay there.
function all(room, spots, floor, ctx) {
  const far = spots.filter((m) => Math.hypot(m.cx - m.x, m.cy - m.y) > 10);
  return html`<svg class="leads" viewBox="0 0 ${floor.width} ${floor.height}" aria-hidden="true">${far.map((m) => svg`<line x1=${m.x} y1=${m.y} x2=${m.cx} y2=${m.cy} /><circle cx=${m.x} cy=${m.y} r="4" />`)}</svg>
    ${repeat(spots, (m) => `${m.kind} ${m.one.id ?? m.one.name}`, (m) => (m.kind === "ac" ? acSpot(room, m, floor, ctx) : sensorSpot(room, m, floor, ctx)))}`;
}

const at = (m) => `left:${(m.cx - m.w / 2).toFixed(1)}px;top:${(m.cy - m.h / 2).toFixed(1)}px;width:${m.w}px;height:${m.h}px`;

// side says where a mark's details open, so that they stay on the map.
const side = (m, floor) => `${m.cy > floor.height / 2 ? "up" : "down"} ${m.cx > floor.width * 0.6 ? "leftwards" : m.cx < floor.width * 0.4 ? "rightwards" : ""}`;

function sensorSpot(room, m, floor, ctx) {
  const s = m.one, how = standing(s, room, ctx.now, ctx.lost);
  const value = how === "never" ? "–" : celsius(s.celsius);
  const when = how === "never" ? t("overview.never_heard") : age(ctx.now - s.at);
  const words = how === "bad" ? `${t("overview.not_trusted")}: ${s.reason ?? ""}` : how === "stale" ? t("overview.stale") : "";
  return html`<a class="spot sensor ${how} ${side(m, floor)}" href="/rooms/${encodeURIComponent(room.name)}" .style=${at(m)}>
    <span class="name">${s.name}</span>
    <span class="num reading"><span class="value">${floor.width < small && how !== "never" ? `${number(s.celsius)}°` : value}</span>${how === "good" ? nothing : html`<span class="aged">${how === "bad" ? "✕" : how === "never" ? t("overview.never") : long(ctx.now - s.at)}</span>`}</span>
    <span class="unseen">${roleName(s.role)}, ${when}${words ? `, ${words}` : ""}</span>
    <span class="tip" aria-hidden="true"><b>${s.name}</b><span>${roleName(s.role)}${s.simulated ? `, ${t("shell.simulated")}` : ""}</span>
      <span class="num">${value}${s.humidity === null || s.humidity === undefined ? "" : ` · ${percent(s.humidity)}`} · ${when}</span>
      ${words ? html`<span class="warn">${how === "bad" ? html`${t("overview.not_trusted")}: ${said(s.reason)}` : words}</span>` : nothing}</span>
  </a>`;
}

function acSpot(room, m, floor, ctx) {
  const ac = m.one, how = ctx.lost ? "unknown" : confirming(ac, ctx.now);
  const sign = how === "confirmed" ? marks.good : how === "refused" ? marks.bad : how === "late" ? marks.warn : "…";
  const stations = [["desired", ac.desired > 0 ? ac.desired : null], ["sent", ac.sent], ["confirmed", ac.confirmed]];
  const told = stations.map(([name, value]) => `${t(`overview.station.${name}`)} ${celsius(value, 0)}`).join(" · ");
  return html`<a class="spot cooler ${how} ${side(m, floor)}" href="/rooms/${encodeURIComponent(room.name)}" .style=${at(m)}>
    <span class="name"><span aria-hidden="true">❄</span> ${ac.name}</span>
    <span class="num value">${celsius(ac.desired > 0 ? ac.desired : null, 0)}</span>
    <span class="how">${sign} ${t(`overview.how.${how}`)}</span><span class="unseen">${told}. ${said(ac.reason)}</span>
    <span class="tip" aria-hidden="true"><b>${ac.name}</b>
      <span class="num">${told}</span>
      <span>${said(ac.reason)}</span></span>
  </a>`;
}

const legend = () => html`<span class="legend small quiet"><span class="num">${low} °C</span><i class="ramp" aria-hidden="true">${[20, 25, 30].map((c) =>
  html`<i .style=${`left:${100 * part(c)}%`}></i>`)}</i><span class="num">${high} °C</span><span class="grow">${t("overview.legend")}</span></span>`;
