// The keys of programs.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { ago, day } from "../../core/format.js";
import { post, remove } from "../../core/api.js";
import { open, sure } from "../../core/dialog.js";
import { say } from "../../core/toast.js";
import { badge, empty } from "../../core/parts.js";
import { lists } from "./lists.js";
import { form, roleOptions } from "./form.js";

const days = [["168h", 7], ["720h", 30], ["2160h", 90], ["8760h", 365]];

async function add() {
  const made = await form({
    title: t("people.add_token"), go: t("people.make"), note: t("people.token_note"),
    fields: [
      { name: "name", label: t("people.token_name"), required: true, maxlength: 64 },
      { name: "role", label: t("people.role"), options: roleOptions(), value: "viewer" },
      { name: "for", label: t("people.lasts"), options: days.map(([value, n]) => [value, t("people.days", { n })]), value: "2160h" },
    ],
    send: (values) => post("/tokens", values),
  });
  if (!made) return;
  lists.load();
  await show(made);
}

// show tells the token; nobody can look it up later.
const show = (made) => open((close) => html`
  <h2>${t("people.token_made", { name: made.name })}</h2>
  <div class="dialog-body">
    <p>${t("people.token_once")}</p>
    <input class="token" readonly .value=${made.token} aria-label=${t("people.token")} @focus=${(e) => e.target.select()}>
    <p class="small quiet"><code>curl -H "Authorization: Bearer …" ${location.origin}/api/v1/state</code></p>
  </div>
  <div class="row end">
    <button @click=${() => copy(made.token)}>${t("people.copy")}</button>
    <button class="primary" @click=${() => close()}>${t("shell.close")}</button>
  </div>`, { wide: true });

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(t("people.copied"));
  } catch {
    document.querySelector("input.token")?.select(); // without https there is no clipboard: the keyboard's copy works
  }
}

async function revoke(token) {
  if (!(await sure({ title: t("people.revoke_of", { name: token.name }), body: html`<p>${t("people.revoke_note")}</p>`, go: t("people.revoke"), danger: true }))) return;
  try {
    await remove(`/tokens/${encodeURIComponent(token.id)}`);
  } catch (err) {
    say(err.message, "bad");
  }
  lists.load();
}

const row = (ctx, token) => html`<li>
  <div class="row apart"><span class="row"><b>${token.name}</b> ${badge("quiet", t(`role.${token.role}`))} ${token.expired ? badge("warn", t("people.expired")) : nothing}</span>
    <span class="controls" ?inert=${ctx.lost}><button class="plain bad" @click=${() => revoke(token)} aria-label=${t("people.revoke_of", { name: token.name })}>${t("people.revoke")}</button></span></div>
  <p class="small quiet">${t("people.until", { day: day(Date.parse(token.expires)) })} · ${token.used ? t("people.used", { ago: ago(ctx.now - Date.parse(token.used)) }) : t("people.not_used")}${token.by ? html` · ${t("people.made_by", { name: token.by })}` : nothing}</p>
</li>`;

export const tokens = (ctx) => html`<section class="card" id="tokens">
  <div class="row apart"><h2>${t("people.tokens")}</h2><span class="controls" ?inert=${ctx.lost}><button @click=${add}>${t("people.add_token")}</button></span></div>
  ${lists.tokens === null ? html`<p class="quiet">${t("people.asking")}</p>` : lists.tokens.length === 0 ? empty(t("people.no_tokens")) :
    html`<ul class="plain lines" tabindex="0" aria-label=${t("people.tokens")}>${lists.tokens.map((token) => row(ctx, token))}</ul>`}
</section>`;
