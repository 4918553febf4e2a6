// One's own workout: begin, pause, finish, and a recording in the place of a sensor. What was
// entered or measured and is not stored yet is kept, here and over a reload.

import { Live } from "./live.js";
import { byId, problem } from "./page.js";
import { Player } from "./player.js";
import { newId, Sets } from "./sets.js";
import { Unsaved } from "./unsaved.js";

const KEY = `live ${byId("me").textContent}`;
const AGAIN = 15_000; // ms until Finish is tried again: five that are too fast end a connection
const A_WEEK = 7 * 24 * 3600; // seconds: the server takes no sample of later than that
let starting = null; // the client_id of a start that is on its way
let isFinishing = false; // until it is finished, or refused for good
let asked = null; // pause, resume or finish, not answered yet: they have no id
let retry = null; // a timer
let base = 0; // the time of a sample, less its place in the recording

const unsaved = new Unsaved((sample) => live.send("workout_update", sample));
const player = new Player((row) => (row ? measure(row) : ended()));
const sets = new Sets({
  workout: () => live.workout?.id,
  send: (set, id) => live.send("workout_update", set, id),
  forget: (id) => live.socket.acknowledge(id),
  changed: () => show(),
});

const live = new Live({
  words: {
    running: () => "Your workout runs.",
    paused: () => "Your workout is paused.",
    none: () => "No workout runs. Start one: who may see it can watch it live.",
  },
  frames: {
    workout_state({ workout }) {
      if (!workout || asked !== "workout_finish") answered();
      if (workout?.id !== unsaved.workout) {
        forgetSamples();
        isFinishing = false; // that one is finished, and this one was not meant
      }
      unsaved.workout = workout?.id;
      for (const sample of unsaved.samples) live.take(sample);
      if (workout) unsaved.start();
      if (workout?.state !== "running") player.pause();
      if (!workout) sets.refused("no workout runs");
      show();
    },
    saved({ up_to }) {
      unsaved.saved(up_to);
      show();
    },
    ack({ client_id }) {
      live.socket.acknowledge(client_id);
      if (client_id === starting) starting = null;
      sets.stored(client_id);
      problem("");
      show();
    },
    error({ code, detail }) {
      if (code === "too_fast") {
        live.socket.slowDown();
        unsaved.stop();
        // The server did not say which it left out.
        setTimeout(() => live.isKnown && unsaved.start(), 3_000);
        return leftOut(detail);
      }
      if (code === "not_saved") {
        problem(detail); // samples, and they are kept: a change comes after them
        return leftOut(detail);
      }
      if (starting) live.socket.acknowledge(starting);
      [starting, isFinishing] = [null, false];
      answered();
      if (sets.waiting) sets.refused(detail);
      else {
        if (code === "invalid_message") unsaved.clear(); // it would be, each time they are sent
        problem(`not done: ${detail}`);
      }
      show();
    },
    workout_finished({ workout_id }) {
      unsaved.clear();
      player.rewind();
      if (isFinishing) problem("");
      isFinishing = false;
      answered();
      byId("finished").hidden = false;
      byId("finished-link").href = `/workouts/${workout_id}/`;
      show();
    },
  },
});

// What can be done now, and what is not stored yet.
function show() {
  const { state } = live.workout ?? {};
  const isOpen = live.socket.state === "open" && live.isKnown;
  if (isOpen) [byId("begin").hidden, byId("run").hidden] = [Boolean(state), !state];
  byId("start-button").disabled = !isOpen || starting !== null;
  byId("pause").disabled = byId("finish").disabled = !isOpen || isFinishing;
  byId("pause").textContent = state === "paused" ? "Go on" : "Pause";
  byId("play").disabled = state !== "running";
  byId("play").textContent = player.isPlaying ? "Stop the recording" : "Play a recording";
  const waiting = unsaved.samples.length + sets.waiting;
  const words = isOpen || !waiting ? "" : `${waiting} not stored yet: sent when the connection is back.`;
  byId("unsaved").textContent = unsaved.lost ? `${words} ${unsaved.lost} were too many to keep.` : words;
  if (isFinishing && isOpen && unsaved.isSent && asked !== "workout_finish") ask("workout_finish");
}

// Begin, pause, finish

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const { kind, privacy } = Object.fromEntries(new FormData(event.target));
  problem("");
  starting = newId();
  byId("finished").hidden = true;
  if (!live.send("workout_start", { kind, privacy, client_id: starting }, starting)) starting = null;
  show();
});

function ask(type) {
  asked = type;
  live.send(type);
}

function answered() {
  asked = null;
  clearTimeout(retry);
}

// What the server left out may have been this. Finish is tried again; a pause would come too late.
function leftOut(why) {
  if (!asked) return;
  const isLast = asked === "workout_finish";
  problem(isLast ? `not finished yet, and tried again: ${why}` : `not done: ${why}`);
  if (!isLast) return answered();
  clearTimeout(retry);
  retry = setTimeout(() => {
    answered();
    show();
  }, AGAIN);
}

byId("pause").addEventListener("click", () => {
  player.pause();
  problem("");
  ask(live.workout?.state === "paused" ? "workout_resume" : "workout_pause");
  show();
});

// After what was measured: what comes behind the end would be left out.
byId("finish").addEventListener("click", () => {
  player.pause();
  problem("");
  isFinishing = true;
  show();
});

// A recording

byId("play").addEventListener("click", async () => {
  if (player.isPlaying) player.pause();
  else await play().catch(({ message }) => problem(message));
  show();
});

async function play() {
  await player.load(byId("play").dataset.address);
  if (live.workout?.state !== "running") return;
  const start = Math.max(live.now, live.chart.last + 1) - player.position;
  if (start + player.rows.at(-1)[0] > A_WEEK) throw new Error("this one has run for a week: finish it first");
  base = start;
  player.play();
}

function measure([t, heart_rate, cadence, power, distance]) {
  const all = { time: Math.round((base + t) * 10) / 10, heart_rate, cadence, power, distance };
  const sample = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
  if (Object.keys(sample).length < 2) return; // nothing was measured at that time
  live.take(sample);
  unsaved.add(sample);
}

// They are of a workout that was finished elsewhere.
function forgetSamples() {
  const many = unsaved.samples.length;
  if (many) problem(`${many} figures came too late to be stored: that workout is over`);
  unsaved.clear();
}

function ended() {
  byId("played").textContent = "The recording is over.";
  show();
}

byId("speed").addEventListener("change", ({ target }) => {
  player.speed = Number(target.value);
});

// For this tab and this person, over a reload or a new log-in.
addEventListener("pagehide", () => {
  const kept = { ...sets.kept, samples: unsaved.samples, workout: unsaved.workout };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
});

const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
sessionStorage.removeItem(KEY);
if (kept) {
  unsaved.workout = kept.workout;
  for (const sample of kept.samples) unsaved.add(sample);
  sets.restore(kept);
}

live.socket.addEventListener("state", () => {
  if (live.socket.state !== "open") {
    unsaved.stop();
    answered(); // by nobody: Finish is sent again on the next connection
  }
  show();
});
setInterval(show, 500);
live.open();
show();
