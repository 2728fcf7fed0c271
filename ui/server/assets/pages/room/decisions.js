// The log of decisions in words, the newest on top.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { get } from "../../core/api.js";
import { clock } from "../../core/format.js";
import { stamp } from "../../core/chart/axis.js";
import { said } from "../../core/said.js";
import { empty, badge } from "../../core/parts.js";

const look = { raise: "good", lower: "warn", "fast-lower": "bad", "fail-cold": "bad", emergency: "bad", hold: "quiet" };

export class Decisions {
  constructor(room, redraw) {
    Object.assign(this, { room, redraw, items: [], next: "", fault: "", known: false, changes: false, newest: 0 });
    this.fetch();
    this.ticking = setInterval(() => { if (!document.hidden) this.fetch(); }, 30000);
  }

  end() {
    clearInterval(this.ticking);
    clearTimeout(this.waiting);
    this.asked = null;
  }

  async fetch(after = "") {
    const asked = this.asked = {};
    const query = new URLSearchParams({ limit: 100, ...(after ? { after } : {}) });
    try {
      const page = await get(`/rooms/${encodeURIComponent(this.room)}/decisions?${query}`);
      if (asked !== this.asked) return;
      const fresh = page.items ?? [];
      if (after) this.items = [...this.items, ...fresh];
      else {
        const known = new Set(fresh.map(id));
        this.items = [...fresh, ...this.items.filter((d) => !known.has(id(d)) && d.time_ms < (fresh.at(-1)?.time_ms ?? 0))];
      }
      if (after || !this.known) this.next = page.next ?? "";
      Object.assign(this, { fault: "", known: true });
    } catch (err) {
      if (asked !== this.asked) return;
      this.fault = err.message;
    }
    this.redraw();
  }

  // told asks anew when the state has a newer decision than the log.
  told(decision) {
    if (!decision || !this.known || decision.time_ms === this.newest) return;
    this.newest = decision.time_ms;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.fetch(), 400);
  }

  view() {
    const shown = this.changes ? this.items.filter((d) => d.action !== "hold") : this.items;
    return html`<section class="card">
      <div class="row apart"><h2>${t("room.decisions")}</h2>
        <div class="tc-ranges" role="group" aria-label=${t("room.filter")}>
          <button aria-pressed=${!this.changes} @click=${() => { this.changes = false; this.redraw(); }}>${t("room.all")}</button>
          <button aria-pressed=${this.changes} @click=${() => { this.changes = true; this.redraw(); }}>${t("room.changes")}</button></div></div>
      ${this.fault ? html`<p class="bad">${t("room.decisions_fault")} <span lang="en">${this.fault}</span></p>` : nothing}
      ${this.known && shown.length === 0 ? empty(this.changes ? t("room.no_changes") : t("room.no_decisions")) : nothing}
      <div class="room-list" tabindex="0" role="group" aria-label=${t("room.decisions")}><ul class="plain">${repeat(shown, (d) => id(d), line)}</ul>
      ${this.next ? html`<button @click=${() => this.fetch(this.next)}>${t("room.more")}</button>` : nothing}</div>
    </section>`;
  }
}

const id = (d) => d.time_ms;

// line is a decision; one that was said again and again in the same words has until when.
const line = (d) => html`<li class="room-line"><time class="num quiet">${stamp(d.until_ms ?? d.time_ms)}</time>
  <div>${badge(look[d.action] ?? "quiet", t(`room.action_${d.action}`))} ${said(d.reason)}
  ${d.until_ms > d.time_ms ? html`<span class="quiet small">${t("room.since", { at: clock(d.time_ms) })}</span>` : nothing}
  ${d.advice ? html`<div class="small quiet">${t("room.advice")} ${said(d.advice)}</div>` : nothing}</div></li>`;
