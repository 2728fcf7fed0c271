// A person's setpoint: the dialog that asks for it, and the one that ends it. The page changes nothing by itself: what it
// shows afterwards is what the workflow says then.
import { live as heard, now as serverNow, lost, follow } from "./live.js";
import { open, sure } from "./dialog.js";
import { t } from "./i18n.js";
import { post, remove } from "./api.js";
import { celsius } from "./format.js";
import { say } from "./toast.js";
import { nameOf, keepName, newID, sentence, unheard } from "./who.js";
import { limitsOf, outcome } from "./setpoint.js";
import { ends, at } from "./until.js";
import { draw } from "./override_form.js";

// askOverride opens the dialog for an air conditioner, beginning at a setpoint (°C). limits, {least, most}, may narrow what the
// room's policy and the machine allow. It resolves to the workflow's answer, or to undefined.
export async function askOverride(room, ac, setpoint, limits, ctx) {
  const allowed = within(room, ac, limits);
  const form = {
    ctx, room, ac, limits: allowed, value: clamp(setpoint ?? ac.desired, allowed), last: "1h", until: "", priority: "normal",
    who: nameOf(ctx), why: t(location.pathname === "/" ? "override.from_overview" : "override.from_page"),
    error: "", busy: false, answer: null, sent: "", id: "", first: nameOf(ctx) === "",
  };
  let end = null;
  const answer = await open((close, redraw) => {
    end ??= follow(redraw);
    Object.assign(form, current(form, limits));
    return draw(form, {
      close, redraw,
      set: (change) => { Object.assign(form, change, { error: "" }); form.value = clamp(form.value, form.limits); redraw(); },
      send: () => send(form, close, redraw),
    });
  }, { wide: true });
  end?.();
  return answer;
}

const clamp = (value, limits) => Math.max(limits.least, Math.min(limits.most, Math.round(value)));

// within is what is allowed: the policy's and the machine's limits, and the narrower of what was given.
function within(room, ac, given) {
  const allowed = limitsOf(room, ac);
  return { ...allowed, least: Math.max(allowed.least, given?.least ?? allowed.least), most: Math.min(allowed.most, given?.most ?? allowed.most) };
}

// current finds the room and the machine as they are now; the dialog may stand open for minutes.
function current(form, limits) {
  const room = heard.state?.rooms?.find((r) => r.name === form.room.name) ?? form.room;
  const ac = room.acs?.find((a) => a.name === form.ac.name) ?? form.ac;
  return { room, ac, limits: within(room, ac, limits), now: serverNow(), lost: lost() };
}

async function send(form, close, redraw) {
  if (form.busy || form.lost) return;
  const body = {
    ac: form.ac.name, setpoint: form.value, who: form.who.trim(), why: form.why.trim(), priority: form.priority,
    for: form.last === "until" ? `${Math.round((ends(form) - form.now) / 1000)}s` : form.last,
  };
  // The same request again has the same ID, so that a lost answer doubles nothing; another one has its own.
  const same = JSON.stringify({ ...body, for: form.last + form.until });
  if (form.sent !== same) Object.assign(form, { sent: same, id: newID() });
  Object.assign(form, { busy: true, error: "" });
  redraw();
  try {
    const answer = await insist(() => post(`/rooms/${encodeURIComponent(form.room.name)}/overrides`, { ...body, id: form.id }));
    keepName(form.ctx, body.who);
    Object.assign(form, { busy: false });
    told(form, answer, close, redraw);
  } catch (err) {
    Object.assign(form, { busy: false, error: sentence(err) });
    redraw();
  }
}

// insist asks once more when nobody knows whether the first time arrived.
async function insist(request) {
  try {
    return await request();
  } catch (err) {
    if (!unheard(err)) throw err;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return request();
  }
}

// told confirms what holds now. One that waits stays on the screen until the person has read why.
function told(form, answer, close, redraw) {
  const until = at(Date.parse(answer.until));
  if (answer.suspended) {
    Object.assign(form, { answer });
    redraw();
    return;
  }
  say(t("override.holds", { ac: form.ac.name, setpoint: celsius(answer.desired, 0), until }));
  close(answer);
}

// clearOverride ends an override before its time, after asking. It resolves to whether it was ended.
export async function clearOverride(room, override, ctx) {
  return end(room, ctx, {
    title: t("override.clear_title", { setpoint: celsius(override.setpoint, 0), ac: override.ac }),
    body: t("override.clear_body", { who: override.who, until: at(Date.parse(override.until)), next: then(room, override) }),
    path: `/${encodeURIComponent(override.id)}`, done: t("override.cleared", { ac: override.ac }),
  });
}

// clearAll ends every override of a room.
export async function clearAll(room, ctx) {
  const n = (room.acs ?? []).reduce((sum, ac) => sum + (ac.overrides ?? []).length, 0);
  return end(room, ctx, {
    title: t("override.clear_all_title", { n, room: room.title || room.name }), body: t("override.clear_all_body"),
    path: "", done: t("override.cleared_all"),
  });
}

// then says what holds when an override has ended.
function then(room, override) {
  const ac = (heard.state?.rooms?.find((r) => r.name === room.name) ?? room).acs?.find((a) => a.name === override.ac);
  if (!ac) return "";
  const rest = { ...ac, overrides: (ac.overrides ?? []).filter((o) => o.id !== override.id) };
  const { next } = outcome(rest, { ...override, priority: "high" }, serverNow());
  return next ? t("override.then_other", { who: next.who, setpoint: celsius(next.setpoint, 0) }) : t("override.then_rules", { setpoint: celsius(ac.auto, 0) });
}

async function end(room, ctx, { title, body, path, done }) {
  if (!(await sure({ title, body, go: t("override.clear") }))) return false;
  const query = new URLSearchParams({ who: nameOf(ctx) });
  try {
    await remove(`/rooms/${encodeURIComponent(room.name)}/overrides${path}?${query}`);
    say(done);
    return true;
  } catch (err) {
    say(sentence(err), "bad");
    return false;
  }
}
