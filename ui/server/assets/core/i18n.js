// Words in the reader's language. Every text that a person reads has a key; a test holds that both languages have all.
import { messages } from "../i18n/index.js";

const languages = ["en", "ko"];
let language = pick();
let plural = new Intl.PluralRules(language);

function pick() {
  const kept = localStorage.getItem("language");
  if (languages.includes(kept)) return kept;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

export const lang = () => language;

export function setLanguage(next) {
  language = next;
  plural = new Intl.PluralRules(next);
  localStorage.setItem("language", next);
  document.documentElement.lang = next;
}

document.documentElement.lang = language;

// t is a text with its {blanks} filled. A message may be {one, other}, chosen by the blank n.
export function t(key, blanks = {}) {
  let text = messages[language][key] ?? messages.en[key] ?? key;
  if (typeof text === "object") text = text[plural.select(Number(blanks.n))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in blanks ? String(blanks[name]) : whole));
}
