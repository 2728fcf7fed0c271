// What people say to alerts: that they deal with them, that they do not want to hear of them for a while, or again.
import { html, live } from "./html.js";
import { open } from "./dialog.js";
import { t } from "./i18n.js";
import { post } from "./api.js";
import { span } from "./format.js";
import { say } from "./toast.js";
import { lost, now, follow } from "./live.js";
import { at } from "./until.js";
import { nameOf, keepName, whoField, sentence as fault } from "./who.js";
import { titleOf } from "./alert_words.js";

// Shelvings that the dialog offers, s. The workflow takes up to 14 days.
const spans = { "1h": 3600, "4h": 14400, "12h": 43200, "24h": 86400, "72h": 259200, "168h": 604800 };

// acknowledge asks for a word and says that somebody deals with these alerts. It resolves to whether all was taken.
export const acknowledge = (alerts, ctx) => answer("acknowledge", alerts, ctx);

// shelve asks for how long these alerts are not to be told.
export const shelve = (alerts, ctx) => answer("shelve", alerts, ctx);

// unshelve takes back an acknowledgement or a shelving.
export const unshelve = (alerts, ctx) => answer("unshelve", alerts, ctx);

// alertButtons are what may be said to one alert now.
export const alertButtons = (alert, ctx) => {
  const button = (verb, act) => html`<button class="small" aria-label=${`${t(`alerts.${verb}`)}: ${titleOf(alert)}`} @click=${() => act([alert], ctx)}>${t(`alerts.${verb}`)}</button>`;
  return html`<span class="row controls alert-buttons" ?inert=${ctx.lost}>
    ${alert.answer ? button("unshelve", unshelve) : html`${button("acknowledge", acknowledge)}${button("shelve", shelve)}`}</span>`;
};

async function answer(verb, alerts, ctx) {
  const list = [alerts].flat();
  const form = { verb, list, ctx, who: nameOf(ctx), why: "", last: "4h", busy: false, error: "" };
  let end = null;
  const done = await open((close, redraw) => {
    end ??= follow(redraw);
    const set = (change) => { Object.assign(form, change, { error: "" }); redraw(); };
    return draw(form, set, () => close(false), () => send(form, close, redraw));
  });
  end?.();
  return done === true;
}

function draw(form, set, cancel, send) {
  const { verb, list, ctx } = form;
  const submit = (event) => { event.preventDefault(); send(); };
  return html`<form @submit=${submit} class="answer" aria-labelledby="answer-title">
    <h2 id="answer-title">${t(`alerts.${verb}_title`, { n: list.length })}</h2>
    <div class="dialog-body">
      <ul class="plain stack small">${list.slice(0, 8).map((a) => html`<li><b>${titleOf(a)}</b> <span class="quiet">${a.room}</span></li>`)}
        ${list.length > 8 ? html`<li class="quiet">${t("alerts.and_more", { n: list.length - 8 })}</li>` : ""}</ul>
      ${verb === "shelve" ? chips(form, set) : ""}
      <label>${t("alerts.why")}<input name="why" maxlength="500" autocomplete="off" ?autofocus=${form.who !== ""} .value=${live(form.why)} @input=${(e) => set({ why: e.target.value })}></label>
      ${whoField(ctx, form.who, (who) => set({ who }), true)}
      <p class="small quiet">${verb === "shelve" ? t("alerts.shelve_means", { until: at(now() + spans[form.last] * 1000) }) : t(`alerts.${verb}_means`)}</p>
      <p class="error" role="alert">${lost() ? t("override.lost") : form.error}</p>
    </div>
    <div class="row end">
      <button type="button" @click=${cancel}>${t("shell.cancel")}</button>
      <button class="primary" ?disabled=${form.busy || lost()}>${t(`alerts.${verb}`)}</button>
    </div></form>`;
}

const chips = (form, set) => html`<fieldset><legend>${t("alerts.shelve_for")}</legend><div class="row chips">
  ${Object.entries(spans).map(([key, s]) => html`<label class="chip"><input type="radio" name="last" value=${key} .checked=${live(form.last === key)}
    @change=${() => set({ last: key })}><span>${span(s * 1000)}</span></label>`)}</div></fieldset>`;

// send says the same to each alert. What one refuses does not keep the others from being told.
async function send(form, close, redraw) {
  if (form.busy) return;
  Object.assign(form, { busy: true, error: "" });
  redraw();
  const body = { who: form.who.trim(), why: form.why.trim(), ...(form.verb === "shelve" ? { for: form.last } : {}) };
  const left = [];
  let error = "";
  for (const alert of form.list) {
    try {
      await post(`/alerts/${encodeURIComponent(alert.id)}/${form.verb}`, body);
    } catch (err) {
      left.push(alert);
      error = fault(err);
    }
  }
  const taken = form.list.length - left.length;
  if (taken > 0) {
    keepName(form.ctx, body.who);
    say(t(`alerts.${form.verb}_done`, { n: taken }));
  }
  if (left.length === 0) return close(true);
  Object.assign(form, { busy: false, list: left, error });
  redraw();
}
