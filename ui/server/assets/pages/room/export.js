// The shown range as CSV: the browser saves it as it streams.
import { html } from "../../core/html.js";
import { t } from "../../core/i18n.js";

const tables = ["temp", "power", "commands", "acks", "alerts", "answers"];
const chosen = { table: "temp", every: "raw" };

// exporter draws the choice; range gives what the chart shows now.
export function exporter(room, range) {
  const events = !["temp", "power"].includes(chosen.table);
  const save = () => {
    const { from, to } = range() ?? { from: Date.now() - 3600000, to: Date.now() };
    const query = new URLSearchParams({ table: chosen.table, every: events ? "raw" : chosen.every, from: Math.floor(from), to: Math.floor(to) });
    const link = document.createElement("a");
    link.href = `/api/v1/rooms/${encodeURIComponent(room.name)}/export.csv?${query}`;
    link.download = "";
    link.click();
  };
  return html`<form class="row room-export" @submit=${(e) => { e.preventDefault(); save(); }}>
    <label>${t("room.table")}<select @change=${(e) => { chosen.table = e.target.value; }}>${tables.map((name) => html`<option value=${name} ?selected=${name === chosen.table}>${t(`room.table_${name}`)}</option>`)}</select></label>
    <label>${t("room.every")}<select @change=${(e) => { chosen.every = e.target.value; }}>${["raw", "1m", "1h"].map((every) => html`<option value=${every} ?selected=${every === chosen.every}>${t(`room.every_${every}`)}</option>`)}</select></label>
    <button>⇩ ${t("room.export")}</button>
  </form>`;
}
