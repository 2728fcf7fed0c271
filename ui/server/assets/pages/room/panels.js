// What the room's chart shows: the panels, from the room's sensors, machines and policy.
import { t, lang } from "../../core/i18n.js";
import { celsius } from "../../core/format.js";
import { median } from "../overview/fresh.js";

const sensorColours = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const dashes = [undefined, [6, 3], [2, 3], [8, 3, 2, 3]];

// panelsOf are the panels of a room. The same room gives the same key, so that the chart knows when to draw anew.
export function panelsOf(room) {
  const panels = [temperature(room), setpoints(room), air(), power(room)].filter((panel) => panel.curves.length > 0);
  panels.key = JSON.stringify([lang(), panels]);
  return panels;
}

function temperature(room) {
  const p = room.policy;
  const curves = [{ id: "inlet", label: t("room.inlet"), colour: "--ink", width: 2.5, unit: "°C", envelope: true }];
  room.sensors.forEach((sensor, i) => curves.push({
    id: `sensor/${sensor.id}`, label: sensor.name, colour: sensorColours[i % sensorColours.length], width: 1.5, unit: "°C",
    dash: sensor.role === "inlet" ? undefined : dashes[1 + (i % 3)], off: sensor.role !== "inlet",
  }));
  return {
    id: "temperature", title: t("room.temperature"), height: 290, overrides: true, curves,
    axes: [{ unit: "°C", span: 3, always: [p.band_low, p.band_high] }],
    zones: [{ from: p.band_low, to: p.band_high, colour: "--good" }],
    lines: [
      { at: p.warn, colour: "--warn", label: t("room.warn_line", { value: celsius(p.warn) }) },
      { at: p.high, colour: "--bad", label: t("room.high_line", { value: celsius(p.high) }) },
      { at: p.critical, colour: "--bad", label: t("room.critical_line", { value: celsius(p.critical) }) },
    ],
    note: t("room.band_note", { low: celsius(p.band_low), high: celsius(p.band_high) }),
  };
}

const setpoints = (room) => ({
  id: "setpoints", title: t("room.setpoints"), height: 130, overrides: true, axes: [{ unit: "°C", span: 4 }],
  curves: room.acs.map((ac, i) => ({
    id: `setpoint/${ac.name}`, label: ac.name, colour: ["--c1", "--c2", "--c3", "--c5"][i % 4], width: 2, dash: dashes[i % 4], step: true, unit: "°C", digits: 0,
  })),
  note: t("room.override_note"),
});

const air = () => ({
  id: "air", title: t("room.air"), height: 150,
  axes: [{ unit: "%", span: 10 }, { scale: "dew", unit: "°C", span: 4 }],
  curves: [
    { id: "humidity", label: t("room.humidity"), colour: "--c3", width: 2, unit: "%", digits: 0 },
    { id: "dew_point", label: t("room.dew_point"), colour: "--c4", width: 2, dash: dashes[1], unit: "°C", axis: "dew" },
  ],
});

const power = (room) => ({
  id: "power", title: t("room.power"), height: 150,
  axes: [{ unit: "kW", per: 1000, span: 500, zero: true }],
  curves: [
    { id: "load", label: t("room.load"), colour: "--ink", width: 2, unit: "kW", per: 1000, digits: 2, envelope: true },
    ...room.acs.map((ac, i) => ({
      id: `power/${ac.name}`, label: ac.name, colour: ["--c1", "--c2", "--c3", "--c5"][i % 4], width: 1.5, dash: dashes[i % 4], unit: "kW", per: 1000, digits: 2,
    })),
  ],
});

// told is the newest moment that the stream told of a room, for the chart's end.
export function told(room, now) {
  const values = {};
  let at = 0;
  const fresh = room.sensors.filter((s) => s.at > 0 && !s.bad && s.celsius !== null && now - s.at <= room.stale_after_ms);
  for (const sensor of fresh) {
    at = Math.max(at, sensor.at);
    values[`sensor/${sensor.id}`] = sensor.celsius;
  }
  if (at === 0) return null;
  if (room.inlet !== null) values.inlet = room.inlet;
  const humidity = median(fresh.filter((s) => s.role === "inlet" && s.humidity !== null).map((s) => s.humidity));
  if (humidity !== null) values.humidity = humidity;
  for (const ac of room.acs) {
    if (ac.desired > 0) values[`setpoint/${ac.name}`] = ac.desired;
    if (ac.power && now - ac.power.time_ms <= room.stale_after_ms) values[`power/${ac.name}`] = ac.power.watts;
  }
  if (room.load && now - room.load.time_ms <= room.stale_after_ms) values.load = room.load.watts;
  return { at, values };
}

const kinds = {
  alert_began: ["▲", "--warn", 3, true], alert_ended: ["△", "--good", 1, false], alert_acknowledged: ["✓", "--accent", 1, false], alert_shelved: ["Ⅱ", "--quiet", 1, false],
  alert_unshelved: ["▷", "--quiet", 1, false], override_began: ["◆", "--warn", 2, true], override_ended: ["◇", "--warn", 1, false],
  emergency_began: ["‼", "--bad", 6, true], emergency_ended: ["✓", "--good", 2, false], fail_cold: ["✱", "--bad", 5, true], failover: ["⇄", "--bad", 4, true],
  policy_changed: ["≡", "--accent", 2, true],
};

// wordsOf says how an event is shown: its sign, colour and kind in words, and how grave it is.
export function wordsOf(event) {
  const [icon, colour, rank, mark] = kinds[event.kind] ?? ["•", "--quiet", 0, false];
  const grave = event.kind === "alert_began" && event.severity !== "warning";
  return { icon, colour: grave ? "--bad" : colour, rank: grave ? 5 : rank, mark, label: kinds[event.kind] ? t(`room.kind_${event.kind}`) : event.kind };
}
