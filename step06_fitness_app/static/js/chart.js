// Heart rate and power over time, drawn by uPlot (static/vendor, the global uPlot) at most once a
// frame, in the tokens of look.css. What it is given are rows [t, heart rate, cadence, power, distance].

const MOST = 20_000; // rows; beyond, every second one of the older half goes
const SHORT = 300; // seconds of the short window
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

export class Chart {
  isShort = false; // the last minutes only
  rows = [];
  #box; // has a height of its own: nothing below moves
  #plot = null;
  #due = false;

  constructor(box) {
    this.#box = box;
    this.#build();
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(box);
    // The canvas knows no CSS variables: another scheme is another chart.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
  }

  get last() {
    return this.rows.at(-1)?.[0] ?? -1;
  }

  // A row may come twice: from here when it is measured, and from the server to everybody. What was
  // measured at one time may come in two.
  add(row) {
    if (row[0] < this.last) return false;
    if (row[0] === this.last) this.rows[this.rows.length - 1] = this.rows.at(-1).map((value, at) => value ?? row[at]);
    else this.rows.push(row);
    if (this.rows.length > MOST) this.rows = this.rows.filter((_, at) => at % 2 || at > MOST / 2);
    this.draw();
    return true;
  }

  replace(rows) {
    this.rows = [...rows];
    this.draw();
  }

  // However many rows came: one drawing a frame.
  draw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#plot.setData(this.#data());
    });
  }

  #data() {
    return [0, 1, 3].map((column) => this.rows.map((row) => row[column]));
  }

  #size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  #build() {
    this.#plot?.destroy();
    const [text, line, heart, power] = ["--quiet", "--line", "--accent", "--warn"].map(token);
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const font = "13px system-ui, sans-serif";
    this.#plot = new uPlot(
      {
        ...this.#size(),
        legend: { show: false }, // the page has its own, that does not move
        cursor: { show: false },
        padding: [12, 4, 0, 4],
        scales: {
          x: { time: false, range: (_, least, most) => this.#window(most ?? 0) },
          bpm: { range: (_, least, most) => [40, Math.max(180, 20 * Math.ceil((most ?? 0) / 20))] },
          W: { range: (_, least, most) => [0, Math.max(200, 100 * Math.ceil((most ?? 0) / 100))] },
        },
        series: [
          {},
          { scale: "bpm", stroke: heart, width: 2, spanGaps: true, points: { show: false } },
          { scale: "W", stroke: power, width: 1, dash: [5, 3], spanGaps: true, points: { show: false } },
        ],
        axes: [
          { ...axis, font, size: 32, values: (_, marks) => marks.map(minutes), incrs: [10, 30, 60, 120, 300, 600, 1800, 3600] },
          { ...axis, font, scale: "bpm", size: 40 },
          { ...axis, font, scale: "W", side: 1, size: 44, grid: { show: false } },
        ],
      },
      this.#data(),
      this.#box,
    );
  }

  #window(most) {
    return this.isShort ? [Math.max(0, most - SHORT), Math.max(most, SHORT)] : [0, Math.max(most, 60)];
  }
}
