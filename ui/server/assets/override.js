// The override dialog and its calls. The page changes nothing by itself: what it shows after an override is
// what the workflow says then.
const byId = (id) => document.getElementById(id);

let target = null; // { room, ac } while the dialog is open

export function askOverride(room, ac, setpoint, limits) {
  target = { room: room.name, ac: ac.name };
  byId("o-ac").textContent = ac.name;
  byId("o-limits").textContent = `Allowed here: ${limits.least} to ${limits.most} °C. Now desired: ${ac.desired} °C.`;
  const input = byId("o-setpoint");
  input.min = limits.least; input.max = limits.most; input.value = setpoint;
  byId("o-who").value = localStorage.getItem("who") ?? "";
  byId("o-why").value = "";
  byId("o-error").textContent = "";
  byId("override").showModal();
}

async function send(event) {
  event.preventDefault();
  const body = {
    ac: target.ac, setpoint: Number(byId("o-setpoint").value), for: byId("o-for").value,
    who: byId("o-who").value, why: byId("o-why").value, id: newID(),
  };
  localStorage.setItem("who", body.who);
  byId("o-send").disabled = true;
  const fault = await call("POST", `/api/v1/rooms/${encodeURIComponent(target.room)}/overrides`, body);
  byId("o-send").disabled = false;
  if (fault) byId("o-error").textContent = fault;
  else byId("override").close();
}

// newID works on plain http too, where crypto.randomUUID does not exist.
function newID() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export async function clearOverride(room, override) {
  const who = localStorage.getItem("who") ?? "";
  const fault = await call("DELETE", `/api/v1/rooms/${encodeURIComponent(room.name)}/overrides/${encodeURIComponent(override.id)}?who=${encodeURIComponent(who)}`);
  if (fault) window.alert(fault);
}

// call answers with a sentence when something went wrong, else with nothing.
async function call(method, url, body) {
  try {
    const answer = await fetch(url, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
    if (answer.ok) return "";
    return (await answer.json()).detail ?? answer.statusText;
  } catch {
    return "The Control Room does not answer; nothing was changed as far as this page knows.";
  }
}

byId("override").querySelector("form").addEventListener("submit", send);
byId("o-cancel").addEventListener("click", () => byId("override").close());
