// The card that shows the live log of a function on a box.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { clock } from "../../core/format.js";
import { say } from "../../core/toast.js";
import { badge, empty } from "../../core/parts.js";

const key = (f) => `${f.function}/${f.replica}`;

// logCard draws the log with its controls; choose is called with what is picked, as function/replica.
export function logCard(log, functions, chosen, choose) {
  return html`<section class="card" id="log" aria-labelledby="log-title">
    <div class="row apart"><h2 id="log-title">${t("boxes.log.title")}</h2>${chosen ? standing(log) : nothing}</div>
    ${functions.length === 0 ? empty(t("boxes.no_functions")) : html`
      ${bar(log, functions, chosen, choose)}
      ${chosen ? html`
        ${log.note?.text ? html`<p class="warn small" role="status" lang="en">${log.note.text}</p>` : nothing}
        ${log.fault ? html`<p class="bad small" role="status" lang="en">${log.fault}</p>` : nothing}
        <div class="log-frame">${log.box}${newer(log)}</div>
        <p class="quiet small">${log.lines.length === 0 ? t("boxes.log.none_yet") : t("boxes.log.count", { n: log.lines.length, shown: log.visible().length })} · ${t("boxes.log.secrets")}</p>` : html`<p class="quiet">${t("boxes.log.choose")}</p>`}`}
  </section>`;
}

function standing(log) {
  if (log.lost) return badge("bad", t("boxes.log.lost"));
  if (log.paused) return badge("warn", t("boxes.log.paused", { n: log.newer }));
  if (log.fault) return badge("bad", t("boxes.log.stalled"));
  return log.following ? badge(log.note?.text ? "warn" : "good", log.note?.text ? t("boxes.log.waiting") : t("boxes.log.live")) : badge("quiet", t("boxes.log.beginning"));
}

const newer = (log) => (log.newer > 0 || !log.atEnd
  ? html`<button class="newer" @click=${() => (log.paused ? log.pause(false) : (log.toEnd(), log.redraw()))}>↓ ${log.newer > 0 ? t("boxes.log.newer", { n: log.newer }) : t("boxes.log.end")}</button>` : nothing);

const bar = (log, functions, chosen, choose) => html`<div class="log-bar">
  <label>${t("boxes.log.function")}
    <select id="log-function" @change=${(event) => choose(event.target.value)}>
      <option value="" ?selected=${!chosen}>–</option>
      ${functions.map((f) => html`<option value=${key(f)} ?selected=${chosen === key(f)}>${f.function}${f.replica > 1 || functions.filter((one) => one.function === f.function).length > 1 ? ` ${f.replica}` : ""}</option>`)}
    </select></label>
  ${chosen ? html`
    <label class="grow">${t("boxes.log.filter")}<input type="search" placeholder=${t("boxes.log.filter_hint")} .value=${log.options.filter} @input=${(event) => log.set("filter", event.target.value)}></label>
    <button aria-pressed=${log.paused ? "true" : "false"} @click=${() => log.pause(!log.paused)}>${log.paused ? t("boxes.log.resume") : t("boxes.log.pause")}</button>
    <button @click=${() => copy(log)}>${t("boxes.log.copy")}</button>
    <label class="check"><input type="checkbox" .checked=${log.options.wrap} @change=${(event) => log.set("wrap", event.target.checked)}> ${t("boxes.log.wrap")}</label>
    <label class="check"><input type="checkbox" .checked=${log.options.times} @change=${(event) => log.set("times", event.target.checked)}> ${t("boxes.log.times")}</label>
    <label class="check"><input type="checkbox" .checked=${log.options.raw} @change=${(event) => log.set("raw", event.target.checked)}> ${t("boxes.log.raw")}</label>` : nothing}
</div>`;

async function copy(log) {
  try {
    await navigator.clipboard.writeText(log.text());
    say(t("boxes.log.copied", { n: log.visible().length, time: clock(Date.now()) }));
  } catch {
    // Without https a browser hands out no clipboard: mark the lines, so that Ctrl+C copies them.
    getSelection().selectAllChildren(log.box);
    say(t("boxes.log.marked"), "warn");
  }
}
