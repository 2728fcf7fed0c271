// Small parts that several pages draw.
import { html, nothing } from "./html.js";
import { t } from "./i18n.js";

// badge is a word in a colour of state: good, warn, bad or quiet.
export const badge = (kind, text, title = "") => html`<span class="badge ${kind}" title=${title || nothing}>${text}</span>`;

// link goes to one of the page's own places.
export const link = (href, text, name = "") => html`<a href=${href} class=${name || nothing}>${text}</a>`;

// empty says why a list has nothing.
export const empty = (text) => html`<p class="quiet empty">${text}</p>`;

// simulated marks what stands in for hardware.
export const simulated = (is) => (is ? html`<span class="badge sim" title=${t("shell.simulated_title")}>${t("shell.simulated")}</span>` : nothing);
