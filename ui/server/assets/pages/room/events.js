// What happened in the range that the chart shows: fetched when it changes, and every half minute while it follows now.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { get } from "../../core/api.js";
import { stamp } from "../../core/chart/axis.js";
import { said } from "../../core/said.js";
import { celsius } from "../../core/format.js";
import { empty } from "../../core/parts.js";
import { wordsOf } from "./panels.js";

// back is how long before the range an override may have begun that still holds in it, ms.
const back = 7 * 24 * 3600 * 1000;

export class Events {
  constructor(room, redraw) {
    Object.assign(this, { room, redraw, items: [], earlier: [], next: "", fault: "", range: null, known: false, busy: false, at: 0 });
  }

  // show is told which range is shown; it asks when it has stood still.
  show({ from, to, live }) {
    const before = this.range;
    this.range = { from: Math.floor(from), to: Math.ceil(to), live };
    const same = before && before.live === live && Math.abs((to - from) - (before.to - before.from)) < 2000;
    if (live && same && this.known && Date.now() - this.at < 30000) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.fetch(), this.known ? 300 : 0);
  }

  // follow asks anew when the state says that something has happened, as soon as it can have been stored.
  follow(room, alerts) {
    const key = JSON.stringify([alerts.filter((a) => a.room === room.name).map((a) => [a.id, a.began_ms, a.answer?.time_ms]), room.audit?.at(-1)?.at, room.mode]);
    if (key === this.key) return;
    const first = this.key === undefined;
    this.key = key;
    if (first || !this.range) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.fetch(), 2500);
  }

  end() {
    clearTimeout(this.waiting);
    this.asked = null;
  }

  // more asks for the next page.
  more() { return this.fetch(this.next); }

  async fetch(after = "") {
    const asked = this.asked = {};
    this.at = Date.now();
    const { from, to, live } = after ? this.page : this.range;
    this.page = { from, to, live };
    const query = new URLSearchParams({ from, ...(live && !after ? {} : { to }), limit: 500, ...(after ? { after } : {}) });
    try {
      const path = `/rooms/${encodeURIComponent(this.room)}/events?`;
      const [page, before] = await Promise.all([get(path + query), after ? null : get(path + new URLSearchParams({ from: from - back, to: from, limit: 500 }))]);
      if (asked !== this.asked) return;
      if (before) this.earlier = before.items.filter((e) => e.kind.startsWith("override_") && e.at < from);
      this.items = after ? [...this.items, ...page.items] : page.items;
      Object.assign(this, { next: page.next, fault: "", known: true });
    } catch (err) {
      if (asked !== this.asked) return;
      this.fault = err.message;
    }
    this.redraw();
  }

  view() {
    return html`<section class="card">
      <h2>${t("room.events")}</h2>
      ${this.fault ? html`<p class="bad">${t("room.events_fault")} <span lang="en">${this.fault}</span></p>` : nothing}
      ${this.known && this.items.length === 0 ? empty(t("room.no_events")) : nothing}
      <div class="room-list" tabindex="0" role="group" aria-label=${t("room.events")}><ul class="plain">${repeat(this.items.map((e, i) => [e, i]), ([e, i]) => `${e.at} ${e.kind} ${e.ac ?? ""} ${i}`, ([e]) => line(e))}</ul>
      ${this.next ? html`<button @click=${() => this.more()}>${t("room.more")}</button>` : nothing}</div>
    </section>`;
  }
}

// textOf is what an event says: of an override its numbers in the reader's language and why in the person's own words, else the
// server's sentence.
export function textOf(e) {
  const who = e.who ? html` <span class="quiet">– ${e.who}</span>` : nothing;
  if (!e.kind.startsWith("override_") || !e.setpoint) return html`${e.ac ? `${e.ac} ` : nothing}${said(e.text)}${e.why && e.why !== e.text ? html`: ${e.why}` : nothing}${who}`;
  return html`${e.ac} ${celsius(e.setpoint, 0)}${e.until ? html` ${t("room.until", { at: stamp(e.until) })}` : nothing}${e.why ? html`: ${e.why}` : nothing}${who}`;
}

function line(e) {
  const words = wordsOf(e);
  return html`<li class="room-line"><time class="num quiet">${stamp(e.at)}</time>
    <div><b class="ink${words.colour}"><span aria-hidden="true">${words.icon}</span> ${words.label}</b>
    ${e.severity && e.kind === "alert_began" ? html`<span class="badge ${e.severity === "warning" ? "warn" : "bad"}">${t(`room.severity_${e.severity}`)}</span>` : nothing}
    ${textOf(e)}</div></li>`;
}
