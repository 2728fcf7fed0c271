// The room's policy as a table: what is other than the usual is marked, and what a person has changed since the specification.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { get } from "../../core/api.js";
import { badge, empty } from "../../core/parts.js";

export class Policy {
  constructor(room, redraw) {
    Object.assign(this, { room, redraw, items: null, fault: "", of: "", all: false });
  }

  // follow asks anew when the policy of the state is another one.
  follow(policy) {
    const key = JSON.stringify(policy);
    if (key === this.of) return;
    this.of = key;
    get(`/rooms/${encodeURIComponent(this.room)}/policy`).then(
      (answer) => Object.assign(this, { items: answer.items, fault: "" }),
      (err) => Object.assign(this, { fault: err.message, of: "" })).finally(this.redraw);
  }

  view() {
    const items = this.items ?? [];
    const changed = items.filter((line) => line.value !== line.usual);
    const shown = this.all ? items : changed;
    return html`<section class="card room-policy">
      <div class="row apart"><h2>${t("room.policy")}</h2>
        <div class="tc-ranges" role="group" aria-label=${t("room.filter")}>
          <button aria-pressed=${!this.all} @click=${() => { this.all = false; this.redraw(); }}>${t("room.policy_changed", { n: changed.length })}</button>
          <button aria-pressed=${this.all} @click=${() => { this.all = true; this.redraw(); }}>${t("room.policy_all", { n: items.length })}</button></div></div>
      ${this.fault ? html`<p class="bad">${t("room.policy_fault")} <span lang="en">${this.fault}</span></p>` : nothing}
      ${this.items && shown.length === 0 ? empty(t("room.policy_none")) : nothing}
      ${shown.length > 0 ? html`<div class="scroll room-list" tabindex="0" role="group" aria-label=${t("room.policy")}><table>
        <thead><tr><th scope="col">${t("room.policy_key")}</th><th scope="col" class="n">${t("room.policy_value")}</th><th scope="col" class="n">${t("room.policy_usual")}</th><th scope="col"></th></tr></thead>
        <tbody>${shown.map(line)}</tbody></table></div>` : nothing}
    </section>`;
  }
}

const line = (l) => html`<tr class=${l.value === l.usual ? nothing : "changed"}>
  <th scope="row"><code>${l.key}</code><div class="small">${meaning(l)}</div></th>
  <td class="n">${l.value || "–"}</td><td class="n quiet">${l.usual || "–"}</td>
  <td>${l.value === l.usual ? nothing : badge("warn", t("room.changed"))}
    ${l.value === l.specified ? nothing : badge("bad", t("room.by_person", { value: l.specified || "–" }))}</td></tr>`;

// meaning is in the reader's language; a number that is newer than the translations has the server's words.
function meaning(l) {
  const key = `policy.${l.key}`;
  const text = t(key);
  return text === key ? html`<span lang="en">${l.means}</span>` : text;
}
