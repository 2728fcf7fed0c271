// One box: all its items, disks and interfaces, its engine with containers and images, and the log of what runs there.
import { html, nothing } from "../core/html.js";
import { t } from "../core/i18n.js";
import { get } from "../core/api.js";
import { ago } from "../core/format.js";
import { badge, empty } from "../core/parts.js";
import { follow, hours, items, stale } from "./boxes/items.js";
import { age, item, standing } from "./boxes/parts.js";
import { containers, disks, engine, images, interfaces } from "./boxes/tables.js";
import { Log } from "./boxes/log.js";
import { logCard } from "./boxes/log_card.js";

// What is shown of the box that is open: the look at its engine, where its disks go, and the log that is chosen.
const open = { name: "", seen: null, seenFault: "", outlooks: {}, log: null, chosen: "" };

// lookEvery is the pace of looks at the engine while somebody does look at the page.
const lookEvery = 20000;

async function look(name, redraw) {
  if (document.hidden) return;
  try {
    const seen = await get(`/boxes/${encodeURIComponent(name)}/inspection`);
    if (open.name === name) Object.assign(open, { seen, seenFault: "" });
  } catch (err) {
    if (open.name === name) open.seenFault = err.message;
  }
  redraw();
}

async function judge(name, redraw) {
  if (document.hidden) return;
  try {
    const page = await get(`/boxes/${encodeURIComponent(name)}/disks?limit=500`);
    if (open.name === name) open.outlooks = { of: page.items };
  } catch (err) {
    if (open.name === name) open.outlooks = { ...open.outlooks, fault: err.message };
  }
  redraw();
}

function choose(chosen, redraw) {
  open.chosen = chosen;
  const [name, replica] = chosen.split("/");
  const query = chosen ? `?function=${encodeURIComponent(name)}&replica=${replica}` : "";
  history.replaceState(null, "", `${location.pathname}${query}`);
  if (!chosen) open.log.close();
  else open.log.open(name, replica, { title: t("boxes.log.of", { name }), dropped: (n) => t("boxes.log.dropped", { n }) });
  redraw();
}

function enter(params, redraw) {
  const name = params.box;
  Object.assign(open, { name, seen: null, seenFault: "", outlooks: {}, log: new Log(redraw), chosen: "" });
  const query = new URLSearchParams(location.search);
  if (query.get("function")) {
    choose(`${query.get("function")}/${query.get("replica") || 1}`, redraw);
    setTimeout(() => document.getElementById("log")?.scrollIntoView(), 300);
  }
  const ends = [follow(() => [name], redraw)];
  const looks = setInterval(() => look(name, redraw), lookEvery);
  const judges = setInterval(() => judge(name, redraw), 60000);
  look(name, redraw);
  judge(name, redraw);
  return () => {
    clearInterval(looks);
    clearInterval(judges);
    open.log.close();
    open.name = "";
    for (const end of ends) end();
  };
}

function measured(box, ctx) {
  const hour = hours.of[box.name];
  return html`<section class="card ${stale(box.resource, hour, ctx.now) ? "stale" : ""}" aria-labelledby="items-title">
    <div class="row apart"><h2 id="items-title">${t("boxes.measurements")}</h2><span class="small">${age(box.resource, hour, ctx)}</span></div>
    <dl class="items">${items.map((one) => item(one, box, hour))}</dl>
    ${hours.faults[box.name] ? html`<p class="warn small" lang="en">${hours.faults[box.name]}</p>` : nothing}
    ${(box.resource.left_out ?? []).map((text) => html`<p class="warn small" lang="en">${text}</p>`)}
    <p class="quiet small">${t("boxes.curves")} ${t("boxes.together")}</p></section>
  <section class="card ${stale(box.resource, hour, ctx.now) ? "stale" : ""}"><h2>${t("boxes.disks")}</h2>${disks(box, hour, open.outlooks)}</section>
  <section class="card ${stale(box.resource, hour, ctx.now) ? "stale" : ""}"><h2>${t("boxes.interfaces")}</h2>${interfaces(box, hour)}</section>`;
}

function engineCards(box, ctx) {
  const seen = open.seen;
  const when = seen ? html`<span class="small ${open.seenFault || ctx.now - Date.parse(seen.at) > 3 * lookEvery ? "warn" : "quiet"}">${t("boxes.looked", { ago: ago(ctx.now - Date.parse(seen.at)) })}</span>` : nothing;
  const trouble = html`${open.seenFault ? html`<p class="warn" role="status" lang="en">${open.seenFault}</p>` : nothing}
    ${seen && !seen.reachable ? html`<p class="bad" role="status">${badge("bad", t("boxes.unreachable"))} <span lang="en">${seen.fault}</span></p>` : nothing}`;
  if (!seen?.reachable) {
    return html`<section class="card"><div class="row apart"><h2>${t("boxes.engine")}</h2>${when}</div>${trouble}
      ${seen || open.seenFault ? nothing : html`<p class="quiet">${t("boxes.looking")}</p>`}</section>`;
  }
  const show = (name, replica) => { choose(`${name}/${replica}`, ctx.redraw); document.getElementById("log")?.scrollIntoView({ behavior: "smooth" }); };
  return html`<section class="card"><div class="row apart"><h2>${t("boxes.engine")}</h2>${when}</div>${trouble}${engine(seen, box)}</section>
    <section class="card"><h2>${t("boxes.containers")}</h2>${containers(seen, ctx, show)}${seen.left_out ? html`<p class="warn small">${t("boxes.left_out", { n: seen.left_out })}</p>` : nothing}</section>
    <section class="card"><h2>${t("boxes.images")}</h2>${images(seen, ctx)}</section>`;
}

function view(ctx) {
  const box = ctx.state.boxes.find((one) => one.name === ctx.params.box);
  if (!box) return html`<p><a href="/boxes">${t("boxes.title")}</a></p>${empty(t("boxes.unknown_box", { name: ctx.params.box }))}`;
  const functions = (ctx.state.service?.functions ?? []).filter((f) => f.box === box.name);
  return html`
    <div class="row apart">
      <h1><a href="/boxes">${t("boxes.title")}</a> / ${box.name}</h1>
      <span class="row">${standing(box, ctx)}</span>
    </div>
    ${box.fault ? html`<p class="bad" lang="en">${box.fault}</p>` : nothing}
    ${box.resource ? measured(box, ctx) : html`<section class="card"><h2>${t("boxes.measurements")}</h2><p class="quiet">${t("boxes.unmeasured")}</p></section>`}
    ${engineCards(box, ctx)}
    ${logCard(open.log, functions, open.chosen, (chosen) => choose(chosen, ctx.redraw))}`;
}

export default { enter, view };
