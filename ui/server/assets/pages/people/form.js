// A dialog with a few fields that sends them; what is refused is said in the dialog, and nothing typed is lost.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { open } from "../../core/dialog.js";

const field = (f) => html`<label>${f.label}
  ${f.options ? html`<select name=${f.name}>${f.options.map(([value, text]) => html`<option value=${value} ?selected=${value === f.value}>${text}</option>`)}</select>` :
    html`<input name=${f.name} type=${f.type ?? "text"} autocomplete=${f.autocomplete ?? "off"} ?required=${f.required} minlength=${f.minlength ?? nothing}
      maxlength=${f.maxlength ?? nothing} autocapitalize="none" spellcheck="false" .defaultValue=${f.value ?? ""}>`}</label>`;

// user is whose password is asked for, for password managers. form resolves to what send answered (true for nothing); undefined when the dialog was left.
export function form({ title, fields, go, note = "", user = "", send }) {
  let error = "";
  let busy = false;
  return open((close, redraw) => {
    const submit = async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(new FormData(event.target));
      busy = true;
      error = "";
      redraw();
      try {
        close((await send(values)) ?? true);
      } catch (err) {
        busy = false;
        error = err.status ? err.message : t("people.no_answer");
        redraw();
      }
    };
    return html`<form @submit=${submit}>
      <h2>${title}</h2>
      <div class="dialog-body">
        ${user ? html`<input class="unseen" autocomplete="username" .value=${user} tabindex="-1" aria-hidden="true" readonly>` : nothing}
        ${fields.map(field)}
        ${note ? html`<p class="small quiet">${note}</p>` : nothing}
        <p class="error" role="alert" lang="en">${error}</p>
      </div>
      <div class="row end">
        <button type="button" @click=${() => close()}>${t("shell.cancel")}</button>
        <button class="primary" ?disabled=${busy}>${go}</button>
      </div>
    </form>`;
  });
}

// roleOptions are the roles, as a select offers them.
export const roleOptions = () => ["viewer", "operator", "admin"].map((role) => [role, t(`role.${role}`)]);
