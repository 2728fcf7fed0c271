// The plan picture under the map: the control to put one there and to take it away.
import { html, nothing } from "../../core/html.js";
import { t } from "../../core/i18n.js";
import { remove, Refused } from "../../core/api.js";
import { sure } from "../../core/dialog.js";
import { say } from "../../core/toast.js";

const path = (room) => `/rooms/${encodeURIComponent(room.name)}/picture`;

// addressOf is where a room's picture is; it changes with the picture, so that nobody sees an old one.
export const addressOf = (room) => `/api/v1${path(room)}?v=${encodeURIComponent(room.picture)}`;

export const pictureControls = (room, ctx) => html`<span class="controls row picture" ?inert=${ctx.lost}>
  <label class="button plain">${t(room.picture ? "overview.picture_change" : "overview.picture_add")}
    <input type="file" class="hidden" accept="image/png,image/jpeg,image/webp" aria-label=${t("overview.picture_of", { room: room.title })} @change=${(e) => upload(room, e.target)}></label>
  ${room.picture ? html`<button class="plain" @click=${() => takeAway(room)}>${t("overview.picture_remove")}</button>` : nothing}
</span>`;

async function upload(room, input) {
  const [file] = input.files;
  input.value = "";
  if (!file) return;
  try {
    const answer = await fetch(`/api/v1${path(room)}`, { method: "PUT", body: file, headers: { "Content-Type": file.type || "application/octet-stream", Accept: "application/json" } });
    if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => null))?.detail ?? `${answer.status} ${answer.statusText}`);
    say(t("overview.picture_kept"));
  } catch (err) {
    say(err instanceof Refused ? err.message : t("overview.unheard"), "bad");
  }
}

async function takeAway(room) {
  if (!await sure({ title: t("overview.picture_remove_title", { room: room.title }), go: t("overview.picture_remove"), danger: true })) return;
  try {
    await remove(path(room));
    say(t("overview.picture_removed"));
  } catch (err) {
    say(err instanceof Refused ? err.message : t("overview.unheard"), "bad");
  }
}
