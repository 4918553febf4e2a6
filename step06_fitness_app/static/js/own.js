// One's own workout: begin, pause, finish, and a recording in the place of a sensor. What was
// entered or measured and is not stored yet is kept, here and over a reload.

import { Live } from "./live.js";
import { byId, keep, problem } from "./page.js";
import { Player } from "./player.js";
import { newId, Sets } from "./sets.js";
import { Unsaved } from "./unsaved.js";

const AGAIN = 15_000; // ms until Finish is tried again: five that are too fast end a connection
const REST = 3_000; // ms until samples are sent again that the server did not take
const A_WEEK = 7 * 24 * 3600; // seconds: the server takes no sample of later than that
let starting = null; // the client_id of a start that is on its way
let isFinishing = false; // until it is finished, or refused for good
let asked = null; // pause, resume or finish, not answered yet: they have no id
let [retry, resting] = [null, null]; // timers
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
      if (code === "too_fast" || code === "not_saved") {
        if (code === "too_fast") live.socket.slowDown();
        else problem(detail);
        sendAgain();
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
      byId("finished").hidden = false;
      byId("finished-link").href = `/workouts/${workout_id}/`;
      if (isFinishing) {
        problem("");
        byId("finished-link").focus(); // Finish is not there any more
      }
      isFinishing = false;
      answered();
      show();
    },
  },
});

// What can be done now, and what is not stored yet.
function show() {
  const { state } = live.workout ?? {};
  const isOpen = live.socket.state === "open" && live.isKnown;
  byId("start-button").disabled = !isOpen;
  byId("pause").disabled = byId("finish").disabled = !isOpen || isFinishing;
  byId("pause").textContent = state === "paused" ? "Go on" : "Pause";
  byId("play").disabled = state !== "running";
  byId("play").textContent = player.isPlaying ? "Stop the recording" : "Play a recording";
  const waiting = unsaved.samples.length + sets.waiting;
  const when = isOpen ? "they are being sent" : "sent when the connection is back";
  const words = !waiting || (isOpen && unsaved.isSent) ? "" : `${waiting} not stored yet: ${when}.`;
  const lost = unsaved.lost ? `${many(unsaved.lost, "figure")} more than could be kept.` : "";
  byId("unsaved").textContent = `${words} ${lost}`.trim();
  if (isOpen) swap(Boolean(state));
  if (isFinishing && isOpen && unsaved.isSent && asked !== "workout_finish") ask("workout_finish");
}

const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// What can be done before a workout, or during it. The focus is not hidden with what it was in: the
// keyboard would go on from the top of the page.
function swap(runs) {
  const [shown, other] = runs ? [byId("run"), byId("begin")] : [byId("begin"), byId("run")];
  const moves = other.contains(document.activeElement);
  [shown.hidden, other.hidden] = [false, true];
  if (moves) byId(runs ? "pause" : byId("finished").hidden ? "start-button" : "finished-link").focus();
}

// The server did not say which it left out: all of it goes again.
function sendAgain() {
  unsaved.stop();
  clearTimeout(resting);
  resting = setTimeout(() => live.isKnown && unsaved.start(), REST);
}

// Begin, pause, finish

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  if (starting) return;
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
  player.speed = Number(byId("speed").value); // the browser may have put an earlier choice back
  byId("over").hidden = true;
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
  const { length } = unsaved.samples;
  if (length) problem(`${many(length, "figure")} came too late to be stored: that workout is over`);
  unsaved.clear();
}

function ended() {
  byId("over").hidden = false;
  show();
}

byId("speed").addEventListener("change", ({ target }) => {
  player.speed = Number(target.value);
});

const kept = keep(
  () => `live ${byId("me").textContent}`,
  () => ({ ...sets.kept, samples: unsaved.samples, workout: unsaved.workout }),
);
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
sets.enable();
live.open();
show();
