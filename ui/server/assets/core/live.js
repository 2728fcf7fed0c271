// The newest word of everything, kept current by the event stream.
//
// `state` is as GET /api/v1/state answers. The stream sends the whole once and then patches: {version, now, set, gone},
// where set maps a path to what stands there now. Paths: service, sources, alerts, boxes/NAME, rooms/ROOM/FIELD,
// rooms/ROOM/sensors/ID, rooms/ROOM/acs/NAME; names are escaped as in an address. A browser that comes back says by itself
// which event it had last, and gets one patch with all that it missed.

// silence is how long the stream may be quiet, ms: the server beats every 5 s.
const silence = 12000;

export const live = { state: null, heard: 0, offset: 0 };

const followers = new Set();

// follow calls back after every change. It returns what ends that.
export function follow(callback) {
  followers.add(callback);
  return () => followers.delete(callback);
}

// now is the server's clock, Unix ms, as well as this browser knows it.
export const now = () => Date.now() + live.offset;

// lost says that the server has not been heard for too long: what is shown is old and nothing may be asked.
export const lost = () => Date.now() - live.heard > silence;

// quietFor is for how long nothing was heard, ms; Infinity if never.
export const quietFor = () => (live.heard === 0 ? Infinity : Date.now() - live.heard);

export function listen() {
  const stream = new EventSource("/api/v1/events");
  stream.addEventListener("state", (event) => {
    live.state = JSON.parse(event.data);
    hear(live.state.now);
  });
  stream.addEventListener("patch", (event) => {
    const patch = JSON.parse(event.data);
    if (live.state) apply(live.state, patch);
    hear(patch.now);
  });
  stream.addEventListener("heartbeat", (event) => hear(JSON.parse(event.data).now));
  stream.onerror = () => {
    // A browser stops for ever when the answer was no stream; start anew.
    if (stream.readyState === EventSource.CLOSED) {
      dispatchEvent(new Event("refused")); // perhaps the session has ended: see app.js
      setTimeout(listen, 2000);
    }
    tell();
  };
}

function hear(serverNow) {
  live.heard = Date.now();
  live.offset = serverNow - live.heard;
  tell();
}

function tell() {
  for (const callback of followers) callback();
}

// apply lays a patch over the state.
export function apply(state, patch) {
  for (const path of patch.gone ?? []) place(state, path, undefined);
  for (const [path, value] of Object.entries(patch.set ?? {})) place(state, path, value);
  state.version = patch.version;
  state.now = patch.now;
}

function place(state, path, value) {
  const [head, name, kind, item] = path.split("/").map(decodeURIComponent);
  if (name === undefined) state[head] = value;
  else if (head === "boxes") put(state.boxes, "name", name, value);
  else {
    const room = state.rooms.find((r) => r.name === name);
    if (!room) return;
    if (item === undefined) room[kind] = value;
    else put(room[kind], kind === "sensors" ? "id" : "name", kind === "sensors" ? Number(item) : item, value);
  }
}

// put replaces, adds or (value undefined) removes one of a list; what is added goes to its place by name.
function put(list, key, name, value) {
  const i = list.findIndex((one) => one[key] === name);
  if (value === undefined) {
    if (i >= 0) list.splice(i, 1);
  } else if (i >= 0) list[i] = value;
  else {
    list.push(value);
    list.sort((a, b) => (a[key] < b[key] ? -1 : 1));
  }
}
