// What the page People shows, asked from the server: all at the beginning, again after each change and each half minute.
import { get } from "../../core/api.js";

const every = 30000; // ms

export const lists = {
  users: null, tokens: null, sessions: null, audit: null, // null: not known yet
  next: "", // where the audit goes on
  fault: "",
  begin, need, load, more,
};

let redraw = () => {};
let asked = false;
let timer = 0;

// begin is called when the page is shown; it returns what ends it.
function begin(draw) {
  redraw = draw;
  asked = false;
  timer = setInterval(() => asked && load(), every);
  return () => clearInterval(timer);
}

// need loads once it is known that this person may see.
function need() {
  if (asked) return;
  asked = true;
  load();
}

async function all(path) {
  const items = [];
  let next = "";
  do {
    const page = await get(`${path}?limit=500${next ? `&after=${encodeURIComponent(next)}` : ""}`);
    items.push(...page.items);
    next = page.next;
  } while (next);
  return items;
}

// load asks for everything anew. What the audit had beyond its first page stays where it was.
async function load() {
  try {
    const [users, tokens, sessions, audit] = await Promise.all([all("/users"), all("/tokens"), all("/sessions"), get("/audit?limit=50")]);
    Object.assign(lists, { users, tokens, sessions, fault: "" });
    const known = new Set((lists.audit ?? []).map((line) => line.key));
    const fresh = audit.items.filter((line) => !known.has(line.key));
    if (lists.audit === null || fresh.length === audit.items.length) Object.assign(lists, { audit: audit.items, next: audit.next ?? "" });
    else lists.audit = [...fresh, ...lists.audit];
  } catch (err) {
    lists.fault = err.message;
  }
  redraw();
}

// more loads the next page of the audit.
async function more() {
  try {
    const page = await get(`/audit?limit=100&after=${encodeURIComponent(lists.next)}`);
    Object.assign(lists, { audit: [...lists.audit, ...page.items], next: page.next ?? "", fault: "" });
  } catch (err) {
    lists.fault = err.message;
  }
  redraw();
}
