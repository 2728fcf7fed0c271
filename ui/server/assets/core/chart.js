// <time-chart>: stacked panels over one axis of time, from seconds to a year, that follows now until a person moves it.
//
// Its owner sets, and may set again at every redraw:
//   panels  [{id, title, height, overrides, axes: [{scale, unit, per, span, always, zero}], zones, lines,
//             curves: [{id, label, colour, width, dash, step, envelope, axis, digits, unit, off}]}]; `panels.key` names what they say
//   load    async (from, to, points, signal) => the answer of GET …/series
//   now     () => the server's clock, Unix ms
//   told    {at, values: {id: number}}: the newest moment that the stream told
//   events  those of the range, the newest first, marked above the panels with the words of wordsOf(event) => {icon, colour,
//           label} and textOf(event); `eventsFrom` is from when on they are known, Unix ms
//   earlier overrides' events from before the range: one may hold still
// It says `range` with {from, to, live} in its detail when another range is shown.
import { html, render, nothing } from "./html.js";
import { t } from "./i18n.js";
import { uPlot, palette, plot, columnsFor } from "./chart/plot.js";
import { columnsOf, append, bandsOf } from "./chart/columns.js";
import { bar, legend } from "./chart/parts.js";
import { moves, key } from "./chart/moves.js";
import { strip } from "./chart/strip.js";
import { table } from "./chart/table.js";

const minute = 60000, hour = 60 * minute, day = 24 * hour;
const least = 10000, most = 3 * 365 * day;
let count = 0;

class TimeChart extends HTMLElement {
  constructor() {
    super();
    Object.assign(this, {
      key: `time-chart-${++count}`, panels: [], events: [], earlier: [], wordsOf: () => ({}), now: Date.now, told: null, plots: [], columns: null, off: new Set(),
      length: hour, chosen: hour, end: null, at: null, busy: false, fault: "", asked: 0, loadedAt: 0, tip: null, hinting: false, drawn: "", narrow: false,
    });
  }

  connectedCallback() {
    this.classList.add("time-chart");
    this.turned = new MutationObserver(() => this.rebuild());
    this.turned.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "lang"] });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.rebuild);
    this.sized = new ResizeObserver(() => this.resize());
    this.sized.observe(this);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.draw();
    this.fetch();
  }

  disconnectedCallback() {
    clearInterval(this.ticking);
    clearTimeout(this.waiting);
    this.turned.disconnect();
    this.sized.disconnect();
    this.scheme.removeEventListener("change", this.rebuild);
    this.asking?.abort();
    this.clear();
  }

  // update is called by the owner after it has set its part.
  update() {
    if (!this.isConnected) return;
    if (this.columns && this.told && this.told.at !== this.columns.told) {
      this.columns.told = this.told.at;
      if (append(this.columns, this.told.at, this.told.values)) this.fill();
    }
    if (this.known() !== this.drawn) this.rebuild();
    else this.draw();
    if (this.marked !== this.events) {
      this.marked = this.events;
      for (const { plot: drawn } of this.plots) drawn.redraw(false, false);
    }
  }

  get live() { return this.end === null; }

  // view is the shown range.
  view() {
    const to = this.end ?? this.now();
    return { from: to - this.length, to };
  }

  // choose shows a length up to now, and follows.
  choose(length) {
    Object.assign(this, { length, chosen: length, end: null });
    this.moved(0);
  }

  back() { this.choose(this.chosen); }

  follow() { this.end = null; this.moved(0); }

  zoomTo(from, to) {
    const length = Math.min(most, Math.max(least, to - from));
    this.length = length;
    this.end = (from + to) / 2 + length / 2;
    this.moved();
  }

  // zoomBy keeps what is at a part of the width where it is; while following, now.
  zoomBy(factor, part) {
    const { from, to } = this.view();
    const length = Math.min(most, Math.max(least, (to - from) * factor));
    if (!this.live) {
      const still = from + (to - from) * part;
      this.end = still + length * (1 - part);
    }
    this.length = length;
    this.moved();
  }

  panBy(part) {
    const end = this.view().to + part * this.length, now = this.now();
    this.end = end >= now ? null : end;
    this.moved();
  }

  moved(wait = 160) {
    if (!this.live) this.end = Math.min(this.end, this.now());
    this.shift();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.fetch(), wait);
    this.draw();
    this.tellRange();
  }

  tellRange() { this.dispatchEvent(new CustomEvent("range", { detail: { ...this.view(), live: this.live } })); }

  // fetch asks for what is shown; the last question wins.
  async fetch() {
    if (!this.load || !this.isConnected) return;
    this.asking?.abort();
    const asking = this.asking = new AbortController();
    const { from, to } = this.view();
    const points = pointsFor(this.clientWidth);
    this.busy = true;
    this.draw();
    try {
      const [UPlot, answer] = await Promise.all([uPlot(), this.load(Math.floor(from), Math.ceil(to), points, asking.signal)]);
      if (asking !== this.asking) return;
      this.take(UPlot, answer);
      this.fault = "";
    } catch (err) {
      if (asking !== this.asking || err.name === "AbortError") return;
      this.fault = err.message;
    }
    this.busy = false;
    this.loadedAt = Date.now();
    this.draw();
  }

  // take lays an answer under what has been told since it was asked for.
  take(UPlot, answer) {
    const before = this.columns;
    this.columns = columnsOf(answer);
    this.UPlot = UPlot;
    if (before && this.live) {
      const last = this.columns.times.at(-1) ?? 0;
      for (let i = before.stored; i < before.times.length; i++) {
        if (before.times[i] <= last + this.columns.step) continue;
        const values = {};
        for (const [id, column] of Object.entries(before.by)) if (typeof column.values[i] === "number") values[id] = column.values[i];
        append(this.columns, before.times[i], values);
      }
    }
    this.columns.told = this.told?.at;
    this.at = null;
    if (this.plots.length === 0 || this.known() !== this.drawn) this.rebuild();
    else this.fill();
    this.painted = performance.now();
  }

  rebuild = () => {
    if (!this.UPlot || !this.columns) return this.draw();
    this.clear();
    this.drawn = this.known();
    for (const panel of this.panels) for (const curve of panel.curves) if (curve.off && !this.seen?.has(curve.id)) this.off.add(curve.id);
    this.seen = new Set(this.panels.flatMap((panel) => panel.curves.map((curve) => curve.id)));
    this.draw();
    this.colours = palette(this);
    this.narrow = this.clientWidth < 560;
    for (const panel of this.shown()) {
      const host = this.querySelector(`[data-panel="${panel.id}"]`);
      const drawn = plot(this.UPlot, { panel, columns: this.columns, host, width: host.clientWidth, colour: this.colours, chart: this });
      this.plots.push({ panel, plot: drawn });
      moves(drawn.over, this);
      drawn.over.addEventListener("mouseleave", () => this.cursor(null));
    }
    this.draw();
  };

  // shown are the panels that have a curve: a room without meters has no panel of power. The last one carries the times.
  shown() {
    const some = this.columns ? this.panels.filter((panel) => panel.curves.some((curve) => this.columns.by[curve.id])) : [];
    return some.map((panel, i) => ({ ...panel, last: i === some.length - 1 }));
  }

  // known names what the panels say and which of them are shown.
  known() { return `${this.panels.key} ${this.shown().map((panel) => panel.id)}`; }

  clear() {
    for (const { plot: drawn } of this.plots) drawn.destroy();
    this.plots = [];
    this.colours?.end();
    this.at = null;
  }

  fill() { for (const { panel, plot: drawn } of this.plots) drawn.setData(columnsFor(panel, this.columns)); }

  shift() { for (const { plot: drawn } of this.plots) { const { from, to } = this.view(); drawn.setScale("x", { min: from, max: to }); } }

  resize() {
    if (this.plots.length > 0 && this.narrow !== this.clientWidth < 560) return this.rebuild();
    for (const { panel, plot: drawn } of this.plots) {
      const width = this.querySelector(`[data-panel="${panel.id}"]`).clientWidth;
      if (width > 0 && width !== drawn.width) drawn.setSize({ width, height: panel.height });
    }
    this.draw();
  }

  // tick moves the axis with now, and asks anew now and then: what was told is coarser than what is stored.
  tick() {
    if (!this.live || document.hidden) return;
    const { from } = this.view();
    if (!this.shownFrom || Math.abs(from - this.shownFrom) > this.length / Math.max(this.clientWidth, 300)) {
      this.shownFrom = from;
      this.shift();
      this.tellRange();
    }
    const every = this.fault ? 10000 : Math.min(10 * minute, Math.max(20000, this.length / 100));
    if (!this.busy && Date.now() - this.loadedAt > every) this.fetch();
  }

  cursor(i) {
    if (this.at === i) return;
    this.at = i;
    this.draw();
  }

  // marks are lines through all panels; where they would be a hatching the strip alone tells.
  marks() {
    const { from, to } = this.view();
    const shown = this.events.filter((e) => e.at >= from && e.at <= to && this.wordsOf(e).mark);
    return shown.length > 40 ? [] : shown.map((e) => ({ at: e.at, colour: this.wordsOf(e).colour }));
  }

  bands() { return bandsOf([...this.earlier, ...this.events], this.now()); }

  hint() {
    if (this.hinting) return;
    this.hinting = true;
    this.draw();
    setTimeout(() => { this.hinting = false; this.draw(); }, 2500);
  }

  toggle(id) {
    if (this.off.has(id)) this.off.delete(id);
    else this.off.add(id);
    for (const { panel, plot: drawn } of this.plots) {
      panel.curves.forEach((curve, i) => { if (curve.id === id) drawn.setSeries(i + 1, { show: !this.off.has(id) }); });
      let next = panel.curves.length + 1;
      for (const curve of panel.curves.filter((c) => c.envelope)) {
        if (curve.id === id) for (const k of [next, next + 1]) drawn.setSeries(k, { show: !this.off.has(id) });
        next += 2;
      }
    }
    this.draw();
  }

  draw() {
    if (!this.isConnected) return;
    render(this.template(), this);
  }

  template() {
    const { from, to } = this.view();
    return html`
      ${bar(this, from, to)}
      <div class="tc-body" role="group" tabindex="0" aria-label=${`${this.label ?? ""}. ${t("room.chart_keys")}`} aria-busy=${this.busy}
        @keydown=${(event) => { if (event.target === event.currentTarget && key(event, this)) event.preventDefault(); }}>
        ${this.fault ? html`<p class="tc-fault bad" role="alert">${t("room.chart_fault")} <span lang="en">${this.fault}</span></p>` : nothing}
        ${strip(this)}
        ${this.shown().map((panel, i) => html`<section class="tc-panel" aria-label=${panel.title}>
          ${legend(this, panel, i === 0)}
          <div class="tc-plot" data-panel=${panel.id}></div>
        </section>`)}
        ${this.columns && this.shown().length === 0 ? html`<p class="quiet tc-none">${t("room.chart_nothing")}</p>` : nothing}
        ${this.hinting ? html`<p class="tc-hint" aria-hidden="true">${t("room.chart_hint")}</p>` : nothing}
        ${!this.columns && !this.fault ? html`<p class="quiet tc-waiting">${t("room.chart_waiting")}</p>` : nothing}
      </div>
      ${this.columns ? table(this) : nothing}`;
  }
}

// pointsFor is how many times a width has room for: one of few, so that everybody asks for the same ones.
const pointsFor = (width) => [300, 600, 1000, 1500].find((n) => n >= width * 0.8) ?? 1500;

if (!customElements.get("time-chart")) customElements.define("time-chart", TimeChart);
