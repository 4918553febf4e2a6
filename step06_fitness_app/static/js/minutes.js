// The chart as a table, minute by minute: for who does not see it, and for who wants figures. Made
// when it is opened, and again every ten seconds while it is open.

import { byId, clock, part } from "./page.js";

const AGAIN = 10_000; // ms
const MEASURES = [1, 3, 2]; // of a row: heart rate, power, cadence

export function showMinutes(rows) {
  const details = byId("minutes");
  const body = details.querySelector("tbody");
  const show = () => {
    if (!details.open) return;
    const minutes = Map.groupBy(rows(), ([t]) => Math.floor(t / 60));
    body.replaceChildren(...[...minutes].map(([minute, inIt]) => line(minute, inIt)));
    byId("no-minutes").hidden = minutes.size > 0;
  };
  details.addEventListener("toggle", show);
  setInterval(show, AGAIN);
}

function line(minute, rows) {
  const row = part("tr");
  row.append(part("th", clock(60 * minute)), ...MEASURES.map((column) => part("td", mean(rows, column))));
  row.firstChild.scope = "row";
  return row;
}

function mean(rows, column) {
  const values = rows.map((row) => row[column]).filter((value) => value !== null);
  return values.length ? Math.round(values.reduce((sum, value) => sum + value, 0) / values.length) : "–";
}
