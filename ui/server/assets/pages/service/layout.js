// Where everything of a service's graph stands: one column for each box, functions in it from providers down to consumers,
// and connections as curves through the gaps between the columns. Pure: a graph in, numbers out, the same each time.

// Sizes in pixels.
export const size = { node: 212, gap: 96, head: 44, title: 50, row: 23, foot: 10, pad: 12, space: 14, margin: 40, lane: 16 };

const elsewhere = "\u0000elsewhere", nowhere = "\u0000nowhere";

// layout of a service as GET /api/v1/services/NAME answers: {columns, nodes, edges, width, height}.
export function layout(graph) {
  const nodes = nodesOf(graph);
  const edges = edgesOf(graph, nodes);
  const names = order([...new Set(nodes.map((node) => node.column))].sort(), edges);
  const columns = names.map((name) => ({ name, kind: kind(name), items: nodes.filter((node) => node.column === name) }));
  bridge(columns, edges);
  arrange(columns, edges);
  place(columns);
  const height = Math.max(...columns.map((column) => column.height), 0) + 2 * size.pad;
  connect(edges);
  const width = columns.length === 0 ? 0 : columns.at(-1).x + size.node + 2 * size.pad + size.margin;
  return { columns, nodes, edges, width, height };
}

const kind = (name) => (name === elsewhere ? "elsewhere" : name === nowhere ? "nowhere" : "box");

// nodesOf makes one node for each function on each box, with its replicas there.
function nodesOf(graph) {
  const nodes = new Map();
  const add = (name, column, more) => {
    const id = `${name}@${column}`;
    if (!nodes.has(id)) nodes.set(id, { id, name, column, replicas: [], rows: [], external: "", ...more });
    return nodes.get(id);
  };
  for (const replica of graph.functions ?? []) {
    if (replica.state === "external") add(replica.function, elsewhere, { external: (replica.addresses ?? [])[0] ?? "?" });
    else add(replica.function, replica.box || nowhere).replicas.push(replica);
  }
  const placed = new Set([...nodes.values()].map((node) => node.name));
  for (const wanted of graph.wanted ?? []) {
    if (wanted.external) add(wanted.function, elsewhere, {}).external = wanted.external;
    else if (!placed.has(wanted.function)) add(wanted.function, nowhere);
  }
  const known = new Set([...nodes.values()].map((node) => node.name));
  for (const link of graph.links ?? []) {
    if (!known.has(link.provider)) add(link.provider, elsewhere, { external: link.address });
    if (!known.has(link.consumer)) add(link.consumer, nowhere);
  }
  const away = new Set((graph.boxes ?? []).filter((box) => !box.reachable).map((box) => box.name));
  for (const node of nodes.values()) {
    node.wanted = (graph.wanted ?? []).find((one) => one.function === node.name);
    node.away = away.has(node.column); // what it was last is not what it is
  }
  return [...nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

// edgesOf makes one edge for each node and provider, with the links of all the node's replicas.
function edgesOf(graph, nodes) {
  const edges = new Map();
  for (const link of graph.links ?? []) {
    const from = nodes.find((node) => node.name === link.consumer && node.replicas.some((r) => r.replica === link.replica)) ??
      nodes.find((node) => node.name === link.consumer);
    const to = provider(nodes, link, from);
    if (!from || !to) continue;
    const id = `${from.id}>${to.id}`;
    if (!edges.has(id)) edges.set(id, { id, from, to, links: [], bridges: [] });
    edges.get(id).links.push(link);
  }
  for (const edge of edges.values()) Object.assign(edge, verdict(edge.links), edge.from.away ? { state: "unknown" } : {});
  return [...edges.values()];
}

// provider is the node that a link leads to: the one with its address, else one on the same box, else the first.
function provider(nodes, link, from) {
  const all = nodes.filter((node) => node.name === link.provider);
  return all.find((node) => node.replicas.some((r) => (r.addresses ?? []).includes(link.address))) ??
    all.find((node) => node.column === from?.column) ?? all[0];
}

// verdict sums up links: good, bad or unknown, with the slowest answer in ms and the first fault.
export function verdict(links) {
  const bad = links.filter((link) => link.proven && !link.connected);
  const open = links.filter((link) => !link.proven);
  const state = bad.length > 0 ? "bad" : open.length > 0 ? "unknown" : "good";
  return { state, ms: Math.max(0, ...links.filter((l) => l.connected).map((l) => l.ms)), fault: bad[0]?.fault ?? "", bad: bad.length };
}

// order puts the columns so that connections are short; what runs elsewhere goes to an end when that costs nothing.
function order(names, edges) {
  const cost = (list) => {
    const at = new Map(list.map((name, i) => [name, i]));
    let sum = edges.reduce((all, edge) => all + Math.abs(at.get(edge.from.column) - at.get(edge.to.column)), 0);
    for (const name of [elsewhere, nowhere]) if (at.has(name)) sum += 0.1 * (list.length - 1 - at.get(name));
    return sum;
  };
  if (names.length <= 6) return permutations(names).reduce((best, list) => (cost(list) < cost(best) ? list : best), names);
  let best = [...names];
  for (let round = 0, better = true; better && round < names.length; round++) {
    better = false;
    for (let i = 0; i + 1 < best.length; i++) {
      const next = best.toSpliced(i, 2, best[i + 1], best[i]);
      if (cost(next) < cost(best)) [best, better] = [next, true];
    }
  }
  return best;
}

function permutations(list) {
  if (list.length < 2) return [list];
  return list.flatMap((one, i) => permutations(list.toSpliced(i, 1)).map((rest) => [one, ...rest]));
}

// bridge gives connections that pass a column a lane of their own in it; those to one provider share it.
function bridge(columns, edges) {
  const at = new Map(columns.map((column, i) => [column.name, i]));
  for (const edge of edges) {
    const from = at.get(edge.from.column), to = at.get(edge.to.column), step = Math.sign(to - from);
    edge.step = step;
    for (let i = from + step; step !== 0 && i !== to; i += step) {
      const id = `${edge.to.id}|${step}`;
      let lane = columns[i].items.find((item) => item.lane && item.id === id);
      if (!lane) columns[i].items.push(lane = { id, lane: true, h: size.lane, name: edge.to.name, depth: 0 });
      edge.bridges.push(lane);
    }
  }
}

// arrange sorts each column: providers above consumers first, then each near what it is connected with.
function arrange(columns, edges) {
  const depth = depths(edges);
  const near = new Map();
  const meet = (a, b) => { if (a !== b) near.set(a, [...(near.get(a) ?? []), b]); };
  for (const edge of edges) {
    const path = [edge.from, ...edge.bridges, edge.to];
    for (let i = 0; i + 1 < path.length; i++) { meet(path[i], path[i + 1]); meet(path[i + 1], path[i]); }
  }
  for (const column of columns) {
    for (const item of column.items) {
      item.rows = item.lane ? [] : edges.filter((edge) => edge.from === item);
      if (!item.lane) item.h = size.title + size.row * item.rows.length + (item.rows.length > 0 ? size.foot : 0);
    }
    column.items.sort((a, b) => (depth.get(a.name) ?? 0) - (depth.get(b.name) ?? 0) || (a.id < b.id ? -1 : 1));
  }
  let best = null;
  for (let round = 0; round < 8; round++) {
    place(columns);
    const far = edges.reduce((sum, edge) => sum + [edge.from, ...edge.bridges].reduce((all, item, i) =>
      all + Math.abs(middle(item) - middle([...edge.bridges, edge.to][i])), 0), 0);
    if (best === null || far < best.far - 1) best = { far, lists: columns.map((column) => [...column.items]) };
    for (const column of round % 2 === 0 ? columns : [...columns].reverse()) {
      const want = new Map(column.items.map((item) => {
        const others = (near.get(item) ?? []).filter((other) => !column.items.includes(other));
        return [item, others.length > 0 ? others.reduce((sum, o) => sum + middle(o), 0) / others.length : middle(item)];
      }));
      column.items.sort((a, b) => want.get(a) - want.get(b));
      place(columns);
    }
  }
  columns.forEach((column, i) => { column.items = best.lists[i]; });
}

const middle = (item) => item.y + item.h / 2;

// depths say how long the longest chain of providers below each function is.
function depths(edges) {
  const depth = new Map();
  const of = (name, path) => {
    if (depth.has(name) || path.includes(name)) return depth.get(name) ?? 0;
    const below = edges.filter((edge) => edge.from.name === name && edge.to.name !== name);
    const deep = below.length === 0 ? 0 : 1 + Math.max(...below.map((edge) => of(edge.to.name, [...path, name])));
    depth.set(name, deep);
    return deep;
  };
  for (const edge of edges) { of(edge.from.name, []); of(edge.to.name, []); }
  return depth;
}

function place(columns) {
  columns.forEach((column, i) => {
    column.x = size.margin + i * (size.node + 2 * size.pad + size.gap);
    column.y = size.pad;
    let y = column.y + size.head;
    for (const item of column.items) {
      Object.assign(item, { x: column.x + size.pad, y, w: size.node });
      y += item.h + (item.lane ? size.space / 2 : size.space);
    }
    column.width = size.node + 2 * size.pad;
    column.height = Math.max(y - column.y, size.head + size.title);
  });
}

// connect draws the curves: out of the consumer's row, through its lanes, into the provider's side.
function connect(edges) {
  const enters = new Map();
  for (const edge of edges) {
    const rows = edge.from.rows;
    edge.side = edge.step >= 0 ? "right" : "left";
    const key = `${edge.to.id}|${edge.step > 0 ? "left" : "right"}`;
    enters.set(key, [...(enters.get(key) ?? []), edge]);
    rows.sort((a, b) => a.to.y - b.to.y);
  }
  for (const edge of edges) edge.y1 = edge.from.y + size.title + size.row * (edge.from.rows.indexOf(edge) + 0.5) - 2;
  for (const list of enters.values()) {
    list.sort((a, b) => a.y1 - b.y1);
    list.forEach((edge, i) => { edge.y2 = edge.to.y + 12 + (size.title - 24) * (list.length === 1 ? 0.5 : i / (list.length - 1)); });
  }
  for (const edge of edges) edge.path = path(edge);
}

function path({ from, to, bridges, step, y1, y2 }) {
  const out = step >= 0 ? from.x + from.w : from.x;
  const into = step > 0 ? to.x - 6 : to.x + to.w + 6;
  if (step === 0) {
    const far = out + 26 + Math.min(24, Math.abs(y2 - y1) / 8);
    return `M${out} ${y1}C${far} ${y1} ${far} ${y2} ${into} ${y2}`;
  }
  let d = `M${out} ${y1}`, x = out, y = y1;
  const curve = (nx, ny) => {
    const bend = Math.max(24, Math.abs(nx - x) / 2);
    d += `C${x + step * bend} ${y} ${nx - step * bend} ${ny} ${nx} ${ny}`;
    [x, y] = [nx, ny];
  };
  for (const lane of bridges) {
    curve(step > 0 ? lane.x - size.pad : lane.x + lane.w + size.pad, middle(lane));
    x += step * (lane.w + 2 * size.pad);
    d += `L${x} ${y}`;
  }
  curve(into, y2);
  return d;
}
