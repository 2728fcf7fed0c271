// A small line of values in the flow of text or a table: no axis, only the shape. What is null is a gap.
import { html, svg, nothing } from "./html.js";

const width = 120, height = 28, pad = 2;

// spark draws values, evenly spaced in time, oldest first. label says in words what it shows, for those who do not see it;
// low and high fix the scale (else it is that of the values, at least 1 high, so that noise is no mountain).
export function spark(values, { label, low, high } = {}) {
  const known = values.filter((v) => v !== null && v !== undefined);
  if (known.length === 0) return html`<span class="spark none quiet" aria-label=${label ?? nothing}>–</span>`;
  const { path, dots } = sparkPath(values, scale(known, low, high));
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" width=${width} height=${height} preserveAspectRatio="none" role="img" aria-label=${label ?? ""}>
    ${svg`<path d=${path} fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" stroke-linejoin="round" />
    ${dots.map(([x, y]) => svg`<circle cx=${x} cy=${y} r="1.4" fill="currentColor" />`)}`}</svg>`;
}

function scale(known, low, high) {
  let least = low ?? Math.min(...known), most = high ?? Math.max(...known);
  if (most - least < 1 && (low === undefined || high === undefined)) {
    const middle = (most + least) / 2;
    [least, most] = [low ?? middle - 0.5, high ?? middle + 0.5];
  }
  return { least, most: most > least ? most : least + 1 };
}

// sparkPath is the path of values, and a dot for each that stands alone between gaps.
function sparkPath(values, { least, most }) {
  const step = (width - 2 * pad) / Math.max(values.length - 1, 1);
  const there = (i) => values[i] !== null && values[i] !== undefined;
  const at = (i) => [
    Math.round((pad + i * step) * 10) / 10,
    Math.round((height - pad - ((Math.min(most, Math.max(least, values[i])) - least) / (most - least)) * (height - 2 * pad)) * 10) / 10,
  ];
  let path = "";
  const dots = [];
  for (let i = 0; i < values.length; i++) {
    if (!there(i)) continue;
    const begins = i === 0 || !there(i - 1);
    if (begins && (i === values.length - 1 || !there(i + 1))) dots.push(at(i));
    else path += `${begins ? "M" : "L"}${at(i).join(",")}`;
  }
  return { path, dots };
}
