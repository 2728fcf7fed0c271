// What a change would do: the steps with their causes, and why each function is, or is not, on each box.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { bytes, number } from "../../core/format.js";
import { badge } from "../../core/parts.js";
import { said, shortImage } from "./words.js";

const signs = { create: "+", replace: "⟳", start: "▶", keep: "=", hold: "‖", remove: "−", pull: "⬇", verify: "✓" };
const kinds = { create: "warn", replace: "warn", start: "warn", keep: "good", hold: "quiet", remove: "bad", pull: "quiet", verify: "quiet" };

// planView draws a preview as POST …/plan answers.
export function planView(plan) {
  // What stays on a box that is drained, or does not answer, is news although nothing is done.
  const drained = plan.boxes.filter((b) => b.drained).map((b) => b.name);
  const acts = plan.steps.filter((s) => !["keep", "verify"].includes(s.action) || (s.action === "keep" && drained.includes(s.box)));
  const rest = plan.steps.filter((s) => !acts.includes(s));
  const away = plan.boxes.filter((b) => !b.reachable);
  return html`<div class="service-plan">
    <p class="row">${["create", "replace", "start", "remove", "keep", "hold"].filter((a) => plan.counts[a] > 0).map((a) => badge(kinds[a], `${signs[a]} ${t(`service.plan_${a}`, { n: plan.counts[a] })}`))}
      ${plan.changes === 0 ? html`<b class="good">✓ ${t("service.plan_nothing")}</b>` : nothing}</p>
    ${away.map((box) => html`<p class="warn">⚠ ${t("service.plan_box_away", { box: box.name })} ${said(box.fault ?? "")}</p>`)}
    ${acts.length > 0 ? steps(acts) : nothing}
    ${rest.length > 0 ? html`<details><summary>${t("service.plan_rest", { n: rest.length })}</summary>${steps(rest)}</details>` : nothing}
    ${(plan.stays ?? []).length > 0 ? html`<p class="small"><span class="quiet">${t("service.plan_volumes")}</span> ${plan.stays.join(", ")}</p>` : nothing}
    ${plan.matrix.length > 0 ? html`<details class="matrix"><summary>${t("service.matrix")}</summary>${matrix(plan)}</details>` : nothing}
    ${plan.hash ? html`<p class="small quiet">${t("service.plan_hash")} <code>${plan.hash}</code></p>` : nothing}
  </div>`;
}

const steps = (list) => html`<div class="scroll" tabindex="0" role="region" aria-label=${t("service.plan_what")}><table class="service-plan-steps"><thead><tr><th>${t("service.plan_what")}</th><th>${t("service.plan_name")}</th><th>${t("service.box")}</th><th>${t("service.plan_cause")}</th></tr></thead>
  <tbody>${list.map((s) => html`<tr><td>${badge(kinds[s.action] ?? "quiet", `${signs[s.action] ?? ""} ${t(`service.act_${s.action}`)}`)}</td>
    <td>${s.action === "pull" || s.action === "verify" ? shortImage(s.name) : s.name}</td><td>${s.from ? html`<span class="quiet">${s.from} →</span> ` : nothing}${s.box}</td>
    <td>${s.cause ? said(s.cause) : nothing}${s.bytes && s.action === "pull" ? bytes(s.bytes) : nothing}</td></tr>`)}</tbody></table></div>`;

// matrix has a row for each replica and a column for each box. A cell says chosen, possible with its score, or why not.
function matrix(plan) {
  const boxes = [...new Set(plan.matrix.flatMap((row) => (row.cells ?? []).map((cell) => cell.box)))].sort();
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("service.matrix")}><table><thead><tr><th>${t("service.function")}</th>${boxes.map((box) => html`<th>${box}</th>`)}</tr></thead>
    <tbody>${plan.matrix.map((row) => html`<tr><th scope="row">${row.function}${row.replica > 1 || plan.matrix.some((o) => o !== row && o.function === row.function) ? ` ${row.replica}` : ""}</th>
      ${boxes.map((box) => cellOf((row.cells ?? []).find((cell) => cell.box === box)))}</tr>`)}</tbody></table></div>`;
}

function cellOf(cell) {
  if (!cell) return html`<td class="quiet">–</td>`;
  if (cell.chosen) return html`<td class="chosen"><b class="good">● ${t("service.cell_here")}</b><br><span class="small">${said(cell.text.replace(/^it is there, /, ""))}</span></td>`;
  if ((cell.reasons ?? []).length > 0) return html`<td><span class="bad">✕ ${t("service.cell_no")}</span>${cell.reasons.map((why) => html`<br><span class="small">${said(why)}</span>`)}</td>`;
  return html`<td><span class="quiet">○ ${number(cell.score, 2)}</span><br><span class="small quiet">${said(cell.text)}</span></td>`;
}
