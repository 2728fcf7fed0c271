// The words and signs of states, in one place: a colour is never the only one.
import { html } from "../../core/html.js";
import { lang, t } from "../../core/i18n.js";
import { number, span } from "../../core/format.js";
import { say } from "../../i18n/sentences.js";

const functionKinds = { healthy: "good", running: "good", starting: "warn", created: "warn", restarting: "warn", paused: "warn", unhealthy: "bad", exited: "bad", dead: "bad", missing: "bad" };

// health of a node of the graph: the worst of its replicas, as {kind, word, sign}.
export function health(node) {
  if (node.external) return { kind: "quiet", word: t("service.external"), sign: "◇" };
  if (node.away) return { kind: "quiet", word: t("service.state_unknown"), sign: "?" };
  if (node.replicas.length === 0) return { kind: "bad", word: t("service.not_placed"), sign: "✕" };
  const ranks = { bad: 3, warn: 2, quiet: 1, good: 0 };
  const worst = node.replicas.map((r) => r.state).reduce((a, b) => (ranks[kindOf(b)] > ranks[kindOf(a)] ? b : a));
  return stateOf(worst);
}

const kindOf = (state) => functionKinds[state] ?? "quiet";

export function stateOf(state) {
  const kind = kindOf(state);
  return { kind, word: state in functionKinds ? t(`service.state_${state}`) : state || t("service.state_unknown"), sign: { good: "✓", warn: "…", bad: "✕", quiet: "?" }[kind] };
}

export const stepKinds = { done: "good", failed: "bad", running: "warn", approval: "warn", undone: "warn", stopped: "quiet", waiting: "quiet" };
export const stepSigns = { done: "✓", failed: "✕", running: "▶", approval: "‖", undone: "↶", stopped: "■", waiting: "·" };
export const phaseKinds = { tuning: "good", failed: "bad", matching: "warn", placing: "warn", stitching: "warn", stopping: "warn", down: "quiet" };

// linkWord is the result of a connection in a few characters.
export const linkWord = ({ state, ms, bad, links }) =>
  state === "good" ? millis(ms) : state === "bad" ? (links.length > 1 ? t("service.link_some", { bad, n: links.length }) : t("service.link_bad")) : t("service.link_open");
export const linkSign = { good: "✓", bad: "✕", unknown: "?" };

// millis of a connection: three significant digits.
export const millis = (ms) => `${number(ms, ms < 10 ? 1 : 0)} ms`;

// lasted is the length of a step: 280 ms, 5.8 s, 2 min 3 s.
export const lasted = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 60000 ? t("time.s", { s: number(ms / 1000, 1) }) : span(ms));

// said is a sentence of the server, in the reader's language where there is a translation.
export function said(text, name = "") {
  const sentence = say(text, lang());
  return html`<span lang=${sentence.lang} class=${name}>${sentence.text}</span>`;
}

// shortImage leaves out the registry and the repository's folder.
export const shortImage = (ref) => (ref ?? "").split("/").at(-1);
