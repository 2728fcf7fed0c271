// Numbers and times as people read them, in their language.
import { lang, t } from "./i18n.js";

// number with a fixed count of digits; a dash for what is not known.
export const number = (value, digits = 1) =>
  value === null || value === undefined || Number.isNaN(value) ? "–" :
    new Intl.NumberFormat(lang(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

export const celsius = (value, digits = 1) => (value === null || value === undefined ? "–" : `${number(value, digits)} °C`);
export const percent = (value, digits = 0) => (value === null || value === undefined ? "–" : `${number(value, digits)} %`);

// watts and kilowatts; watt-hours and kilowatt-hours.
export const watts = (w) => (w === null || w === undefined ? "–" : w >= 1000 ? `${number(w / 1000, 2)} kW` : `${number(w, 0)} W`);
export const energy = (wh) => (wh === null || wh === undefined ? "–" : Math.abs(wh) >= 1000 ? `${number(wh / 1000, 1)} kWh` : `${number(wh, 0)} Wh`);

// bytes in binary units.
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return `${number(n, i === 0 || n >= 100 ? 0 : 1)} ${units[i]}`;
}

// span is a length of time in its two largest units: 1 h 5 min.
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return t("time.s", { s });
  const min = Math.floor(s / 60);
  if (min < 60) return min < 10 && s % 60 ? t("time.min_s", { min, s: s % 60 }) : t("time.min", { min });
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? t("time.h_min", { h, min: min % 60 }) : t("time.h", { h });
  return t("time.d", { d: Math.round(h / 24) });
}

// ago says how old something is.
export const ago = (ms) => (ms < 1500 ? t("time.now") : t("time.ago", { span: span(ms) }));

// countdown is m:ss or h:mm:ss until something.
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

export const clock = (ms, seconds = true) =>
  new Date(ms).toLocaleTimeString(lang(), { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23" });
export const day = (ms) => new Date(ms).toLocaleDateString(lang(), { year: "numeric", month: "short", day: "numeric" });
export const moment = (ms) => `${day(ms)} ${clock(ms, false)}`;
