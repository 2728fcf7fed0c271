// The strip above the panels: a mark for each event, those that would lie on each other in one, with their words on hover and
// on focus.
import { html, nothing, repeat } from "../html.js";
import { t } from "../i18n.js";
import { clusters } from "./columns.js";
import { when } from "./axis.js";

export function strip(chart) {
  const plot = chart.plots[0]?.plot;
  if (!plot) return html`<div class="tc-strip"></div>`;
  const { from, to } = chart.view();
  const left = plot.over.offsetLeft, width = plot.over.clientWidth;
  const place = (at) => ((at - from) / (to - from)) * width;
  const marks = clusters(chart.events.filter((e) => chart.wordsOf(e).icon), place, width, chart.narrow ? 40 : 28);
  const shown = marks.find((m) => chart.tip !== null && m.events.some((e) => e.at === chart.tip));
  const show = (mark) => { chart.tip = mark ? mark.events[0].at : null; chart.draw(); };
  const unknown = Math.round(Math.min(width, place(chart.eventsFrom ?? 0)));
  return html`<div class="tc-strip"><div role="list" aria-label=${t("room.events")}>
    ${repeat(marks, (m) => m.events[0].at, (m) => {
      const words = chart.wordsOf(worst(m.events, chart));
      return html`<span role="listitem" class="tc-mark" .style=${`left:${Math.round(left + m.x)}px`}><button class="ink${words.colour}" aria-label=${m.events.slice(0, 8).map((e) => spoken(e, chart)).join(". ")}
        @mouseenter=${() => show(m)} @mouseleave=${() => show(null)} @focus=${() => show(m)} @blur=${() => show(null)} @click=${() => show(m)}
        @keydown=${(e) => { if (e.key === "Escape") show(null); }}><span aria-hidden="true">${m.events.length > 1 ? m.events.length : words.icon}</span></button></span>`;
    })}
    </div>
    ${unknown > 60 ? html`<span class="tc-unknown small quiet" .style=${`left:${left}px;width:${unknown}px`}>${t("room.events_older")}</span>` : nothing}
    ${shown ? html`<div class="tc-tip" aria-hidden="true" .style=${`left:${Math.round(Math.max(0, Math.min(left + shown.x - 20, chart.clientWidth - Math.min(340, chart.clientWidth))))}px`}>
      ${shown.events.slice(-6).reverse().map((e) => html`<p><time class="num">${when(e.at, chart.length)}</time> <b>${chart.wordsOf(e).icon} ${chart.wordsOf(e).label}</b><br>${chart.textOf(e)}</p>`)}
      ${shown.events.length > 6 ? html`<p class="quiet">${t("room.events_more", { n: shown.events.length - 6 })}</p>` : nothing}</div>` : nothing}
  </div>`;
}

const worst = (events, chart) => [...events].sort((a, b) => (chart.wordsOf(b).rank ?? 0) - (chart.wordsOf(a).rank ?? 0))[0];

const spoken = (e, chart) => `${when(e.at, chart.length)}: ${chart.wordsOf(e).label}${e.ac ? ` ${e.ac}` : ""}. ${e.text}`;
