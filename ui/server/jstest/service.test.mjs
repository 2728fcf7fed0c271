// The service page's pure module: where functions and their connections stand.
import assert from "node:assert/strict";
import test from "node:test";
import { layout, size, verdict } from "../assets/pages/service/layout.js";

const replica = (name, box, n = 1, more = {}) => ({ function: name, replica: n, box, state: "healthy", ...more });
const link = (consumer, provider, more = {}) => ({ consumer, replica: 1, provider, address: `${provider}:1`, proven: true, connected: true, ms: 1, ...more });

const shop = {
  functions: [replica("web", "a"), replica("db", "b"), replica("queue", "c"), replica("mail", "", 1, { state: "external", addresses: ["mx:25"] })],
  links: [link("web", "db", { ms: 3 }), link("web", "queue"), link("queue", "db"), link("web", "mail")],
  wanted: [{ function: "web", replicas: 1 }, { function: "mail", external: "mx:25", replicas: 1 }, { function: "extra", replicas: 1 }],
};

const overlap = (a, b) => a.y < b.y + b.h && b.y < a.y + a.h;

test("every function stands once on its box, and nothing on anything else", () => {
  const { columns, nodes, edges, width, height } = layout(shop);
  assert.deepEqual(nodes.map((n) => n.name).sort(), ["db", "extra", "mail", "queue", "web"]);
  assert.equal(columns.filter((c) => c.kind === "elsewhere").length, 1);
  assert.equal(columns.find((c) => c.kind === "nowhere").items.find((i) => !i.lane).name, "extra", "what is wanted and not placed is shown");
  for (const column of columns) {
    assert.ok(column.x >= 0 && column.x + column.width <= width && column.y + column.height <= height);
    column.items.forEach((a, i) => column.items.slice(i + 1).forEach((b) => assert.ok(!overlap(a, b), `${a.name} and ${b.name}`)));
  }
  assert.equal(edges.length, 4);
  for (const edge of edges) assert.ok(!/NaN|undefined/.test(edge.path), edge.path);
});

test("a connection that passes a box has a lane there", () => {
  const { columns, edges } = layout({
    functions: [replica("x", "a"), replica("y", "b"), replica("z", "c")],
    links: [link("x", "y"), link("y", "z"), link("x", "z")],
  });
  const at = (name) => columns.findIndex((c) => c.name === name);
  for (const edge of edges) assert.equal(edge.bridges.length, Math.max(0, Math.abs(at(edge.from.column) - at(edge.to.column)) - 1));
  assert.equal(edges.filter((e) => e.bridges.length > 0).length, 1);
});

test("columns stand so that connections are short", () => {
  const { columns } = layout({ functions: [replica("p", "b"), replica("c1", "a"), replica("c2", "c")], links: [link("c1", "p"), link("c2", "p")] });
  assert.equal(columns[1].name, "b");
});

test("replicas on one box are one node, and the worst of their connections counts", () => {
  const { nodes, edges } = layout({
    functions: [replica("web", "a", 1), replica("web", "a", 2), replica("web", "b", 3), replica("db", "b")],
    links: [link("web", "db"), link("web", "db", { replica: 2, connected: false, fault: "refused", ms: 0 }), link("web", "db", { replica: 3, proven: false, connected: false })],
  });
  assert.deepEqual(nodes.filter((n) => n.name === "web").map((n) => n.replicas.length), [2, 1]);
  assert.deepEqual(edges.map((e) => [e.from.column, e.state, e.fault]), [["a", "bad", "refused"], ["b", "unknown", ""]]);
  assert.equal(verdict([link("a", "b", { ms: 2 }), link("a", "b", { ms: 5 })]).ms, 5);
});

test("a hundred functions on twenty boxes that use each other in circles are laid out at once", () => {
  const functions = [], links = [];
  for (let i = 0; i < 100; i++) {
    functions.push(replica(`f${i}`, `box-${i % 20}`));
    for (const by of [1, 7, 31]) links.push(link(`f${i}`, `f${(i + by) % 100}`));
  }
  const begun = performance.now();
  const made = layout({ functions, links });
  assert.ok(performance.now() - begun < 3000, `${performance.now() - begun} ms`);
  assert.equal(made.edges.length, 300);
  assert.ok(made.edges.every((e) => !e.path.includes("NaN")));
});

test("what runs on a box that does not answer is not known", () => {
  const { nodes, edges } = layout({ ...shop, boxes: [{ name: "a", reachable: false }, { name: "b", reachable: true }] });
  assert.equal(nodes.find((n) => n.name === "web").away, true);
  assert.equal(nodes.find((n) => n.name === "db").away, false);
  assert.deepEqual(edges.filter((e) => e.from.name === "web").map((e) => e.state), ["unknown", "unknown", "unknown"]);
});

test("an empty service is an empty picture", () => {
  assert.deepEqual(layout({}).nodes, []);
  assert.equal(layout({}).width, 0);
});
