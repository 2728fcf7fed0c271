// What pages draw with, in one place: lit-html's templates and directives.
export { html, svg, render, nothing } from "../lib/lit/lit-html.js";
export { repeat } from "../lib/lit/directives/repeat.js";
export { live } from "../lib/lit/directives/live.js";
export { classMap } from "../lib/lit/directives/class-map.js";
export { ref, createRef } from "../lib/lit/directives/ref.js";
export { keyed } from "../lib/lit/directives/keyed.js";
