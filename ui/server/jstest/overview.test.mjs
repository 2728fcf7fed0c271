// The overview's pure modules: what a room's sentence says, where the heat is, where marks lie.
import assert from "node:assert/strict";
import test from "node:test";
import { gauges, inlet, median, standing } from "../assets/pages/overview/fresh.js";
import { confirming, critical, health, status } from "../assets/pages/overview/status.js";
import { colour, contour, field, ink, labels, levels, rgb } from "../assets/pages/overview/heat.js";
import { spread } from "../assets/pages/overview/spread.js";
import { coolersOf, savedOf } from "../assets/pages/overview/energy.js";

const now = 1_790_000_000_000;
const iso = (ms) => new Date(ms).toISOString();

const sensor = (id, celsius, more = {}) => ({ id, name: `s${id}`, role: "inlet", x: 0.5, y: 0.5, at: now - 1000, celsius, humidity: 40, ...more });
const cooler = (name, more = {}) => ({ name, min: 18, max: 30, desired: 24, desired_since: iso(now - 600000), sent: 24, confirmed: 24, command_revision: 5, last_ack: { state: "confirmed", revision: 5, power: true }, ...more });
const policy = { band_low: 25, band_high: 26.5, warn: 27, high: 30, critical: 32 };

function world(change = {}) {
  const room = {
    name: "r", title: "R", mode: "auto", policy, stale_after_ms: 90000, sensors: [sensor(1, 25.4), sensor(2, 26), sensor(3, 25.6)],
    acs: [cooler("ac1"), cooler("ac2")], decision: { time_ms: now - 5000, to_critical_ms: 1080000, sure: true }, ...change.room,
  };
  return {
    room, state: {
      rooms: [room], alerts: [], sources: { kafka: { heard_at: now }, temporal: { heard_at: now } },
      boxes: [{ name: "b", engine: "tcp://x", reachable: true, resource: { time_ms: now - 1000 } }],
      service: { service: "s", phase: "tuning", revision: 1, functions: [{ function: "f", state: "healthy", probes: [{ provider: "g", connected: true }] }] },
      ...change.state,
    },
  };
}

const say = (change, lost = false) => {
  const { room, state } = world(change);
  return status(state, room, now, lost);
};
const keys = (found, level) => found.clauses.filter((c) => c.level === level).map((c) => c.key);

test("a room in its band with everything confirmed is well, and says so in the order in which people ask", () => {
  const found = say();
  assert.equal(found.level, "good");
  assert.equal(found.temp, 25.6);
  assert.deepEqual(keys(found, "good"), ["inside", "to_critical", "both_confirmed"]);
});

test("the inlet is named against the policy", () => {
  for (const [celsius, level, key] of [[24, "good", "below"], [25, "good", "inside"], [26.5, "good", "inside"], [26.6, "good", "above"], [27, "warn", "over_warn"], [30, "bad", "over_high"], [32, "bad", "over_critical"]]) {
    const found = say({ room: { sensors: [sensor(1, celsius)] } });
    assert.equal(found.level, level, `${celsius}`);
    assert.equal(found.clauses[0].key, key, `${celsius}`);
  }
});

test("without a trusted reading of the inlet nothing is well", () => {
  for (const bad of [{ at: now - 90001 }, { bad: true, reason: "stuck" }, { at: 0, celsius: null }, { role: "supply" }]) {
    const found = say({ room: { sensors: [sensor(1, 25.5, bad)] } });
    assert.equal(found.temp, null);
    assert.equal(found.level, "bad");
    assert.equal(found.clauses[0].key, "no_inlet");
    assert.ok(!found.clauses.some((c) => c.key.startsWith("to_critical")), "no time is told from a temperature that is not known");
  }
});

test("a lost server leaves only that to say, and the last value as such", () => {
  const found = say({ room: { inlet: 25.6 } }, true);
  assert.equal(found.temp, null);
  assert.deepEqual(found.clauses.map((c) => c.key), ["not_heard", "last_inlet"]);
});

test("what is wrong comes worst first", () => {
  const found = say({
    room: { sensors: [sensor(1, 30.5), sensor(2, 31, { at: now - 400000 })], acs: [cooler("ac1", { desired: 18 }), cooler("ac2", { last_ack: { state: "rejected", revision: 6 } })] },
    state: { sources: { kafka: { heard_at: now - 60000, fault: "refused" }, temporal: { heard_at: 0, fault: "refused" } }, alerts: [{ room: "r", severity: "high" }, { room: "r", severity: "warning" }, { room: "other", severity: "critical" }] },
  });
  assert.deepEqual(keys(found, "bad"), ["over_high", "ac_refused", "away_kafka", "alerts_grave"]);
  assert.deepEqual(keys(found, "warn"), ["ac_late", "away_temporal_never", "alerts_mild", "sensor_silent"]);
  assert.equal(found.clauses.find((c) => c.key === "alerts_grave").blanks.n, 1, "another room's alert is not this one's");
});

test("an acknowledged alert does not ask for anybody any more", () => {
  assert.equal(say({ state: { alerts: [{ room: "r", severity: "critical", answer: { kind: "acknowledge" } }] } }).level, "good");
});

test("a control loop that has fallen silent is said, and its time to critical is not told", () => {
  const found = say({ room: { decision: { time_ms: now - 700000, to_critical_ms: 1 } } });
  assert.equal(found.clauses[0].key, "no_decision");
  assert.equal(critical({ decision: { time_ms: now - 700000, to_critical_ms: 1 } }, now), null);
  assert.equal(critical({ decision: null }, now), null);
  assert.equal(say({ room: { decision: { time_ms: now, to_critical_ms: 60000 } } }).clauses.find((c) => c.key === "to_critical_estimate").blanks.ms, 60000);
});

test("an air conditioner is confirmed only when the machine says the very value", () => {
  assert.equal(confirming(cooler("a"), now), "confirmed");
  assert.equal(confirming(cooler("a", { desired: 22 }), now), "late");
  assert.equal(confirming(cooler("a", { desired: 22, desired_since: iso(now - 5000) }), now), "pending");
  assert.equal(confirming(cooler("a", { desired: 22, sent: 22, confirmed: null, last_ack: { state: "sent", revision: 5, cannot_tell: true } }), now), "cannot-tell");
  assert.equal(confirming(cooler("a", { last_ack: { state: "rejected", revision: 4 } }), now), "confirmed", "an older command's refusal is over");
  assert.equal(confirming(cooler("a", { desired: 0 }), now), "unknown");
});

test("one that is switched off is said even when it confirmed its setpoint", () => {
  assert.deepEqual(keys(say({ room: { acs: [cooler("ac1", { last_ack: { state: "confirmed", revision: 5, power: false } })] } }), "warn"), ["ac_off"]);
});

test("health names what does not run, is not connected or does not answer", () => {
  const h = health({
    boxes: [{ name: "x", engine: "e", reachable: false }, { name: "y", engine: "e", reachable: true }, { name: "z", reachable: true }],
    service: { phase: "tuning", functions: [{ function: "a", state: "exited", probes: [{ provider: "k", connected: false }] }, { function: "b", state: "running", probes: [{ provider: "k", connected: true }] }] },
  });
  assert.deepEqual([h.up, h.functions, h.down, h.proven, h.connections, h.broken, h.reachable, h.boxes, h.absent], [1, 2, ["a"], 1, 2, ["a → k"], 1, 2, ["x"]]);
  assert.equal(health({ service: null }).phase, "");
});

test("a sensor's standing follows its age, the policy and the connection", () => {
  const room = { stale_after_ms: 90000 };
  assert.equal(standing(sensor(1, 25), room, now, false), "good");
  assert.equal(standing(sensor(1, 25), room, now, true), "stale");
  assert.equal(standing(sensor(1, 25, { at: now - 90001, bad: true }), room, now, false), "stale");
  assert.equal(standing(sensor(1, null, { at: 0 }), room, now, false), "never");
  assert.equal(median([3, 1, 2, 4]), 2.5);
  assert.equal(inlet({ ...room, sensors: [sensor(1, 25), sensor(2, 99, { bad: true }), sensor(3, 17, { role: "supply" })] }, now, false), 25);
});

test("gauges are means over what counts, and empty when it is old", () => {
  const { room, state } = world({ room: { sensors: [sensor(1, 25), sensor(2, 27), sensor(3, 90, { bad: true }), sensor(4, 17, { role: "supply" })], means: { cpu: { value: 30, of: 1, all: 3 } } } });
  const [temperature, humidity, cpu, memory] = gauges(state, room, now, false);
  assert.deepEqual([temperature.value, temperature.of, temperature.all], [26, 2, 3]);
  assert.equal(humidity.value, 40);
  assert.deepEqual([cpu.value, cpu.of, cpu.all], [30, 1, 3]);
  assert.equal(memory.value, null);
  assert.equal(gauges(state, room, now + 200000, false)[2].value, null, "the server's mean is old when no box speaks");
  assert.equal(gauges(state, room, now, true)[0].value, null);
});

test("the scale runs from blue over pale to red, and black or white can be read on it", () => {
  assert.deepEqual([rgb(15), rgb(25), rgb(35)], [[49, 54, 149], [255, 255, 191], [165, 0, 38]]);
  assert.deepEqual([rgb(-40), rgb(90)], [rgb(15), rgb(35)], "beyond the scale its ends hold");
  assert.equal(colour(25), "rgb(255 255 191)");
  assert.deepEqual([ink(15), ink(25), ink(35)], ["#fff", "#000", "#fff"]);
});

test("heat between sensors stays between their values and is nearest to the nearest", () => {
  const points = [{ x: 0.1, y: 0.5, celsius: 18 }, { x: 0.9, y: 0.5, celsius: 30 }];
  const f = field(points, 40, 20, 2);
  assert.ok(Math.min(...f.celsius) >= 18 && Math.max(...f.celsius) <= 30);
  const at = (x, y) => f.celsius[Math.floor(y * 20) * 40 + Math.floor(x * 40)];
  assert.ok(at(0.1, 0.5) < 18.5 && at(0.9, 0.5) > 29.5);
  assert.ok(Math.abs(at(0.5, 0.5) - 24) < 0.6, "halfway is halfway");
  const near = (x, y) => f.near[Math.floor(y * 20) * 40 + Math.floor(x * 40)];
  assert.ok(near(0.1, 0.5) > near(0.5, 0.5), "far from sensors it is paler");
  assert.equal(field([], 4, 4), null, "no sensor, no heat");
});

test("a contour runs where the field has its temperature, and its label is on it and free", () => {
  const f = field([{ x: 0, y: 0.5, celsius: 20 }, { x: 1, y: 0.5, celsius: 26 }], 60, 40, 1.5);
  assert.deepEqual(levels(f), [21, 22, 23, 24, 25]);
  const middle = contour(f, 23);
  assert.equal(middle.length, 1, "one line from rim to rim");
  for (const [x] of middle[0]) assert.ok(Math.abs(x - 0.5) < 0.05);
  const lines = levels(f).map((c) => ({ celsius: c, lines: contour(f, c) }));
  const placed = labels(lines, [[0.5, 0.5]], 1.5);
  assert.ok(placed.length >= 3);
  for (const [i, a] of placed.entries()) {
    assert.ok(Math.hypot((a.x - 0.5) * 1.5, a.y - 0.5) > 0.07, "not on a mark");
    for (const b of placed.slice(i + 1)) assert.ok(Math.hypot((a.x - b.x) * 1.5, a.y - b.y) > 0.07, "not on another label");
  }
});

test("an even field has no contours", () => assert.deepEqual(levels(field([{ x: 0.5, y: 0.5, celsius: 25 }], 8, 8)), []));

test("marks that would lie on each other are moved apart and stay on the map", () => {
  const marks = [{ x: 10, y: 10, w: 80, h: 40 }, { x: 10, y: 20, w: 60, h: 26 }, { x: 390, y: 250, w: 80, h: 40 }, { x: 10, y: 20, w: 60, h: 26 }];
  const out = spread(marks, 400, 250);
  for (const [i, a] of out.entries()) {
    assert.ok(a.cx - a.w / 2 >= 0 && a.cx + a.w / 2 <= 400 && a.cy - a.h / 2 >= 0 && a.cy + a.h / 2 <= 250);
    for (const b of out.slice(i + 1)) assert.ok(Math.abs(a.cx - b.cx) >= (a.w + b.w) / 2 - 0.1 || Math.abs(a.cy - b.cy) >= (a.h + b.h) / 2 - 0.1);
  }
  assert.deepEqual(spread(marks, 400, 250), out, "the same marks land alike");
});

test("power is the sum of what is metered and stale when any part is", () => {
  const meter = (watts, age) => ({ watts, time_ms: now - age });
  const room = { acs: [{ power: meter(1000, 5000) }, { power: meter(500, 200000) }, { power: null }] };
  const all = coolersOf(room, now, false);
  assert.deepEqual([all.watts, all.of, all.all, all.stale], [1500, 2, 3, true]);
  assert.equal(coolersOf({ acs: [{ power: null }] }, now, false), null);
});

test("what was saved is told with its reference and its doubt, or not at all", () => {
  assert.equal(savedOf({ decision: null }), null);
  assert.equal(savedOf({ decision: { energy: { used_wh: 100, fixed_setpoint: 24, metered_ms: 10 } } }).wh, null, "nothing could be compared");
  const found = savedOf({ decision: { energy: { since_ms: 1, used_wh: 800, fixed_wh: 1000, deviation_wh: 50, fixed_setpoint: 24, metered_ms: 100, compared_ms: 60 } } });
  assert.deepEqual([found.wh, found.share, found.plus, found.reference, found.compared], [200, 20, 50, 24, 0.6]);
  assert.equal(savedOf({ decision: { energy: { used_wh: 1200, fixed_wh: 1000, fixed_setpoint: 24, metered_ms: 1 } } }).wh, -200, "a loss is a loss");
});
