// What people do to a service: each change is first shown as what it would do, and done only as it was shown.
import { html, nothing, live } from "../../core/html.js";
import { open } from "../../core/dialog.js";
import { t } from "../../core/i18n.js";
import { post, get } from "../../core/api.js";
import { say } from "../../core/toast.js";
import { nameOf, keepName, whoField, openDoor, sentence } from "../../core/who.js";
import { lost as unheard } from "../../core/live.js";
import { span } from "../../core/format.js";
import { model, path, refresh, soon } from "./model.js";
import { planView } from "./plan_view.js";
import { formOf, faultOf, questionOf, requestOf } from "./forms.js";

// ask begins a change of a kind with what is known of it already.
export async function ask(kind, ctx, fields = {}) {
  const form = {
    kind, ctx, who: nameOf(ctx), why: "", typed: "", busy: false, since: 0, plan: null, error: "", ...fields,
    first: openDoor(ctx) && nameOf(ctx) === "",
  };
  let shut = false;
  const revision = await open((close, redraw) => {
    const set = (change, keep) => { Object.assign(form, change, keep ? {} : { plan: null, error: "" }); redraw(); };
    form.redraw ??= () => { if (!shut) redraw(); };
    if (kind === "apply" && form.text === undefined) queueMicrotask(() => load(form));
    else if (!form.started && !faultOf(form) && kind !== "scale" && kind !== "apply") {
      form.started = true;
      queueMicrotask(() => preview(form)); // once the form has its first choice
    }
    return draw(form, { close, set });
  }, { wide: true });
  shut = true;
  if (revision === undefined) return;
  if (revision > 0) say(t("service.accepted", { revision }));
  else say(t("service.down_accepted"));
  await soon(revision);
}

// load fetches what is wanted now, to be edited.
async function load(form) {
  if (form.text !== undefined) return;
  form.text = "";
  if (model.absent) return;
  try {
    form.text = JSON.stringify(await get(path("/specification")), null, 1);
  } catch (err) {
    form.error = sentence(err);
  }
  form.redraw();
}

async function preview(form) {
  Object.assign(form, { busy: true, since: Date.now(), error: "", plan: null });
  form.redraw();
  const tick = setInterval(form.redraw, 1000);
  const asked = JSON.stringify(questionOf(form));
  try {
    const plan = await post(path("/plan"), JSON.parse(asked));
    if (asked === JSON.stringify(questionOf(form))) form.plan = plan; // else it is about something else by now
  } catch (err) {
    form.error = sentence(err);
  }
  clearInterval(tick);
  form.busy = false;
  form.redraw();
}

async function carryOut(form, close) {
  Object.assign(form, { busy: true, since: Date.now(), error: "" });
  form.redraw();
  try {
    keepName(form.ctx, form.who);
    const answer = await post(path(`/${form.kind === "use" ? "drain" : form.kind}`), requestOf(form));
    close(answer?.revision ?? 0);
  } catch (err) {
    form.error = sentence(err);
    form.busy = false;
    form.redraw();
  }
}

function draw(form, { close, set }) {
  const fault = faultOf(form);
  const down = form.kind === "down";
  const ready = form.plan && !form.busy && !unheard() && form.who.trim() !== "" && (!down || form.typed === model.name);
  return html`<h2>${t(`service.title_${form.kind}`, { service: model.name })}</h2>
    <div class="dialog-body service-change">
      <p class="quiet">${t(`service.about_${form.kind}`)}</p>
      ${formOf(form, set)}
      ${form.busy && !form.plan ? html`<p role="status" class="quiet">◌ ${t("service.looking", { span: span(Date.now() - form.since) })}</p>` : nothing}
      ${form.plan ? planView(form.plan) : nothing}
      ${form.error ? html`<div class="error" role="alert">${faults(form.error)}</div>` : nothing}
      ${form.plan ? html`
        ${whoField(form.ctx, form.who, (who) => set({ who }, true))}
        <label>${t("service.why")} <input name="why" maxlength="200" .value=${live(form.why)} @input=${(e) => set({ why: e.target.value }, true)}></label>` : nothing}
      ${down && form.plan ? html`<label>${t("service.type_name", { service: model.name })}<input name="typed" autocomplete="off" .value=${live(form.typed)} @input=${(e) => set({ typed: e.target.value }, true)}></label>` : nothing}
    </div>
    <div class="row end"><button @click=${() => close()}>${t("shell.cancel")}</button>
      ${form.plan ? html`<button class=${down ? "danger" : "primary"} ?disabled=${!ready} @click=${() => carryOut(form, close)}>${t(`service.do_${form.kind}`)}</button>`
    : html`<button class="primary" ?disabled=${form.busy || fault !== "" || unheard()} @click=${() => preview(form)}>${t("service.preview")}</button>`}</div>`;
}

// faults are the lines of an error, each on its own.
const faults = (text) => {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.length < 2 ? html`<p lang="en">✕ ${text}</p>` : html`<ul lang="en">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
};

// approve lets a waiting step go on, after a look at what it is.
export async function approve(step, ctx) {
  const form = { who: nameOf(ctx), why: "", error: "", busy: false };
  await open((close, redraw) => {
    const send = async () => {
      Object.assign(form, { busy: true, error: "" });
      redraw();
      try {
        keepName(ctx, form.who);
        await post(path("/approve"), { step, who: form.who.trim(), why: form.why.trim() });
        say(t("service.approved", { step }));
        close();
        refresh();
      } catch (err) {
        Object.assign(form, { busy: false, error: sentence(err) });
        redraw();
      }
    };
    return html`<h2>${t("service.approve_title", { step })}</h2>
      <div class="dialog-body"><p class="quiet">${t("service.approve_about")}</p>
        ${whoField(ctx, form.who, (who) => { form.who = who; redraw(); })}
        <label>${t("service.why")} <input name="why" maxlength="200" .value=${live(form.why)} @input=${(e) => { form.why = e.target.value; }}></label>
        ${form.error ? html`<p class="error" role="alert" lang="en">✕ ${form.error}</p>` : nothing}</div>
      <div class="row end"><button @click=${() => close()}>${t("shell.cancel")}</button><button class="primary" ?disabled=${form.busy || form.who.trim() === "" || unheard()} @click=${send}>${t("service.approve")}</button></div>`;
  });
}
