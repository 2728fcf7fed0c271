// What an alert is, in words.
import { html, nothing } from "./html.js";
import { t, lang } from "./i18n.js";
import { messages } from "../i18n/index.js";
import { say } from "../i18n/sentences.js";

const kinds = { critical: "bad", high: "bad", warning: "warn" };
const signs = { critical: "‼", high: "!", warning: "△" };

// severity is a word with a sign, in the colour of how bad it is.
export const severity = (of) => html`<span class="badge ${kinds[of] ?? "quiet"} severity-${of}"><span aria-hidden="true">${signs[of] ?? ""}</span> ${of in kinds ? t(`alerts.severity_${of}`) : of}</span>`;

// kindOf is what rings, in words: "sensor", "cooling capacity". A kind that has no words here is shown as it is.
export function kindOf(kind) {
  const key = `alerts.kind_${kind.replaceAll("-", "_")}`;
  return key in messages.en ? t(key) : kind;
}

// sourceOf is who raised it.
export const sourceOf = (source) => (`alerts.source_${source}` in messages.en ? t(`alerts.source_${source}`) : source);

// itemOf is which one of its kind: the sensor, the air conditioner, the box; empty for the whole room.
export function itemOf(alert) {
  const head = `${alert.room}/${alert.kind}/`;
  return alert.id.startsWith(head) ? alert.id.slice(head.length) : "";
}

// titleOf names an alert.
export const titleOf = (alert) => [kindOf(alert.kind), itemOf(alert)].filter(Boolean).join(" ");

// sentence shows a sentence of the rules or of an edge in the reader's language, or as it is, marked as English.
export function sentence(text) {
  if (!text) return nothing;
  const said = say(text, lang());
  return html`<span lang=${said.lang}>${said.text}</span>`;
}
