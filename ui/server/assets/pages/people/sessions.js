// Who is signed in now.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { ago } from "../../core/format.js";
import { remove } from "../../core/api.js";
import { say } from "../../core/toast.js";
import { badge, empty } from "../../core/parts.js";
import { lists } from "./lists.js";

async function end(session) {
  try {
    await remove(`/sessions/${encodeURIComponent(session.id)}`);
  } catch (err) {
    say(err.message, "bad");
  }
  lists.load();
}

// browser is what a person recognises of a User-Agent.
function browser(agent) {
  const name = [["Edg", "Edge"], ["OPR", "Opera"], ["SamsungBrowser", "Samsung Internet"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]]
    .find(([sign]) => agent.includes(`${sign}/`))?.[1] ?? agent.split(/[ /]/)[0];
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find((one) => agent.includes(one)) ?? "";
  return [name, system].filter(Boolean).join(", ");
}

const row = (ctx, session) => html`<li>
  <div class="row apart"><span class="row"><b>${session.name}</b> ${badge("quiet", t(`role.${session.role}`))} ${session.by === "openid" ? badge("quiet", "OpenID") : nothing} ${session.current ? badge("good", t("people.this_browser")) : nothing}</span>
    <span class="controls" ?inert=${ctx.lost}><button class="plain bad" @click=${() => end(session)} aria-label=${t("people.end_of", { name: session.name })}>${t("people.end")}</button></span></div>
  <p class="small quiet"><span title=${session.agent}>${browser(session.agent)}</span> · ${session.address} · ${t("people.used", { ago: ago(ctx.now - Date.parse(session.seen)) })}</p>
</li>`;

export const sessions = (ctx) => html`<section class="card" id="sessions">
  <h2>${t("people.sessions")}</h2>
  ${lists.sessions === null ? html`<p class="quiet">${t("people.asking")}</p>` : lists.sessions.length === 0 ? empty(t("people.no_sessions")) :
    html`<ul class="plain lines" tabindex="0" aria-label=${t("people.sessions")}>${lists.sessions.map((session) => row(ctx, session))}</ul>`}
</section>`;
