// The service: its functions on their boxes and what they reach, how each change was carried out, and what can be done.
import { html, nothing } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, moment, span } from "../core/format.js";
import { badge } from "../core/parts.js";
import { model, begin, show, graphOf, weburl } from "./service/model.js";
import { picture, details } from "./service/graph.js";
import { gantt, deployHead } from "./service/gantt.js";
import { ask, approve } from "./service/change.js";
import { phaseKinds, said } from "./service/words.js";

export default { alone: true, view, enter: (_, redraw) => begin(redraw) };

function view(ctx) {
  model.name ||= ctx.state?.service?.service ?? "";
  if (model.absent) return absent(ctx);
  const graph = model.graph ?? graphOf(ctx.state?.service);
  if (!graph) return html`<h1>${t("nav.service")}</h1><p class=${model.fault ? "bad" : "quiet"}>${model.fault ? said(model.fault) : t("shell.waiting")}</p>`;
  const temporal = ctx.state?.sources?.temporal;
  const old = model.fault !== "" || ctx.lost || Boolean(temporal?.fault);
  const heard = model.heard || (temporal?.heard_at ?? 0);
  const doing = (kind, fields) => ask(kind, ctx, fields);
  return html`
    ${head(graph, ctx, doing, old)}
    ${old ? html`<p class="card service-old bad" role="alert">⚠ ${heard ? t("service.old_since", { at: clock(heard), span: span(ctx.now - heard) }) : t("service.old_ever")} ${model.fault || temporal?.fault ? said(model.fault || temporal.fault) : nothing}</p>` : nothing}
    <div class="service-top ${model.chosen ? "with-details" : ""}">
      <section class="card" aria-label=${t("service.functions")}><h2>${t("service.functions")}</h2>${picture(graph, old, ctx.redraw)}</section>
      ${details(graph, ctx, doing, ctx.redraw)}
    </div>
    ${steps(graph, ctx, old)}
    ${history(graph, ctx, doing, old)}`;
}

function head(graph, ctx, doing, old) {
  const kind = graph.waiting ? "warn" : phaseKinds[graph.phase] ?? "quiet";
  const web = weburl(graph, `service/${graph.service}`);
  const ill = (graph.links ?? []).filter((l) => l.proven && !l.connected).length;
  return html`<section class="card service-head">
    <div class="row apart">
      <div class="row ${old ? "old" : ""}"><h1>${graph.service}</h1> ${badge(kind, graph.waiting ? `‖ ${t("service.step_approval")}` : t(`service.is_${graph.phase}`))}
        <span>${t("service.revision_since", { revision: graph.revision, at: moment(Date.parse(graph.since)) })}</span>
        ${graph.looked ? html`<span class="quiet">${t("service.looked", { at: clock(Date.parse(graph.looked), false), span: span(Math.floor(Math.max(0, ctx.now - Date.parse(graph.looked)) / 60000) * 60000) })}</span>` : nothing}
        ${ill > 0 ? badge("bad", `✕ ${t("service.links_bad", { n: ill })}`) : nothing}
        ${web ? html`<a href=${web} target="_blank" rel="noopener">${t("service.in_temporal")} ↗</a>` : nothing}</div>
      ${ctx.can("operator") ? actions(graph, ctx, doing) : nothing}
    </div>
    ${graph.fault ? html`<p class="bad">✕ ${said(graph.fault)}</p>` : nothing}
    ${graph.failed && runs(graph) ? html`<p>✓ ${t("service.runs_on", { revision: runs(graph) })}</p>` : nothing}
    ${graph.failed && graph.failed.fault !== graph.fault ? html`<p class="bad">✕ ${t("service.failed_revision", { revision: graph.failed.revision })} ${said(graph.failed.fault)}</p>` : nothing}
    ${graph.waiting ? html`<p class="warn row">‖ ${t("service.waits_for", { step: graph.waiting })}
      ${ctx.can("operator") ? graph.waiting.split(", ").map((step) => html`<span class="controls" ?inert=${ctx.lost}><button class="primary" @click=${() => approve(step, ctx)}>${t("service.approve")} ${step}</button></span>`) : nothing}</p>` : nothing}
  </section>`;
}

// runs is the revision that goes on while a newer one has failed; zero when nothing ran before.
const runs = (graph) => (model.deploys ?? []).find((one) => one.running && one.revision !== graph.failed?.revision)?.revision ?? 0;

function actions(graph, ctx, doing) {
  const drained = (graph.boxes ?? []).some((box) => box.drained);
  return html`<div class="row controls" ?inert=${ctx.lost || model.fault !== ""}>
    ${graph.failed ? html`<button class="primary" @click=${() => doing("retry")}>${t("service.retry")}</button>` : nothing}
    <button @click=${() => doing("scale")}>${t("service.scale")}</button>
    <button @click=${() => doing("apply")}>${t("service.apply")}</button>
    <button @click=${() => doing("rollback")}>${t("service.rollback")}</button>
    <button @click=${() => doing("rebalance")}>${t("service.rebalance")}</button>
    <button @click=${() => doing("drain")}>${t("service.drain")}</button>
    ${drained ? html`<button @click=${() => doing("use")}>${t("service.use")}</button>` : nothing}
    ${ctx.can("admin") ? html`<button class="danger" @click=${() => doing("down")}>${t("service.down")}</button>` : nothing}</div>`;
}

function steps(graph, ctx, old) {
  const shown = model.shown ? model.old : graph;
  return html`<section class="card ${old ? "old" : ""}" id="deploy" aria-label=${t("service.deploy")}>
    ${deployHead(model, graph, show)}
    ${model.oldFault ? html`<p class="quiet">${said(model.oldFault)}</p>` : shown ? html`
      ${model.shown && shown.fault ? html`<p class="bad">✕ ${said(shown.fault)}</p>` : nothing}
      ${gantt(shown, ctx, { approve: (step) => approve(step, ctx), old: old || model.shown > 0, redraw: ctx.redraw })}` : html`<p class="quiet">${t("shell.waiting")}</p>`}
  </section>`;
}

// history is what was asked of the service, the newest first.
function history(graph, ctx, doing, old) {
  if (!model.deploys) return model.deploysFault ? html`<p class="bad">${said(model.deploysFault)}</p>` : nothing;
  return html`<section class="card ${old ? "old" : ""}"><h2>${t("service.history")}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("service.history")}><table class="service-history"><thead><tr><th class="n">${t("service.revision")}</th><th>${t("service.when")}</th><th>${t("service.who")}</th><th>${t("service.what")}</th><th>${t("service.outcome")}</th><td></td></tr></thead>
    <tbody>${model.deploys.map((one) => html`<tr><td class="n">${one.revision}</td><td class="when">${moment(Date.parse(one.at))}</td><td>${one.who || "–"}</td><td class="what">${said(one.what)}${one.why ? html`<br><span class="small quiet">${one.why}</span>` : nothing}</td>
      <td>${outcome(one, graph)}</td>
      <td><span class="row"><button @click=${() => { show(one.revision); document.getElementById("deploy")?.scrollIntoView({ behavior: "smooth" }); }}>${t("service.show_steps")}</button>
        ${one.kept && ctx.can("operator") ? html`<span class="controls" ?inert=${ctx.lost || model.fault !== ""}><button @click=${() => doing("rollback", { revision: one.revision })}>${t("service.back_to_it")}</button></span>` : nothing}</span></td></tr>`)}</tbody></table></div></section>`;
}

function outcome(one, graph) {
  if (one.running) return badge("good", `✓ ${t("service.runs_now")}`);
  if (one.outcome.startsWith("failed")) return html`${badge("bad", `✕ ${t("service.failed")}`)} ${said(one.outcome.replace(/^failed: /, ""), "small")}`;
  if (one.outcome === "running" || (one.revision === graph.revision && one.outcome === "")) return badge("warn", `▶ ${t("service.under_way")}`);
  return one.outcome === "accepted" ? html`<span class="quiet">✓ ${t("service.ran")}</span>` : said(one.outcome, "small");
}

// absent says that no such service runs, and how to start it.
const absent = (ctx) => html`<section class="card stack"><h1>${model.name}</h1>
  <p class="warn">⚠ ${t("service.absent", { service: model.name })}</p>
  <p>${t("service.start_how")}</p>
  <pre>starter apply specs/smart-energy/compose.yaml</pre>
  <p class="quiet small">${t("service.start_up")} <code>starter up</code></p>
  ${model.graph ? html`<p class="quiet">${t("service.last_seen", { at: clock(model.heard), phase: t(`service.is_${model.graph.phase}`) })}</p>` : nothing}
  ${ctx.can("operator") ? html`<p class="controls" ?inert=${ctx.lost}><button class="primary" @click=${() => ask("apply", ctx)}>${t("service.apply_here")}</button></p>` : nothing}</section>`;
