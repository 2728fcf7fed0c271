// Dialogs: one at a time, on the browser's own modal element, so that focus stays inside and Escape leaves.
import { html, render, nothing } from "./html.js";
import { t } from "./i18n.js";

// open shows draw(close, redraw) in a dialog and resolves to what close was given; undefined when it was left.
export function open(draw, { wide = false } = {}) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    if (wide) dialog.className = "wide";
    let value;
    const close = (result) => { value = result; dialog.close(); };
    const redraw = () => render(draw(close, redraw), dialog);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(value); });
    document.body.append(dialog);
    redraw();
    dialog.showModal();
  });
}

// sure asks before something that is not undone by itself. It resolves to true or false.
export async function sure({ title, body = nothing, go, danger = false }) {
  return (await open((close) => html`
    <h2>${title}</h2>
    <div class="dialog-body">${body}</div>
    <div class="row end">
      <button @click=${() => close(false)}>${t("shell.cancel")}</button>
      <button class=${danger ? "danger" : "primary"} @click=${() => close(true)}>${go}</button>
    </div>`)) === true;
}
