// How people move through time: wheel, pinch, one finger, and keys. uPlot itself does the drag of a mouse.

// moves listens on an element over a plot. chart has view(), zoomBy(factor, part), panBy(part), back(), follow() and hint().
export function moves(over, chart) {
  const fingers = new Map();
  const part = (x) => { const box = over.getBoundingClientRect(); return (x - box.left) / Math.max(box.width, 1); };
  over.addEventListener("wheel", (event) => {
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      chart.panBy(event.deltaX / over.clientWidth);
    } else if (event.ctrlKey || event.metaKey || chart.contains(document.activeElement)) {
      event.preventDefault();
      chart.zoomBy(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) * 0.004), part(event.clientX));
    } else chart.hint(); // the page scrolls, as it does everywhere else
  }, { passive: false });

  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event.clientX);
    over.setPointerCapture(event.pointerId);
  });
  const lift = (event) => fingers.delete(event.pointerId);
  over.addEventListener("pointerup", lift);
  over.addEventListener("pointercancel", lift);
  over.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    fingers.set(event.pointerId, event.clientX);
    const after = [...fingers.values()];
    if (before.length === 1) chart.panBy((before[0] - after[0]) / over.clientWidth);
    if (before.length === 2) {
      const wide = (two) => Math.max(Math.abs(two[0] - two[1]), 12), middle = (two) => (two[0] + two[1]) / 2;
      chart.panBy((middle(before) - middle(after)) / over.clientWidth);
      chart.zoomBy(wide(before) / wide(after), part(middle(after)));
    }
  });
  over.addEventListener("dblclick", () => chart.back());
}

// key acts on a key and says whether it was one of ours.
export function key(event, chart) {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  switch (event.key) {
    case "ArrowLeft": chart.panBy(-0.2); return true;
    case "ArrowRight": chart.panBy(0.2); return true;
    case "+": case "=": chart.zoomBy(0.5, 0.5); return true;
    case "-": case "_": chart.zoomBy(2, 0.5); return true;
    case "Home": chart.back(); return true;
    case "End": chart.follow(); return true;
  }
  return false;
}
