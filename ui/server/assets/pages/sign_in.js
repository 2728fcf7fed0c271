// Signing in, and making the first admin. Password managers know the fields by their autocomplete words.
import { html, nothing } from "../core/html.js";
import { t, lang, setLanguage } from "../core/i18n.js";
import { post } from "../core/api.js";

const form = { busy: false, error: "", shown: false };

// next is where to go on: a place of this page, whatever the address says.
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  const to = new URL(wanted, location.origin);
  return to.origin === location.origin && wanted.startsWith("/") ? to.pathname + to.search : "/";
}

// send asks the server and goes on, or says why not.
async function send(ctx, path, body) {
  Object.assign(form, { busy: true, error: "" });
  ctx.redraw();
  try {
    await post(path, body);
    location.assign(next());
  } catch (err) {
    Object.assign(form, { busy: false, error: err.status ? err.message : t("people.no_answer") });
    ctx.redraw();
    document.querySelector("[name=password]")?.focus();
  }
}

const trouble = () => {
  const error = form.error || new URLSearchParams(location.search).get("refused") || "";
  return html`<p class="error" role="alert" lang=${error && error !== t("people.no_answer") ? "en" : nothing}>${error}</p>`;
};

// password is a field whose text can be shown, for phones.
const password = (ctx, name, label, complete) => html`
  <label>${label}
    <span class="secret"><input name=${name} type=${form.shown ? "text" : "password"} autocomplete=${complete} required minlength=${complete === "new-password" ? 10 : nothing} autocapitalize="none" spellcheck="false">
    ${name === "password" ? html`<button type="button" class="plain" aria-pressed=${form.shown} @click=${() => { form.shown = !form.shown; ctx.redraw(); }}>${form.shown ? t("people.hide") : t("people.show")}</button>` : nothing}</span>
  </label>`;

const user = (label) => html`
  <label>${label}<input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64" autofocus></label>`;

function signIn(ctx, ways) {
  const submit = (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    send(ctx, "/sign-in", { name: data.get("username"), password: data.get("password") });
  };
  return html`
    <h1>${t("people.sign_in")}</h1>
    ${ways.openid ? html`<a class="button primary wide" id="openid" href=${`/sign-in/openid?next=${encodeURIComponent(next())}`}>${t("people.sign_in_with", { name: ways.openid })}</a>` : nothing}
    ${ways.openid && ways.local ? html`<p class="or"><span>${t("people.or")}</span></p>` : nothing}
    ${ways.local ? html`<form @submit=${submit}>
      ${user(t("people.name"))}
      ${password(ctx, "password", t("people.password"), "current-password")}
      ${trouble()}
      <button class="primary wide" ?disabled=${form.busy}>${form.busy ? t("people.signing_in") : t("people.sign_in")}</button>
    </form>` : trouble()}
    ${!ways.local && !ways.openid ? html`<p>${t(ways.set_up ? "people.nobody_yet" : "people.off")}</p><a class="button primary wide" href="/setup">${t("people.set_up")}</a>` : nothing}`;
}

function setUp(ctx, ways) {
  if (!ways.set_up && ctx.me.by === "open") return html`<h1>${t("people.set_up")}</h1><p>${t("people.off")}</p><a class="button wide" href="/">${t("nav.overview")}</a>`;
  if (!ways.set_up) return html`<h1>${t("people.set_up")}</h1><p>${t("people.set_up_done")}</p><a class="button primary wide" href="/sign-in">${t("people.sign_in")}</a>`;
  const submit = (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    if (data.get("password") !== data.get("again")) {
      form.error = t("people.differ");
      ctx.redraw();
      return;
    }
    send(ctx, "/setup", { code: data.get("code"), name: data.get("username"), password: data.get("password") });
  };
  return html`
    <h1>${t("people.set_up")}</h1>
    <p class="quiet">${t("people.set_up_why")}</p>
    <form @submit=${submit}>
      <label>${t("people.code")}<input name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required placeholder="XXXX-XXXX-XXXX-XXXX" autofocus>
        <span class="small">${t("people.code_where")} <code>ui user add NAME --role admin</code></span></label>
      ${user(t("people.admin_name"))}
      ${password(ctx, "password", t("people.new_password"), "new-password")}
      ${password(ctx, "again", t("people.again"), "new-password")}
      <p class="small quiet">${t("people.rules")}</p>
      ${trouble()}
      <button class="primary wide" ?disabled=${form.busy}>${t("people.make_admin")}</button>
    </form>`;
}

export default {
  alone: true,
  enter() {
    Object.assign(form, { busy: false, error: "", shown: false });
  },
  view(ctx) {
    const ways = ctx.me.sign_in ?? {};
    const turn = () => { setLanguage(lang() === "ko" ? "en" : "ko"); ctx.redraw(); };
    return html`<div class="door">
      <div class="row apart"><a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="28" height="28"> OverCloud</a>
        <button class="plain" type="button" lang=${lang() === "ko" ? "en" : "ko"} @click=${turn}>${lang() === "ko" ? "English" : "한국어"}</button></div>
      <section class="card">
        ${!ctx.me.known ? html`<p class="quiet">${t("people.asking")}</p>` : ctx.params.which === "setup" ? setUp(ctx, ways) : signIn(ctx, ways)}
        ${isSecureContext ? nothing : html`<p class="note small">${t("people.not_encrypted")}</p>`}
      </section>
    </div>`;
  },
};
