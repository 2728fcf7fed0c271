// People: oneself; for admins also users, tokens, sessions and the audit.
import { html, nothing } from "../core/html.js";
import { t } from "../core/i18n.js";
import { put } from "../core/api.js";
import { say } from "../core/toast.js";
import { badge } from "../core/parts.js";
import { lists } from "./people/lists.js";
import { form } from "./people/form.js";
import { users } from "./people/users.js";
import { tokens } from "./people/tokens.js";
import { sessions } from "./people/sessions.js";
import { audit } from "./people/audit.js";

// ownPassword asks for the old and a new one.
async function ownPassword(name) {
  const done = await form({
    title: t("people.change_password"), go: t("people.change"), user: name,
    fields: [
      { name: "old", label: t("people.old_password"), type: "password", autocomplete: "current-password", required: true },
      { name: "new", label: t("people.new_password"), type: "password", autocomplete: "new-password", required: true, minlength: 10 },
    ],
    note: t("people.rules"),
    send: (values) => put("/me/password", values),
  });
  if (done) say(t("people.password_changed"));
}

const self = (ctx) => html`<section class="card" id="self">
  <h2>${t("people.you")}</h2>
  <div class="row">
    <b>${ctx.me.name || t("people.somebody")}</b>
    ${badge("quiet", t(`role.${ctx.me.role || "viewer"}`))}
    <span class="quiet">${t(`people.by.${ctx.me.by || "open"}`)}</span>
    ${ctx.me.by === "session" ? html`<span class="controls" ?inert=${ctx.lost}><button @click=${() => ownPassword(ctx.me.name)}>${t("people.change_password")}</button></span>` : nothing}
    ${ctx.me.sign_in?.set_up ? html`<a class="button" href="/setup">${t("people.set_up")}</a>` : nothing}
  </div>
  <p class="quiet small">${t("people.roles")}</p>
</section>`;

export default {
  alone: true,
  enter(params, redraw) {
    return lists.begin(redraw);
  },
  view(ctx) {
    if (!ctx.me.known) return html`<p class="quiet pad">${t("people.asking")}</p>`;
    if (!ctx.can("admin")) return html`<h1>${t("nav.people")}</h1>${self(ctx)}`;
    lists.need(ctx.me.role);
    return html`<h1>${t("nav.people")}</h1>
      ${self(ctx)} ${users(ctx)}
      <div class="columns wide">${tokens(ctx)} ${sessions(ctx)}</div>
      ${audit(ctx)}`;
  },
};
