// The form coach: one's own page, which plays a recording through the real socket, and a watcher's.

import { Figure } from "./figure.js";
import { byId, problem, socketTo } from "./page.js";
import { showStatus } from "./status.js";

const QUIET = 2_000; // ms: a screen reader is told no more often than this
const OLD = 6_000; // ms after which a cue is old …
const GONE = 2_000; // … and after which the figures are: then they are not shown
const SEEN = 100; // frames: the server wants to know that they arrive
const NOTHING = { stage: null, depth: null, balance: null, feet_width: null, knees: null };

const { workout, owner } = byId("coach").dataset;
const play = byId("play"); // on one's own page only
let playing = null; // the timer
const figure = new Figure(byId("figure"));
const socket = socketTo(`/ws/form/${workout}/`);
// Who wants less motion sees two pictures a second.
const GAP = matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 0;

// What is shown: written once a frame, the newest of what came.
let shown = { numbers: null, points: null, isVisible: true, isGone: false };
let isDue = false;
let drawnAt = -Infinity;

const percent = (value) => (value === null ? "–" : `${Math.round(value * 100)} %`);
const ratio = (value) => (value === null ? "–" : value.toFixed(1));
const seconds = (value) => (value === null ? "–" : `${value.toFixed(1)} s`);

function side(balance) {
  if (balance === null) return "–";
  if (Math.abs(balance) < 0.05) return "middle";
  return `${Math.abs(balance).toFixed(1)} ${balance > 0 ? "left" : "right"}`;
}

function last({ deepest, tempo }) {
  if (!tempo) return "none yet";
  return `${percent(deepest)} deep; down ${seconds(tempo.lowering)}, held ${seconds(tempo.held)}, up ${seconds(tempo.rising)}`;
}

function write(id, words) {
  if (byId(id).textContent !== words) byId(id).textContent = words;
}

function show(news) {
  shown = { ...shown, ...news };
  if (isDue) return;
  isDue = true;
  requestAnimationFrame((now) => {
    isDue = false;
    const { numbers, points, isVisible, isGone } = shown;
    if (points && now - drawnAt >= GAP) {
      drawnAt = now;
      figure.draw(points, isVisible);
      byId("hint").hidden = !isGone;
      if (isGone) write("hint", `Nothing comes from ${owner} now.`);
    }
    if (!numbers) return;
    write("repetitions", String(numbers.repetitions));
    write("stage", numbers.stage ?? (numbers.visible || !points ? "–" : "not visible"));
    write("depth", percent(numbers.depth));
    write("balance", side(numbers.balance));
    write("feet_width", ratio(numbers.feet_width));
    write("knees", ratio(numbers.knees));
    if (numbers.visible) write("last", last(numbers));
  });
}

// Cues: the newest, and not before the one before it could be heard.
let cuedAt = -Infinity;
let waiting = null;
let fading = null;

function cue(words) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    cuedAt = performance.now();
    byId("cue").textContent = words;
    byId("cue").dataset.isFresh = "true";
    clearTimeout(fading);
    fading = setTimeout(() => (byId("cue").dataset.isFresh = "false"), OLD);
  }, Math.max(0, cuedAt + QUIET - performance.now()));
}

let gone = null; // a timer
let said = []; // by the trainer here, and not heard yet
let lost = ""; // what became of that: it stands there until something is said again
let unsaid = 0; // frames that came since the server was told

// To be said again, before what is there of the next.
function takeBack(texts) {
  if (texts.length) byId("text").value = [...texts, byId("text").value].filter(Boolean).join(" ");
}

const frames = {
  form_state: (numbers) => show({ numbers }),
  form_update: ({ points, ...numbers }) => {
    const isVisible = numbers.visible;
    const news = { numbers, isVisible, isGone: false };
    show(playing === null ? { ...news, points } : news); // what is played is drawn at once
    clearTimeout(gone);
    const old = { numbers: { ...numbers, ...NOTHING }, isVisible: false, isGone: !play };
    gone = setTimeout(() => show(old), GONE);
  },
  form_cue: ({ text, from }) => {
    said = said.filter((one) => one !== text);
    cue(from === "coach" ? `${text}.` : `${from}: ${text}`);
  },
  error: ({ detail }) => {
    problem(detail);
    takeBack(said.splice(-1));
  },
  closing: ({ reason }) => problem(reason),
};

socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  frames[frame.type]?.(frame);
  if (++unsaid < SEEN) return;
  socket.send(JSON.stringify({ type: "seen", frames: unsaid }));
  unsaid = 0;
});
socket.addEventListener("state", () => {
  unsaid = 0;
  if (socket.state === "waiting" && said.length) problem((lost = "perhaps not said: the connection broke"));
  if (socket.state === "open") problem(lost);
  else takeBack(said.splice(0));
  if (socket.state !== "closed") return; // it is for good: nothing more to say, and to play
  for (const control of document.querySelectorAll("#say :is(input, button)")) control.disabled = true;
  if (!play) return;
  if (playing !== null) play.click();
  play.disabled = true;
});
showStatus(socket, byId("status"), byId("now"));
socket.open();

// One's own page: the recording's frames at their rate, each to the drawing and, while there is a
// connection, to the server. None is kept for later: what counts is how it is now.
let recording = null;
let position = 0; // in frames

async function begin() {
  recording ??= await (await fetch(play.dataset.frames)).json();
  const from = performance.now() - (position / recording.rate) * 1000;
  let sent = -1;
  playing = setInterval(() => {
    position = Math.floor(((performance.now() - from) / 1000) * recording.rate);
    if (position === sent) return;
    sent = position;
    const points = recording.frames[position % recording.frames.length];
    show({ points });
    if (socket.state === "open") socket.send(JSON.stringify({ type: "pose", time: performance.now() / 1000, points }));
  }, 1000 / recording.rate);
}

play?.addEventListener("click", async () => {
  if (play.ariaDisabled) return; // not `disabled`, which would take the focus away
  if (playing === null) {
    play.ariaDisabled = "true"; // until it has come
    problem();
    await begin().catch(() => problem("the recording did not come: press again"));
    play.ariaDisabled = null;
  } else {
    clearInterval(playing);
    playing = null;
  }
  play.textContent = playing === null ? "Play the recording" : "Pause";
});

byId("say")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("text").value.replace(/[\p{Cc}\p{Cs}]/gu, "").trim();
  problem((lost = ""));
  if (!text) return;
  if (socket.state === "open") {
    socket.send(JSON.stringify({ type: "cue", text }));
    said.push(text);
    byId("text").value = "";
  } else problem(`not said: there is no connection to ${owner}`);
});
for (const button of document.querySelectorAll("#say button")) button.disabled = false; // before, it would leave the page
