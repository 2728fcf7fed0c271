// What the pieces of the overview have in common.
import { html } from "../../core/html.js";
import { lang, t } from "../../core/i18n.js";
import { ago, celsius, number, span } from "../../core/format.js";
import { say } from "../../i18n/sentences.js";

// age is how old something is, in one unit past the first minute, so that the page does not flicker with seconds.
export const age = (ms) => ago(ms < 60000 ? ms : Math.floor(ms / 60000) * 60000);

// long is a length of time in one unit past the first minute.
export const long = (ms) => span(ms < 60000 ? ms : Math.floor(ms / 60000) * 60000);

// said is a sentence of the rules or the edges in the reader's language; where nobody has translated it, it is marked.
export function said(text) {
  const { text: words, lang: tongue } = say(text ?? "", lang());
  return html`<span lang=${tongue}>${words.replaceAll(" -> ", " → ").replaceAll(" °C", "\u00a0°C")}</span>`;
}

// degrees writes a temperature without needless digits: 32 °C, 26.5 °C.
export const degrees = (value) => celsius(value, Number.isInteger(value) ? 0 : 1);

// clauseText puts a clause of status.js into words; a number stays beside its unit.
export function clauseText({ key, blanks }) {
  const filled = Object.fromEntries(Object.entries(blanks).map(([name, value]) =>
    [name, name === "ms" ? long(value) : ["temp", "limit"].includes(name) ? (name === "temp" ? celsius(value) : degrees(value)).replace(" ", "\u00a0") : value]));
  return t(`overview.s.${key}`, filled);
}

// marks are the signs beside a level, so that colour is not the only one.
export const marks = { bad: "✕", warn: "!", good: "✓" };

export const percent = (value) => `${number(value, 0)} %`;

// roleName is what a sensor measures.
export const roleName = (role) => t(`overview.role.${["inlet", "supply", "return", "ambient"].includes(role) ? role : "other"}`);
