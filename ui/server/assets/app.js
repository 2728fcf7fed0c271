// The page: it finds which place the address names, draws it whenever something changed and once a second so that ages
// and countdowns move, and says so when nothing is heard.
import { html, render, nothing } from "./core/html.js";
import { live, listen, follow, lost, now, quietFor } from "./core/live.js";
import { t, lang, setLanguage } from "./core/i18n.js";
import { clock, span } from "./core/format.js";
import { get, post } from "./core/api.js";
import { say } from "./core/toast.js";

// Each place: its address, the module that draws it, and where it stands in the navigation. A module's default export has
// view(ctx) and, if it needs to do something while it is shown, enter(params, redraw), which returns what ends that.
const places = [
  { path: /^\/$/, load: () => import("./pages/overview.js"), nav: "overview" },
  { path: /^\/rooms\/([^/]+)$/, params: ["room"], load: () => import("./pages/room.js"), nav: "rooms" },
  { path: /^\/boxes$/, load: () => import("./pages/boxes.js"), nav: "boxes" },
  { path: /^\/boxes\/([^/]+)$/, params: ["box"], load: () => import("./pages/box.js"), nav: "boxes" },
  { path: /^\/service$/, load: () => import("./pages/service.js"), nav: "service" },
  { path: /^\/alerts$/, load: () => import("./pages/alerts.js"), nav: "alerts" },
  { path: /^\/people$/, load: () => import("./pages/people.js"), nav: "people" },
  { path: /^\/(sign-in|setup)$/, params: ["which"], load: () => import("./pages/sign_in.js"), nav: "", bare: true },
];

// sources are the servers that the page hears of, as they spell themselves.
const sources = { kafka: "Kafka", temporal: "Temporal", influxdb: "InfluxDB" };

const shown = { place: null, params: {}, page: null, leave: null };
// me is who uses the page, as GET /api/v1/me answers: {name, role, by, sign_in}.
const me = { name: "", role: "viewer", by: "", known: false };
const ranks = { viewer: 1, operator: 2, admin: 3 };

function context() {
  return {
    state: live.state, now: now(), lost: lost(), params: shown.params, me,
    can: (role) => (ranks[me.role] ?? 0) >= ranks[role],
    go, redraw,
  };
}

// go shows another place of the page.
export function go(address) {
  history.pushState(null, "", address);
  navigate();
}

async function navigate() {
  const place = places.find((p) => p.path.test(location.pathname)) ?? places[0];
  const found = location.pathname.match(place.path) ?? [];
  const params = Object.fromEntries((place.params ?? []).map((name, i) => [name, decodeURIComponent(found[i + 1])]));
  const page = (await place.load()).default;
  shown.leave?.();
  Object.assign(shown, { place, params, page, leave: null });
  shown.leave = page.enter?.(params, redraw) ?? null;
  draw();
  if (!location.hash) scrollTo(0, 0);
}

let asked = false;
// redraw draws before the next frame, once, however often it is asked.
export function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}

function draw() {
  if (!shown.page) return;
  const ctx = context();
  document.body.classList.toggle("lost", ctx.lost && !shown.place.bare);
  render(shown.place.bare ? html`<main id="main">${shown.page.view(ctx)}</main>` : frame(ctx), document.getElementById("app"));
  document.title = title(ctx);
}

function title(ctx) {
  const grave = (ctx.state?.alerts ?? []).filter((a) => a.severity !== "warning").length;
  return `${grave > 0 ? `(${grave}) ` : ""}${t("shell.title")}`;
}

const frame = (ctx) => html`
  <a class="skip" href="#main">${t("shell.skip")}</a>
  ${header(ctx)}
  ${notes(ctx)}
  <main id="main" tabindex="-1">${ctx.state || shown.page.alone ? shown.page.view(ctx) : html`<p class="quiet pad">${t("shell.waiting")}</p>`}</main>`;

function header(ctx) {
  const alerts = (ctx.state?.alerts ?? []).filter((a) => !a.answer).length;
  const room = ctx.state?.rooms?.[0]?.name;
  const items = [
    ["overview", "/", nothing], ["rooms", room ? `/rooms/${encodeURIComponent(room)}` : "/", nothing], ["boxes", "/boxes", nothing],
    ["service", "/service", nothing], ["alerts", "/alerts", alerts > 0 ? html`<b class="count">${alerts}</b>` : nothing],
    ["people", "/people", nothing],
  ];
  return html`<header class="top">
    <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="22" height="22"> OverCloud</a>
    <nav aria-label=${t("shell.nav")}>${items.map(([name, href, count]) =>
      html`<a href=${href} aria-current=${shown.place.nav === name ? "page" : nothing}>${t(`nav.${name}`)}${count}</a>`)}</nav>
    <div class="tools">
      ${Object.entries(ctx.state?.sources ?? {}).filter(([, s]) => s.fault).map(([name, s]) =>
        html`<span class="badge bad" title=${s.fault}>${t("shell.away", { name: sources[name] ?? name })}</span>`)}
      <span class="clock" title=${t("shell.server_time")}>${ctx.state ? clock(ctx.now) : ""}</span>
      <button class="plain" id="language" lang=${lang() === "ko" ? "en" : "ko"} @click=${() => { setLanguage(lang() === "ko" ? "en" : "ko"); draw(); }}>${lang() === "ko" ? "English" : "한국어"}</button>
      <button class="plain" id="theme" aria-label=${t("shell.theme")} title=${t("shell.theme")} @click=${turnTheme}>◐</button>
      ${me.by === "session" || me.by === "openid" ? html`<button class="plain" id="sign-out" title=${`${me.name} (${t(`role.${me.role}`)})`} @click=${signOut}><span class="me">${me.name} · </span>${t("shell.sign_out")}</button>` : nothing}
    </div>
  </header>`;
}

function notes(ctx) {
  const quiet = quietFor();
  return html`<aside class="notes" aria-label=${t("shell.notes")}>
    ${ctx.lost ? html`<p id="lost" role="alert">${quiet === Infinity ? t("shell.never_heard") : t("shell.lost", { span: span(quiet) })}</p>` : nothing}
    ${me.by === "open" ? html`<p class="note" id="open-door">${t("shell.open_door")} <a href="/setup">${t("shell.set_up")}</a></p>` : nothing}</aside>`;
}

async function signOut() {
  try {
    await post("/sign-out");
    location.assign("/sign-in");
  } catch (err) {
    say(err.message, "bad");
  }
}

const themes = ["", "light", "dark"];
function turnTheme() {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "") + 1) % themes.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  draw();
}
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";

// meet asks who uses the page. Who has no role yet, or no more, is sent to sign in.
async function meet() {
  try {
    Object.assign(me, await get("/me"), { known: true });
  } catch {
    return true; // the server is away, and the page says so
  }
  if (me.role !== "" || shown.place.bare) return true;
  location.assign(me.sign_in.set_up && !me.sign_in.openid ? "/setup" : `/sign-in?next=${encodeURIComponent(location.pathname)}`);
  return false;
}
addEventListener("refused", meet);

// Links to the page's own places are followed without loading it anew.
document.addEventListener("click", (event) => {
  const a = event.target.closest?.("a[href^='/']");
  if (!a || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || a.target || a.hasAttribute("download")) return;
  if (!places.some((p) => p.path.test(new URL(a.href).pathname))) return;
  event.preventDefault();
  go(a.getAttribute("href"));
});
addEventListener("popstate", navigate);

document.getElementById("app").replaceChildren(); // the shell's words make room
await navigate();
if (await meet()) {
  if (!shown.place.bare) listen();
  follow(redraw);
  setInterval(draw, 1000);
}
draw();
