// The last hour of a room as stored: inlet temperature and setpoints.
import { svg } from "./dom.js";

const stored = new Map(); // room name -> answer of /history

export async function refreshCharts(snapshot) {
  await Promise.all(snapshot.rooms.map(async (room) => {
    try {
      const answer = await fetch(`/api/v1/rooms/${encodeURIComponent(room.name)}/history?minutes=60`);
      stored.set(room.name, answer.ok ? await answer.json() : null);
    } catch {
      stored.set(room.name, null);
    }
  }));
}

const height = 180, pad = 40;

export function chart(room) {
  const data = stored.get(room.name);
  // As wide as the section, so that its text keeps its size.
  const width = Math.max(300, document.getElementById("rooms").clientWidth - 36);
  const root = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `last hour of ${room.title}: inlet and setpoints` });
  const lines = data ? [data.inlet ?? [], ...Object.values(data.setpoints).map((points) => points ?? [])] : [];
  const values = lines.flat().map((point) => point.value);
  if (values.length === 0) {
    root.append(svg("text", { x: pad, y: height / 2 }, data === null ? "the history does not answer" : "the last hour appears here as it is stored"));
    return root;
  }
  const low = Math.floor(Math.min(...values, room.policy.band_low) - 1), high = Math.ceil(Math.max(...values, room.policy.band_high) + 1);
  const x = (at) => pad + ((at - data.from) / (data.to - data.from)) * (width - pad);
  const y = (value) => height - 18 - ((value - low) / (high - low)) * (height - 26);
  root.append(svg("rect", { class: "band", x: pad, width: width - pad, y: y(room.policy.band_high), height: y(room.policy.band_low) - y(room.policy.band_high) }));
  for (let value = low; value <= high; value += Math.max(1, Math.round((high - low) / 5))) {
    root.append(svg("line", { class: "gridline", x1: pad, x2: width, y1: y(value), y2: y(value) }), svg("text", { x: 0, y: y(value) + 4 }, `${value} °C`));
  }
  for (let minute = 60; minute >= 0; minute -= width < 500 ? 30 : 15) {
    root.append(svg("text", { x: Math.min(width - 30, x(data.to - minute * 60000)), y: height - 2 }, minute === 0 ? "now" : `-${minute} min`));
  }
  lines.slice(1).forEach((points) => root.append(svg("path", { class: "line-set", d: path(points, x, y, true) })));
  root.append(svg("path", { class: "line-inlet", d: path(lines[0], x, y, false) }));
  return root;
}

// path draws steps for what holds until it changes, and breaks where nothing was stored for 2 minutes.
function path(points, x, y, steps) {
  let d = "";
  points.forEach((point, i) => {
    const broken = i === 0 || (!steps && point.at - points[i - 1].at > 120000);
    if (broken) d += `M${x(point.at)},${y(point.value)}`;
    else d += steps ? `H${x(point.at)}V${y(point.value)}` : `L${x(point.at)},${y(point.value)}`;
  });
  return d;
}
