// A sentence that the server made, in the reader's language where there is a translation; else English, and marked so.
import { html } from "./html.js";
import { lang } from "./i18n.js";
import { say } from "../i18n/sentences.js";

export function said(text) {
  const sentence = say(text, lang());
  return html`<span lang=${sentence.lang}>${sentence.text}</span>`;
}
