// The page that hangs on the wall: every room in one sentence, what can be done about it, and where the heat is.
import { html, repeat } from "../core/html.js";
import { t } from "../core/i18n.js";
import { empty } from "../core/parts.js";
import { sentence } from "./overview/sentence.js";
import { alarms } from "./overview/alarms.js";
import { airConditioners } from "./overview/ac.js";
import { figures } from "./overview/figures.js";
import { map, watchMaps } from "./overview/map.js";
import { meters } from "./overview/meters.js";
import { tiles } from "./overview/tiles.js";
import { health } from "./overview/health.js";

function view(ctx) {
  const rooms = ctx.state.rooms ?? [];
  if (rooms.length === 0) return html`<div class="overview">${alarms(ctx)}${empty(t("overview.no_rooms"))}${health(ctx)}</div>`;
  if (rooms.length === 1) return one(rooms[0], ctx);
  return html`<div class="overview many">
    ${alarms(ctx)}
    <div class="rooms">${repeat(rooms, (room) => room.name, (room) => card(room, ctx))}</div>
    ${health(ctx)}
  </div>`;
}

// one room has the whole page.
const one = (room, ctx) => html`<div class="overview one">
  <div class="head">${sentence(room, ctx)}${alarms(ctx)}</div>
  <div class="side">${airConditioners(room, ctx)}</div>
  ${figures(room, ctx)}
  ${map(room, ctx)}
  ${meters(room, ctx)}
  ${tiles(room, ctx)}
  ${health(ctx)}
</div>`;

// card is a room among several.
const card = (room, ctx) => html`<section class="room-card" aria-label=${room.title}>
  ${sentence(room, ctx)}
  <div class="room-halves">
    <div class="side">${airConditioners(room, ctx)}</div>
    ${map(room, ctx)}
  </div>
  ${figures(room, ctx)}
</section>`;

export default { view, enter: (params, redraw) => watchMaps(redraw) };
