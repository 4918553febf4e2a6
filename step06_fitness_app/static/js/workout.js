// A finished workout: its chart, and the same as a table.

import { Chart } from "./chart.js";
import { showMinutes } from "./minutes.js";
import { byId } from "./page.js";

const chart = new Chart(byId("chart"));
chart.replace(JSON.parse(byId("rows").textContent));
showMinutes(() => chart.rows);
