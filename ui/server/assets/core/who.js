// Who acts: the signed-in name, which nobody can change here, or behind the open door the name that a person gave once.
import { html, live } from "./html.js";
import { t } from "./i18n.js";
import { Refused } from "./api.js";

const kept = "who";

// openDoor says that nobody is signed in: the page asks for a name.
export const openDoor = (ctx) => (ctx.me?.by ?? "open") === "open" || !ctx.me?.name;

// nameOf is who acts; empty while nobody has said.
export const nameOf = (ctx) => (openDoor(ctx) ? localStorage.getItem(kept) ?? "" : ctx.me.name);

// keepName remembers the name that was given behind the open door.
export const keepName = (ctx, name) => { if (openDoor(ctx)) localStorage.setItem(kept, name); };

// whoField shows the name, or asks for it; take(name) is told each change. With first it gets the focus while it is empty.
export const whoField = (ctx, name, take, first = false) => (openDoor(ctx) ? html`
  <label>${t("override.who")}
    <input name="who" required ?autofocus=${name === "" && first} maxlength="100" autocomplete="name" .value=${live(name)} @input=${(e) => take(e.target.value)}>
  </label>` : html`<p class="small quiet">${t("override.who_is", { name: ctx.me.name })}</p>`);

// newID works on plain http too, where crypto.randomUUID does not exist.
export const newID = () => [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, "0")).join("");

// sentence says what went wrong: the server's own words, or that it did not answer.
export const sentence = (err) => (err instanceof Refused ? err.message : t("override.no_answer"));

// unheard says that nobody knows whether what was asked was done: the same request may be sent again.
export const unheard = (err) => !(err instanceof Refused) || err.status >= 500;
