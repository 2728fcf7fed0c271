// Marks on a map that must not lie on each other. Pure.

// spread moves marks [{x, y, w, h}] (middle and size, in px) apart and keeps them inside width × height. It answers with
// the same marks in the same order, each with cx and cy, where its middle is put. The same marks always land alike.
export function spread(marks, width, height, gap = 4) {
  const out = marks.map((m) => ({ ...m, cx: m.x, cy: m.y }));
  const inside = (m) => {
    m.cx = Math.min(Math.max(m.cx, m.w / 2), Math.max(m.w / 2, width - m.w / 2));
    m.cy = Math.min(Math.max(m.cy, m.h / 2), Math.max(m.h / 2, height - m.h / 2));
  };
  out.forEach(inside);
  for (let turn = 0; turn < 120; turn++) {
    let moved = false;
    for (let i = 0; i < out.length; i++) {
      for (let k = i + 1; k < out.length; k++) moved = part(out[i], out[k], gap) || moved;
    }
    out.forEach(inside);
    if (!moved) break;
  }
  return out;
}

// part pushes two marks apart along the way that is shorter, half each.
function part(a, b, gap) {
  const dx = b.cx - a.cx, dy = b.cy - a.cy;
  const overX = (a.w + b.w) / 2 + gap - Math.abs(dx), overY = (a.h + b.h) / 2 + gap - Math.abs(dy);
  if (overX <= 0.01 || overY <= 0.01) return false;
  if (overY <= overX) {
    const by = (overY / 2) * (dy < 0 || (dy === 0 && a.y > b.y) ? -1 : 1);
    a.cy -= by; b.cy += by;
  } else {
    const by = (overX / 2) * (dx < 0 ? -1 : 1);
    a.cx -= by; b.cx += by;
  }
  return true;
}
