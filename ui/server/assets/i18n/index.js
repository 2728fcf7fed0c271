// All texts, by area. Each area has both languages side by side.
import shell from "./shell.js";
import overview from "./overview.js";
import room from "./room.js";
import policy from "./policy.js";
import boxes from "./boxes.js";
import service from "./service.js";
import override from "./override.js";
import alerts from "./alerts.js";
import people from "./people.js";

const areas = [shell, overview, room, policy, boxes, service, override, alerts, people];

export const messages = {
  en: Object.assign({}, ...areas.map((area) => area.en)),
  ko: Object.assign({}, ...areas.map((area) => area.ko)),
};
