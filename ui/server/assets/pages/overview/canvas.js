// The heat as colours on a canvas.
import { rgb } from "./heat.js";

const painted = new WeakMap(); // canvas -> the field it shows

// paint draws a field on a canvas of its size, once for each field. Where no sensor is near it is paler: there it is a guess.
export function paint(canvas, heat) {
  if (painted.get(canvas) === heat) return;
  painted.set(canvas, heat);
  const brush = canvas.getContext("2d");
  const image = brush.createImageData(heat.columns, heat.rows);
  for (let i = 0; i < heat.celsius.length; i++) {
    const [r, g, b] = rgb(heat.celsius[i]);
    image.data.set([r, g, b, Math.round(255 * (0.35 + 0.5 * heat.near[i]))], 4 * i);
  }
  brush.putImageData(image, 0, 0);
}
