// The fields of each change, what is wrong with them, and what they become as a question and as a request.
import { html, nothing, live } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { moment } from "../../core/format.js";
import { model } from "./model.js";

// functionsOf are the functions that can be scaled from here.
const functionsOf = () => (model.graph?.wanted ?? []).filter((one) => !one.external);

export function formOf(form, set) {
  switch (form.kind) {
    case "apply": return applyForm(form, set);
    case "scale": return scaleForm(form, set);
    case "rollback": return rollbackForm(form, set);
    case "drain": case "use": return drainForm(form, set);
    case "down": return html`<p class="bad">⚠ ${t("service.down_page")}</p>
      <label class="tick"><input type="checkbox" .checked=${live(form.volumes ?? false)} @change=${(e) => set({ volumes: e.target.checked }, true)}> <span>${t("service.down_volumes")}</span></label>`;
    case "retry": return html`<p lang="en" class="bad">${model.graph?.failed?.fault ?? ""}</p>`;
  }
  return nothing;
}

function applyForm(form, set) {
  const read = async (event) => {
    const file = event.target.files[0];
    if (file) set({ text: await file.text(), file: file.name });
  };
  return html`<label>${t("service.spec_file")} <input type="file" accept=".json,application/json" @change=${read}></label>
    <label>${t("service.spec_text")} <textarea rows="12" spellcheck="false" class="code" .value=${live(form.text ?? "")} @input=${(e) => set({ text: e.target.value })}></textarea></label>
    ${form.text && faultOf(form) ? html`<p class="error" role="alert">✕ ${faultOf(form)}</p>` : nothing}`;
}

function scaleForm(form, set) {
  const all = functionsOf();
  const chosen = all.find((one) => one.function === form.function) ?? all[0];
  if (chosen && form.function === undefined) Object.assign(form, { function: chosen.function, replicas: chosen.replicas });
  const to = (n) => set({ replicas: Math.max(0, Math.min(99, n)) });
  return html`<div class="row">
    <label>${t("service.function")} <select @change=${(e) => set({ function: e.target.value, replicas: all.find((one) => one.function === e.target.value).replicas })}>
      ${all.map((one) => html`<option value=${one.function} ?selected=${one.function === form.function}>${one.function} (${one.replicas})</option>`)}</select></label>
    <label>${t("service.replicas")} <span class="row"><button type="button" class="round" aria-label=${t("service.fewer")} @click=${() => to(form.replicas - 1)}>−</button>
      <input class="count-field" type="number" min="0" max="99" aria-label=${t("service.replicas")} .value=${live(String(form.replicas ?? ""))} @input=${(e) => to(Math.round(Number(e.target.value) || 0))}>
      <button type="button" class="round" aria-label=${t("service.more")} @click=${() => to(form.replicas + 1)}>+</button></span></label></div>
    ${chosen?.tune ? html`<p class="warn small">${t("service.scale_tuned", { least: chosen.tune.least, most: chosen.tune.most })}</p>` : nothing}`;
}

function rollbackForm(form, set) {
  const kept = (model.deploys ?? []).filter((one) => one.kept);
  if (kept.length === 0) return html`<p class="warn">${t("service.rollback_none")}</p>`;
  form.revision ??= kept[0].revision;
  return html`<label>${t("service.rollback_to")} <select @change=${(e) => set({ revision: Number(e.target.value), started: false })}>
    ${kept.map((one) => html`<option value=${one.revision} ?selected=${one.revision === form.revision}>${one.revision} · ${one.what} · ${moment(Date.parse(one.at))}${one.who ? ` · ${one.who}` : ""}</option>`)}</select></label>`;
}

function drainForm(form, set) {
  const boxes = (model.graph?.boxes ?? []).filter((box) => (box.drained ?? false) === (form.kind === "use"));
  if (form.box === undefined) form.box = boxes[0]?.name ?? "";
  if (boxes.length === 0) return html`<p class="warn">${t("service.no_box")}</p>`;
  return html`<label>${t("service.box")} <select @change=${(e) => set({ box: e.target.value, started: false })}>${boxes.map((box) => html`<option value=${box.name} ?selected=${box.name === form.box}>${box.name}</option>`)}</select></label>`;
}

// faultOf says what is missing or wrong before anybody is asked; empty when nothing is.
export function faultOf(form) {
  switch (form.kind) {
    case "apply": {
      if (!form.text) return t("service.spec_empty");
      try {
        const read = JSON.parse(form.text);
        return read?.name === model.name ? "" : t("service.spec_other", { name: read?.name ?? "–", service: model.name });
      } catch (err) {
        return /^\s*[\w-]+\s*:/m.test(form.text) && !form.text.trim().startsWith("{") ? t("service.spec_compose") : t("service.spec_no_json", { why: where(form.text, err.message) });
      }
    }
    case "scale": return form.function ? "" : t("service.nothing_placed");
    case "rollback": return (model.deploys ?? []).some((one) => one.kept) ? "" : t("service.rollback_none");
    case "drain": case "use": return form.box === "" ? t("service.no_box") : "";
  }
  return "";
}

// where turns "at position 120" into a line, which an editor shows.
const where = (text, words) => words.replace(/ ?(?:in JSON )?at position (\d+).*$/, (_, at) => `, ${t("service.line", { n: text.slice(0, Number(at)).split("\n").length })}`);

// questionOf is what the preview asks; requestOf what then carries it out, only as it was shown.
export function questionOf(form) {
  const { kind } = form;
  const fields = { apply: () => ({ specification: JSON.parse(form.text) }), scale: () => ({ function: form.function, replicas: form.replicas }), rollback: () => ({ revision: form.revision }), drain: () => ({ box: form.box }), use: () => ({ box: form.box }) };
  return { kind, ...fields[kind]?.() };
}

export function requestOf(form) {
  const { kind, ...fields } = questionOf(form);
  const said = { ...fields, who: form.who.trim(), why: form.why.trim() };
  if (kind === "down") return { ...said, service: form.typed, volumes: form.volumes ?? false };
  if (kind === "use") said.active = true;
  return { ...said, plan_hash: form.plan.hash };
}
