// The sentences that the rules and the edges make, in the reader's language. They are made in Go, in English, with their
// numbers; here they are taken apart by patterns and put together again in Korean.
import patterns from "./sentences_ko.js";

const number = "[-+]?\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?";

// What a blank of a pattern stands for, by its first letter: what it matches, and how it is written in Korean. A nested
// sentence (s) is translated itself; where it cannot be, the pattern does not match.
const blanks = {
  n: { match: number },
  d: { match: "(?:[\\d.]+(?:ns|µs|ms|h|m|s))+|[\\d.]+ (?:s|min|h|days)|an unknown time", say: duration },
  b: { match: `the band ${number} to ${number}`, say: (text) => text.replace(/^the band (\S+) to (\S+)$/, "기준 $1~$2 °C") },
  l: { match: `${number} to ${number} °C`, say: (text) => text.replace(" to ", "~") },
  t: { match: "\\d\\d:\\d\\d:\\d\\dZ|\\d+ [A-Z][a-z]{2} \\d\\d:\\d\\dZ", say: time },
  w: { match: "[^\\s:;,]+" },
  m: { match: "[^\\s:;,]+(?: and [^\\s:;,]+)*", say: (text) => text.replaceAll(" and ", ", ") },
  p: { match: "low|normal|high", say: (text) => ({ low: "낮은", normal: "보통", high: "높은" })[text] },
  s: { match: ".+?", say: (text) => translate(text) },
  x: { match: ".*?" },
};

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// time is one of UTC, as the sentences have it.
function time(text) {
  const [, day, month, clock] = text.match(/^(\d+) (\w{3}) (\S+)Z$/) ?? [];
  return day ? `${1 + months.indexOf(month)}월 ${day}일 ${clock} UTC` : text.replace("Z", " UTC");
}

const units = { h: "시간", m: "분", min: "분", s: "초", ms: "밀리초", "µs": "마이크로초", ns: "나노초", days: "일" };

function duration(text) {
  if (text === "an unknown time") return "알 수 없는 시간";
  const parts = [...text.matchAll(/([\d.]+) ?(days|min|ms|µs|ns|h|m|s)/g)];
  const said = parts.filter(([, n]) => Number(n) !== 0).map(([, n, unit]) => n + units[unit]);
  return said.join(" ") || "0초";
}

// rules are the patterns, ready to match. They are tried in their order.
const rules = patterns.map(([english, korean]) => {
  const kinds = [];
  const source = english.split(/(\{[a-z]\d\})/).map((part) => {
    const blank = part.match(/^\{(([a-z])\d)\}$/);
    if (!blank) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    kinds.push({ name: blank[1], kind: blanks[blank[2]] });
    return `(?<${blank[1]}>${blank && blanks[blank[2]].match})`;
  }).join("");
  return { match: new RegExp(`^${source}$`, "su"), kinds, korean };
});

// translate is a sentence in Korean; null when it, or a part of it, is not known.
export function translate(text) {
  for (const rule of rules) {
    const found = text.match(rule.match)?.groups;
    if (!found && !rule.match.test(text)) continue;
    const said = {};
    const whole = rule.kinds.every(({ name, kind }) => (said[name] = kind.say ? kind.say(found[name]) : found[name]) !== null);
    if (whole) return rule.korean.replace(/\{([a-z]\d)\}/g, (_, name) => said[name]);
  }
  return null;
}

const known = new Map();

// say is a server's sentence in a language: {text, lang}. What nobody has translated stays as it is, marked English.
export function say(text, language) {
  if (language !== "ko" || !text) return { text, lang: "en" };
  if (!known.has(text)) {
    if (known.size > 2000) known.clear(); // numbers make new sentences for ever
    known.set(text, translate(text));
  }
  const korean = known.get(text);
  return korean === null ? { text, lang: "en" } : { text: korean, lang: "ko" };
}
