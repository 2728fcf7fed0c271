// One sentence for a room, to be read from the other side of it.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { number } from "../../core/format.js";
import { clauseText, marks } from "./words.js";
import { status } from "./status.js";

// wrongs is how many things that are wrong stand in the sentence; the wall has no room for more, and the first ones count.
const wrongs = 9;

// sentence says how a room is: a word and a sign for its level, the inlet, then what is wrong, the worst first, then the rest.
export function sentence(room, ctx) {
  const { level, temp, clauses } = status(ctx.state, room, ctx.now, ctx.lost);
  const wrong = clauses.filter((c) => c.level !== "good");
  const well = clauses.filter((c) => c.level === "good");
  return html`<section class="card status level-${level}" aria-labelledby="status-${room.name}">
    <p class="word" role="status"><span class="mark" aria-hidden="true">${marks[level]}</span>${t(`overview.level.${temp === null && level === "bad" ? "unknown" : level}`)}</p>
    <p class="inlet" title=${t("overview.inlet_title")}><b class="num">${temp === null ? "–" : number(temp)}</b> °C</p>
    <div class="say">
      <h1 id="status-${room.name}"><a href="/rooms/${encodeURIComponent(room.name)}">${room.title}</a>${room.mode && !ctx.lost ? html` <span class="badge ${room.mode === "auto" ? "good" : room.mode === "emergency" ? "bad" : "warn"}">${t(`overview.mode.${room.mode}`)}</span>` : nothing}</h1>
      ${wrong.length > 0 ? html`<ul class="wrong">${wrong.slice(0, wrongs).map((c) => html`<li class=${c.level}><span class="mark" aria-hidden="true">${marks[c.level]}</span><span>${clauseText(c)}</span></li>`)}
        ${wrong.length > wrongs ? html`<li class="quiet">${t("overview.more_wrong", { n: wrong.length - wrongs })}</li>` : nothing}</ul>` : nothing}
      <p class="well">${well.map((c, i) => html`${i > 0 ? ", " : ""}<span>${clauseText(c)}</span>`)}</p>
    </div>
  </section>`;
}
