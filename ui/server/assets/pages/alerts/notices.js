// Who was told of what, and whether telling works: a test goes through the notifier that runs.
import { html, nothing, repeat } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { get, post } from "../../core/api.js";
import { moment } from "../../core/format.js";
import { at } from "../../core/until.js";
import { badge, empty } from "../../core/parts.js";
import { open } from "../../core/dialog.js";
import { keepName, nameOf, openDoor, sentence as fault, whoField } from "../../core/who.js";

const page = 20;
const shown = { items: null, next: "", error: "", asking: 0 };
const test = { busy: false, channels: null, error: "" };

export async function loadNotices(redraw, after = "") {
  const mine = ++shown.asking;
  try {
    const answer = await get(`/notices?limit=${page}${after ? `&after=${encodeURIComponent(after)}` : ""}`);
    if (mine !== shown.asking) return;
    Object.assign(shown, { items: after ? [...(shown.items ?? []), ...answer.items] : answer.items, next: answer.next ?? "", error: "" });
  } catch (err) {
    if (mine === shown.asking) shown.error = fault(err);
  }
  redraw();
}

export const notices = (ctx) => html`
  ${ctx.can("admin") ? tester(ctx) : nothing}
  ${shown.error ? html`<p class="error" role="alert">${shown.error}</p>` : nothing}
  ${shown.items === null ? (shown.error ? nothing : html`<p class="quiet">${t("alerts.loading")}</p>`) : shown.items.length === 0 ? empty(t("alerts.nobody_told")) : list()}
  ${shown.next ? html`<p class="row end"><button @click=${() => loadNotices(ctx.redraw, shown.next)}>${t("alerts.more")}</button></p>` : nothing}`;

const states = { told: "good", trying: "warn", lost: "bad" };

const list = () => html`<ul class="plain told">${repeat(shown.items, (n) => `${n.channel}~${n.id}`, (n) => html`<li>
  <time class="num small" title=${moment(n.time_ms)}>${at(n.time_ms)}</time>
  <span>${badge(states[n.state] ?? "quiet", t(`alerts.notice_${n.state}`))}</span>
  <div><b>${n.channel}</b> <span lang="en">${n.subject || n.matters.map((m) => m.alert).join(", ")}</span>
    ${n.cause ? html`<p class="small bad" lang="en">${n.cause}</p>` : nothing}</div>
</li>`)}</ul>`;

const tester = (ctx) => html`<div class="tester">
  <div class="row controls" ?inert=${ctx.lost}><button ?disabled=${test.busy} @click=${() => run(ctx)}>${test.busy ? t("alerts.testing") : t("alerts.test")}</button>
    <span class="small quiet">${t("alerts.test_what")}</span></div>
  <div role="status">
    ${test.error ? html`<p class="bad">${test.error}</p>` : nothing}
    ${(test.channels ?? []).map((c) => html`<p>${badge(states[c.state] ?? "quiet", t(`alerts.notice_${c.state}`))} <b>${c.channel === "none" ? t("alerts.no_channel") : c.channel}</b> ${c.cause ? html`<span lang="en">${c.cause}</span>` : nothing}
      ${c.state === "trying" ? t("alerts.still_trying") : nothing}</p>`)}
  </div></div>`;

async function run(ctx) {
  const who = await named(ctx);
  if (!who) return;
  Object.assign(test, { busy: true, channels: null, error: "" });
  ctx.redraw();
  try {
    test.channels = (await post("/notices/test", { who })).channels;
  } catch (err) {
    test.error = fault(err);
  }
  test.busy = false;
  loadNotices(ctx.redraw);
}

// named is who asks: behind the open door a person says so once.
async function named(ctx) {
  if (nameOf(ctx) || !openDoor(ctx)) return nameOf(ctx);
  let who = "";
  return open((close, redraw) => html`<form @submit=${(e) => { e.preventDefault(); keepName(ctx, who.trim()); close(who.trim()); }}>
    <h2>${t("alerts.test")}</h2>
    <div class="dialog-body">${whoField(ctx, who, (name) => { who = name; redraw(); })}</div>
    <div class="row end"><button type="button" @click=${() => close("")}>${t("shell.cancel")}</button><button class="primary">${t("alerts.test")}</button></div></form>`);
}
