// Every box with its items as numbers and their last hour.
import { html, nothing, repeat, classMap } from "../core/html.js";
import { t } from "../core/i18n.js";
import { live } from "../core/live.js";
import { empty } from "../core/parts.js";
import { follow, fullest, hours, items, stale } from "./boxes/items.js";
import { age, item, standing } from "./boxes/parts.js";

const names = () => (live.state?.boxes ?? []).filter((box) => box.resource).map((box) => box.name);

function card(box, ctx) {
  const hour = hours.of[box.name];
  const functions = (ctx.state.service?.functions ?? []).filter((f) => f.box === box.name);
  const old = box.resource && stale(box.resource, hour, ctx.now);
  return html`<article class=${classMap({ card: true, box: true, stale: old || Boolean(box.absent) })} aria-labelledby="box-${box.name}">
    <header class="row apart">
      <h2 id="box-${box.name}"><a href="/boxes/${encodeURIComponent(box.name)}">${box.name}</a></h2>
      <span class="row">${standing(box, ctx)}</span>
    </header>
    ${box.fault ? html`<p class="bad small" lang="en">${box.fault}</p>` : nothing}
    ${box.resource ? html`
      <dl class="items">${items.map((one) => item(one, box, hour))}</dl>
      <p class="small">${age(box.resource, hour, ctx)}${(box.resource.disks ?? []).length > 1 ? html`<span class="quiet"> · ${t("boxes.fullest", { path: fullest(box.resource).path })}</span>` : nothing}</p>
      ${hours.faults[box.name] ? html`<p class="warn small" lang="en">${hours.faults[box.name]}</p>` : nothing}`
    : html`<p class="quiet">${t("boxes.unmeasured")}</p>`}
    <p class="small quiet functions">${functions.length === 0 ? t("boxes.no_functions") : html`${t("boxes.runs")} ${functions.map((f) => html`<span class="badge ${f.state === "healthy" || f.state === "running" ? "quiet" : "warn"}">${f.function}${f.replica > 1 ? ` ${f.replica}` : ""}</span> `)}`}</p>
  </article>`;
}

// Those that are in trouble come first; the others stay where they are.
const trouble = (box) => (box.absent || (box.engine && !box.reachable) ? 0 : 1);
const worstFirst = (boxes) => [...boxes].sort((a, b) => trouble(a) - trouble(b));

export default {
  enter: (_, redraw) => follow(names, redraw),
  view: (ctx) => html`
    <h1>${t("boxes.title")}</h1>
    ${ctx.state.boxes.length === 0 ? empty(ctx.state.service ? t("boxes.none") : t("boxes.unknown")) : html`
      <div class="boxes">${repeat(worstFirst(ctx.state.boxes), (box) => box.name, (box) => card(box, ctx))}</div>
      <p class="quiet small">${t("boxes.curves")}</p>`}`,
};
