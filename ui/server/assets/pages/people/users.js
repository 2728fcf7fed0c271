// The local users.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { day } from "../../core/format.js";
import { ask, post, remove } from "../../core/api.js";
import { sure } from "../../core/dialog.js";
import { say } from "../../core/toast.js";
import { badge, empty } from "../../core/parts.js";
import { lists } from "./lists.js";
import { form, roleOptions } from "./form.js";

const place = (name) => `/users/${encodeURIComponent(name)}`;

async function add() {
  const done = await form({
    title: t("people.add_user"), go: t("people.add"), note: t("people.rules"),
    fields: [
      { name: "name", label: t("people.name"), required: true, maxlength: 64 },
      { name: "role", label: t("people.role"), options: roleOptions(), value: "viewer" },
      { name: "password", label: t("people.first_password"), type: "password", autocomplete: "new-password", required: true, minlength: 10 },
    ],
    send: (values) => post("/users", values),
  });
  if (done) lists.load();
}

async function reset(user) {
  const done = await form({
    title: t("people.reset_of", { name: user.name }), go: t("people.change"), user: user.name, note: t("people.reset_note"),
    fields: [{ name: "password", label: t("people.new_password"), type: "password", autocomplete: "new-password", required: true, minlength: 10 }],
    send: (values) => ask("PATCH", place(user.name), values),
  });
  if (done) lists.load();
}

// change sends one change and says what was refused.
async function change(user, edit) {
  try {
    await ask("PATCH", place(user.name), edit);
  } catch (err) {
    say(err.message, "bad");
  }
  lists.load();
}

async function drop(user) {
  if (!(await sure({ title: t("people.remove_of", { name: user.name }), body: html`<p>${t("people.remove_note")}</p>`, go: t("people.remove"), danger: true }))) return;
  try {
    await remove(place(user.name));
  } catch (err) {
    say(err.message, "bad");
  }
  lists.load();
}

const row = (user) => html`<tr class=${user.disabled ? "off" : nothing}>
  <th scope="row">${user.name} ${user.disabled ? badge("warn", t("people.disabled")) : nothing}</th>
  <td data-label=${t("people.role")}><select aria-label=${t("people.role_of", { name: user.name })} @change=${(e) => change(user, { role: e.target.value })}>
    ${roleOptions().map(([value, text]) => html`<option value=${value} .selected=${value === user.role}>${text}</option>`)}</select></td>
  <td data-label=${t("people.password_set")}><time>${day(Date.parse(user.changed))}</time></td>
  <td><div class="row end">
    <button @click=${() => reset(user)} aria-label=${t("people.reset_of", { name: user.name })}>${t("people.reset")}</button>
    <button @click=${() => change(user, { disabled: !user.disabled })}>${user.disabled ? t("people.enable") : t("people.disable")}</button>
    <button class="plain bad" @click=${() => drop(user)} aria-label=${t("people.remove_of", { name: user.name })}>${t("people.remove")}</button>
  </div></td></tr>`;

export const users = (ctx) => html`<section class="card" id="users">
  <div class="row apart"><h2>${t("people.users")}</h2>
    <span class="controls" ?inert=${ctx.lost}>${ctx.me.sign_in?.set_up ? nothing : html`<button class="primary" @click=${add}>${t("people.add_user")}</button>`}</span></div>
  ${lists.fault ? html`<p class="error" role="alert" lang="en">${lists.fault}</p>` : nothing}
  ${lists.users === null ? html`<p class="quiet">${t("people.asking")}</p>` : lists.users.length === 0 ? empty(t(ctx.me.sign_in?.openid ? "people.no_local" : "people.no_users")) :
    html`<div class="controls" ?inert=${ctx.lost}><table class="people"><thead><tr>
      <th scope="col">${t("people.name")}</th><th scope="col">${t("people.role")}</th><th scope="col">${t("people.password_set")}</th><th scope="col"><span class="unseen">${t("people.actions")}</span></th>
    </tr></thead><tbody>${lists.users.map(row)}</tbody></table></div>`}
</section>`;
