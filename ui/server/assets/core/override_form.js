// How the dialog of an override looks. What it does is in override.js.
import { html, nothing, live } from "./html.js";
import { t, lang } from "./i18n.js";
import { celsius, span } from "./format.js";
import { say as translated } from "../i18n/sentences.js";
import { whoField } from "./who.js";
import { spans, ends, at } from "./until.js";
import { outcome, priorities, queue, seconds } from "./setpoint.js";

// draw is the whole dialog; acts are {close, redraw, set, send}.
export function draw(form, acts) {
  if (form.answer) return waiting(form, acts);
  const submit = (event) => { event.preventDefault(); acts.send(); };
  return html`<form class="override" @submit=${submit} aria-labelledby="override-title">
    <h2 id="override-title">${t("override.title", { ac: form.ac.name })}</h2>
    ${rules(form)}
    <div class="dialog-body">
      <div class="stack">${value(form, acts)}${duration(form, acts)}</div>
      <div class="stack">${why(form, acts)}${whoField(form.ctx, form.who, (who) => acts.set({ who }), form.first)}${priority(form, acts)}${promise(form)}</div>
    </div>
    <div class="row end foot">
      <p class="error" role="alert">${form.lost ? t("override.lost") : form.error}</p>
      <button type="button" @click=${() => acts.close()}>${t("shell.cancel")}</button>
      <button class="primary" id="override-send" ?disabled=${form.busy || form.lost}>${form.busy ? t("override.sending") : t("override.send", { setpoint: celsius(form.value, 0) })}</button>
    </div>
  </form>`;
}

// rules says what is told now and what the rules want, with their reason.
const rules = (form) => html`<p class="small quiet">
  ${t("override.now", { now: celsius(form.ac.desired, 0), rules: celsius(form.ac.auto, 0) })}
  ${form.ac.auto_reason ? said(form.ac.auto_reason) : nothing}</p>`;

// said shows a sentence of the rules in the reader's language where there is one.
const said = (text) => { const s = translated(text, lang()); return html`<span lang=${s.lang}>${s.text}</span>`; };

const place = (form, v) => {
  const { min, max } = form.limits.machine;
  return max === min ? 0.5 : (v - min) / (max - min);
};

function value(form, acts) {
  const { least, most, machine } = form.limits;
  const step = (by) => acts.set({ value: form.value + by });
  const mark = (v, kind, text) => html`<span class="mark ${kind} ${place(form, v) < 0.1 ? "first" : place(form, v) > 0.9 ? "last" : ""}" .style=${`left:${100 * place(form, v)}%`}>${text}</span>`;
  return html`<fieldset class="value">
    <legend>${t("override.value")}</legend>
    <div class="stepper">
      <button type="button" class="round" aria-label=${t("override.colder")} ?disabled=${form.value <= least} @click=${() => step(-1)}>−</button>
      <output class="big num" for="override-range">${celsius(form.value, 0)}</output>
      <button type="button" class="round" aria-label=${t("override.warmer")} ?disabled=${form.value >= most} @click=${() => step(1)}>+</button>
    </div>
    <input type="range" id="override-range" ?autofocus=${!form.first} aria-label=${t("override.value")} aria-valuetext=${celsius(form.value, 0)}
      min=${machine.min} max=${machine.max} step="1" .value=${live(String(form.value))} @input=${(e) => acts.set({ value: Number(e.target.value) })}>
    <div class="scale" aria-hidden="true">
      <span class="allowed" .style=${`left:${100 * place(form, least)}%;right:${100 - 100 * place(form, most)}%`}></span>
      ${mark(machine.min, "end", machine.min)}${mark(machine.max, "end", machine.max)}
      ${least > machine.min ? mark(least, "edge", least) : nothing}${most < machine.max ? mark(most, "edge", most) : nothing}
      ${mark(form.ac.auto, "auto", t("override.mark_rules"))}
    </div>
    <p class="small quiet">${t("override.limits", { least, most })} ${least > machine.min || most < machine.max ? t("override.machine", machine) : nothing}</p>
  </fieldset>`;
}

const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 16);

function duration(form, acts) {
  const most = seconds(form.room.policy?.override_most) || 86400;
  const chip = (key, text, off) => html`<label class="chip"><input type="radio" name="last" value=${key} .checked=${live(form.last === key)} ?disabled=${off}
    @change=${() => acts.set({ last: key, until: key === "until" && !form.until ? local(form.now + 3600000) : form.until })}><span>${text}</span></label>`;
  return html`<fieldset>
    <legend>${t("override.for")}</legend>
    <div class="row chips">
      ${Object.entries(spans).map(([key, s]) => chip(key, span(s * 1000), s > most))}
      ${chip("until", t("override.until"), false)}
    </div>
    ${form.last === "until" ? html`<label>${t("override.until_time")}
      <input type="datetime-local" required min=${local(form.now + 60000)} max=${local(form.now + most * 1000)} .value=${live(form.until)}
        @input=${(e) => acts.set({ until: e.target.value })}></label>` : nothing}
    <p class="small quiet">${t("override.most", { span: span(most * 1000) })}</p>
  </fieldset>`;
}

const suggestions = ["override.why_hot", "override.why_work", "override.why_fault", "override.why_test"];

const why = (form, acts) => html`<div class="stack">
  <label>${t("override.why")}
    <input name="why" required maxlength="500" autocomplete="off" .value=${live(form.why)} @focus=${(e) => e.target.select()} @input=${(e) => acts.set({ why: e.target.value })}></label>
  <div class="row suggestions">${suggestions.map((key) => html`<button type="button" class="small" @click=${() => acts.set({ why: t(key) })}>${t(key)}</button>`)}</div>
</div>`;

const priority = (form, acts) => html`<details ?open=${form.priority !== "normal"}>
  <summary>${t("override.priority")}: ${t(`override.priority_${form.priority}`)}</summary>
  <label>${t("override.priority_what")}
    <select @change=${(e) => acts.set({ priority: e.target.value })}>
      ${priorities.map((p) => html`<option value=${p} .selected=${form.priority === p}>${t(`override.priority_${p}`)}</option>`)}
    </select></label>
</details>`;

// promise says beforehand what will hold, what beats it, and what happens when it ends.
function promise(form) {
  const until = ends(form);
  const what = outcome(form.ac, { setpoint: form.value, priority: form.priority }, until);
  const when = at(until);
  const setpoint = celsius(form.value, 0);
  const waits = what.emergency ? t("override.waits_emergency", { setpoint: celsius(form.ac.auto, 0) }) :
    what.above ? t("override.waits_above", { who: what.above.who, until: at(what.above.untilMs) }) : "";
  return html`<ul class="promise small">
    <li>${waits || t("override.told", { ac: form.ac.name, setpoint, until: when })}</li>
    ${!waits && what.beats ? html`<li>${t("override.beats", { who: what.beats.who, setpoint: celsius(what.beats.setpoint, 0) })}</li>` : nothing}
    <li>${what.next ? t("override.ends_other", { until: when, who: what.next.who, setpoint: celsius(what.next.setpoint, 0) }) : t("override.ends_rules", { until: when })}</li>
    <li>${t("override.suspends", { critical: celsius(form.room.policy?.critical, 0) })}</li>
  </ul>`;
}

// waiting is the answer to an override that was accepted and does not hold yet.
const waiting = (form, acts) => html`
  <h2>${t("override.accepted_waits", { ac: form.ac.name })}</h2>
  <div class="dialog-body">
    <p>${t("override.accepted_why", { setpoint: celsius(form.answer.desired, 0) })} ${said(form.answer.suspended)}</p>
    <p class="quiet small">${t("override.accepted_returns", { until: at(Date.parse(form.answer.until)), n: queue(form.ac).length })}</p>
  </div>
  <div class="row end"><button class="primary" autofocus @click=${() => acts.close(form.answer)}>${t("shell.close")}</button></div>`;
