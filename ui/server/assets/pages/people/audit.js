// The audit: what was asked through this page and its API, and what the rooms and the service note themselves.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { clock, day } from "../../core/format.js";
import { badge, empty } from "../../core/parts.js";
import { said } from "../../core/said.js";
import { lists } from "./lists.js";

const filter = { source: "", words: "" };

const wanted = (line) => (filter.source === "" || line.source === filter.source) &&
  (filter.words === "" || `${line.who} ${line.what} ${line.detail ?? ""} ${line.outcome} ${line.address ?? ""} ${line.room ?? ""}`.toLowerCase().includes(filter.words));

const row = (line) => html`<tr>
  <td class="when"><time>${day(Date.parse(line.at))} ${clock(Date.parse(line.at))}</time></td>
  <th scope="row">${line.who || t("people.somebody")}<span class="small quiet">${line.address ? html` ${line.address}` : nothing}</span></th>
  <td>${said(line.what)}${line.room ? html` <span class="quiet">${line.room}</span>` : nothing}${line.detail ? html`<div class="small quiet detail">${said(line.detail)}</div>` : nothing}</td>
  <td>${line.outcome === "done" ? badge("good", t("people.done")) : html`${badge("bad", t("people.refused"))} <span class="small" lang="en">${line.outcome}</span>`}</td>
  <td class="quiet">${t(`people.source.${line.source}`)}</td></tr>`;

export function audit(ctx) {
  const lines = (lists.audit ?? []).filter(wanted);
  const set = (key) => (event) => { filter[key] = event.target.value.toLowerCase(); ctx.redraw(); };
  return html`<section class="card" id="audit">
    <div class="row apart"><h2>${t("people.audit")}</h2>
      <div class="row filters">
        <select aria-label=${t("people.source")} @change=${set("source")}>
          <option value="">${t("people.source.all")}</option>
          ${["page", "room", "service"].map((one) => html`<option value=${one}>${t(`people.source.${one}`)}</option>`)}</select>
        <input type="search" aria-label=${t("people.filter")} placeholder=${t("people.filter")} @input=${set("words")}>
      </div></div>
    ${lists.audit === null ? html`<p class="quiet">${t("people.asking")}</p>` : lines.length === 0 ? empty(t("people.no_audit")) :
      html`<div class="scroll" tabindex="0" role="region" aria-label=${t("people.audit")}><table class="audit"><thead><tr><th scope="col">${t("people.when")}</th><th scope="col">${t("people.who")}</th><th scope="col">${t("people.what")}</th><th scope="col">${t("people.outcome")}</th><th scope="col">${t("people.source")}</th></tr></thead>
        <tbody>${lines.map(row)}</tbody></table></div>`}
    ${lists.next ? html`<p class="row"><button @click=${lists.more}>${t("people.more")}</button></p>` : nothing}
  </section>`;
}
