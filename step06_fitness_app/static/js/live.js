// A running workout as it comes: what the owner's page (own.js) and a watcher's (watch.js) share.

import { Chart } from "./chart.js";
import { showMinutes } from "./minutes.js";
import { byId, clock, part, sentence, socketTo } from "./page.js";
import { showStatus } from "./status.js";

const MEASURES = ["time", "heart_rate", "cadence", "power", "distance"]; // as in a row
const QUIET = 15_000; // ms without a figure: say so
const SEEN = 100; // updates: the server wants to know that they arrive

const rowOf = (sample) => MEASURES.map((measure) => sample[measure] ?? null);

// 45 → 45 s, 2262 → 38 min, 4000 → 1 h 7 min
function minutesOf(seconds) {
  const whole = Math.round(seconds);
  const minutes = Math.round(whole / 60);
  const rest = `${minutes % 60} min`;
  if (whole < 60) return `${whole} s`;
  return minutes < 60 ? rest : `${Math.floor(minutes / 60)} h ${rest}`;
}

export function describe(totals) {
  const { duration_seconds, heart_rate_mean, power_mean, distance_m, repetitions, volume_kg } = totals;
  const parts = [
    minutesOf(duration_seconds),
    heart_rate_mean && `${Math.round(heart_rate_mean)} bpm on average`,
    power_mean && `${Math.round(power_mean)} W on average`,
    distance_m && `${(distance_m / 1000).toFixed(2)} km`,
    repetitions && `${repetitions} repetition${repetitions === 1 ? "" : "s"}`,
    volume_kg && `${Math.round(volume_kg)} kg lifted`,
  ];
  return parts.filter(Boolean).join(", ");
}

export class Live {
  workout = null;
  isKnown = false; // the server has said, on this connection, how it is
  finished = null; // the totals of the one that ended here
  chart = new Chart(byId("chart"));
  #owner = byId("board").dataset; // their id and username
  #frames;
  #words;
  #why = null; // the server's reason for closing
  #shown = []; // the newest of each measure
  #due = false;
  #unsaid = 0; // updates that came since we said `seen`
  #heardAt = performance.now();
  #clock = { elapsed: 0, time: 0, at: 0, t: 0 }; // of the last state: its clocks, ours, the newest sample's

  // `words`: what to say of each state; `frames`: what this page does besides with a frame.
  constructor({ words, frames = {} }) {
    [this.#words, this.#frames] = [words, frames];
    this.socket = socketTo(`/ws/workout/${this.#owner.id}/`);
    this.socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      this.#own[frame.type]?.(frame);
      if (frame.type === "workout_update" && ++this.#unsaid === SEEN) this.#seen();
      this.#frames[frame.type]?.(frame);
      this.say();
    });
    this.socket.addEventListener("state", () => {
      [this.isKnown, this.#unsaid] = [false, 0];
      if (this.socket.state === "open") this.#why = null;
      this.say();
    });
    showMinutes(() => this.chart.rows);
    for (const button of document.querySelectorAll("[data-window]"))
      button.addEventListener("click", () => this.#choose(button));
    setInterval(() => this.#second(), 1000);
  }

  open() {
    showStatus(this.socket, byId("status"), byId("now"));
    this.socket.open();
  }

  #seen() {
    this.send("seen", { frames: this.#unsaid });
    this.#unsaid = 0;
  }

  send(type, fields = {}, id = null) {
    return this.socket.send(JSON.stringify({ type, ...fields }), id);
  }

  // One sample, from here or from the server; of two with one time the first counts.
  take(sample) {
    const row = rowOf(sample);
    if (!this.chart.add(row)) return;
    this.#heardAt = performance.now();
    this.#keep(row);
  }

  say() {
    const { state } = this.socket;
    const { username } = this.#owner;
    let says;
    if (state === "closed") says = sentence(this.#why ?? "the connection is closed");
    else if (state !== "open" && this.workout) says = "Not connected: this is how it was last.";
    else if (state !== "open" || !this.isKnown) says = "Connecting …";
    else if (this.workout) says = `${this.#words[this.workout.state](username)}${this.#quiet}`;
    else if (this.finished) says = `Finished: ${describe(this.finished.totals)}.`;
    else says = this.#words.none(username);
    if (byId("says").textContent !== says) byId("says").textContent = says;
  }

  #own = {
    workout_state: ({ workout, sets, samples }) => {
      const isOther = workout?.id !== this.workout?.id;
      if (workout || !this.finished) this.chart.replace(this.#with(samples, isOther));
      [this.workout, this.isKnown] = [workout, true];
      if (workout) this.finished = null;
      if (isOther && !this.finished) this.#shown = [];
      for (const row of samples) this.#keep(row);
      if (workout || !this.finished) this.#replaceSets(sets);
      if (workout) this.#set(workout.elapsed_seconds, workout.time, workout.saved_up_to);
      else if (!this.finished) this.#set(0);
      this.#show();
    },
    workout_update: (update) => {
      if (update.exercise === undefined || update.exercise === null) this.take(update);
      else this.#addSet(update);
    },
    workout_finished: (finished) => {
      this.finished = finished;
      this.workout = null;
      this.#set(finished.totals.duration_seconds);
      this.#show();
    },
    closing: ({ reason }) => {
      this.#why = reason;
    },
  };

  // What the server has stored, and what came here since.
  #with(samples, isOther) {
    const stored = samples.at(-1)?.[0] ?? -1;
    return isOther ? samples : [...samples, ...this.chart.rows.filter(([t]) => t > stored)];
  }

  // Seconds since the beginning, pauses too, by the server's clock.
  get now() {
    return this.#clock.time + (performance.now() - this.#clock.at) / 1000;
  }

  // `elapsed` is that of the server's clock or of the newest stored sample, whichever is later. What
  // is shown and not stored yet is ahead of both.
  #set(elapsed, time = 0, stored = null) {
    const counted = Math.max(time, stored ?? 0);
    const ahead = this.workout?.state === "running" ? Math.max(0, this.chart.last - counted) : 0;
    this.#clock = { elapsed: elapsed + ahead, time, at: performance.now(), t: counted + ahead };
  }

  get #elapsed() {
    const { elapsed, at, t } = this.#clock;
    if (this.workout?.state !== "running") return elapsed;
    // A recording that is played faster is ahead of the clock on the wall.
    return elapsed + Math.max((performance.now() - at) / 1000, this.chart.last - t);
  }

  #keep(row) {
    row.forEach((value, measure) => {
      if (value !== null) this.#shown[measure] = value;
    });
    this.#show();
  }

  // --8<-- [start:show]
  // However many came, they are written once a frame, into places whose size does not change.
  #show() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      for (const place of document.querySelectorAll("[data-measure]")) {
        const value = this.#shown[MEASURES.indexOf(place.dataset.measure)];
        const words = value === undefined ? "–" : String(Math.round(value));
        if (place.textContent !== words) place.textContent = words;
      }
      this.#second();
    });
  }
  // --8<-- [end:show]

  #second() {
    byId("time").textContent = clock(this.#elapsed);
    this.say();
  }

  get #quiet() {
    const isQuiet = this.workout.state === "running" && performance.now() - this.#heardAt > QUIET;
    return isQuiet && this.chart.rows.length ? ` Nothing was measured since ${clock(this.chart.last)}.` : "";
  }

  #choose(chosen) {
    for (const button of document.querySelectorAll("[data-window]")) button.ariaPressed = String(button === chosen);
    this.chart.isShort = chosen.dataset.window === "short";
    this.chart.draw();
  }

  #replaceSets(sets) {
    for (const old of document.querySelectorAll("#sets [data-number]")) old.remove();
    for (const one of sets) this.#addSet(one);
    byId("no-sets").hidden = byId("sets").rows.length > 0;
  }

  #addSet({ number, exercise, sets, reps, weight }) {
    if (document.querySelector(`#sets [data-number="${number}"]`)) return;
    const row = part("tr");
    row.dataset.number = number;
    row.append(...[exercise, `${sets} × ${reps}`, `${weight} kg`].map((text) => part("td", text)));
    byId("sets").append(row);
    byId("no-sets").hidden = true;
  }
}
