// A challenge: its board, whose rows move to their new places, and one's own progress.

import { byId, clock, keep, part, problem, socketTo } from "./page.js";
import { showStatus } from "./status.js";

const KINDS = {
  distance_m: { factor: 1000, show: (value) => `${(value / 1000).toFixed(2)} km` },
  duration_s: { factor: 60, show: clock },
  repetitions: { factor: 1, show: (value) => String(Math.round(value)) },
};
const MOVES = 250; // ms
const QUIET = 5_000; // ms between two things that a screen reader says

const page = byId("challenge").dataset;
const kind = KINDS[page.metric];
const me = byId("me").textContent;
const board = byId("board");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const [starts, ends] = [new Date(page.starts), new Date(page.ends)];
const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
let sent = 0;
let waiting = null; // { id, type, fields }: not acknowledged yet
let isOver = false;
let total = 0; // mine, as the last board has it

const socket = socketTo(`/ws/challenge/${page.id}/`);

// --8<-- [start:move]
// First, last, invert, play: each row is shown where it was, and glides to where it is now.
function place(rows) {
  const before = new Map([...board.children].map((row) => [row, row.getBoundingClientRect().top]));
  for (const row of before.keys()) for (const move of row.getAnimations()) move.cancel();
  board.replaceChildren(...rows);
  if (calm.matches) return;
  for (const row of rows) {
    const by = before.has(row) ? before.get(row) - row.getBoundingClientRect().top : 0;
    if (by) row.animate({ transform: [`translateY(${by}px)`, "none"] }, { duration: MOVES, easing: "ease-out" });
  }
}
// --8<-- [end:move]

function rowOf({ place, username, progress }) {
  let row = [...board.children].find((other) => other.dataset.name === username);
  if (!row) {
    row = document.createElement("li");
    row.dataset.name = username;
    row.toggleAttribute("data-own", username === me);
    const name = username === me ? `${username} (you)` : username;
    row.append(part("span", "", "place"), part("span", name, "who-is"), part("span", "", "amount"));
  }
  row.querySelector(".place").textContent = `${place}.`;
  row.querySelector(".amount").textContent = kind.show(progress);
  return row;
}

function show({ top, you, participants }) {
  place(top.map(rowOf));
  byId("of").textContent = participants > top.length ? `of ${participants}` : "";
  byId("nobody").hidden = participants > 0;
  byId("place").textContent = you ? `${you.place} of ${participants}` : "you take no part";
  total = you ? you.progress : 0;
  byId("total").textContent = you ? kind.show(total) : "–";
  const focused = document.activeElement;
  byId("progress").hidden = isOver || !you;
  byId("outside").hidden = isOver || Boolean(you);
  // Whoever pressed the one that is gone goes on at the other.
  if (focused === byId("join") && !byId("progress").hidden) byId("amount").focus();
  if (focused === byId("leave") && !byId("outside").hidden) byId("join").focus();
  if (you) hear(`Your place is ${you.place} of ${participants}`);
}

function showEnd(winner) {
  isOver = true;
  const words = winner === me ? "You have won." : `${winner} has won.`;
  byId("winner").textContent = winner ? words : "It is over, without a winner.";
  byId("winner").hidden = false;
  byId("end")?.remove();
  tick();
}

// Only what has changed, and not each change of a lively board.
let said = "";
let toSay = "";
let timer = null;
function hear(words) {
  toSay = words;
  if (timer || toSay === said) return;
  byId("heard").textContent = said = toSay;
  timer = setTimeout(() => {
    timer = null;
    hear(toSay);
  }, QUIET);
}

const frames = {
  challenge_state(state) {
    isOver = state.challenge.is_over;
    if (isOver) showEnd(state.winner);
    show(state);
  },
  leaderboard_update: show,
  challenge_ended(last) {
    showEnd(last.winner);
    show(last);
  },
  ack({ client_id }) {
    done(client_id);
    problem("");
  },
  error({ code, detail }) {
    if (code === "too_fast") {
      socket.slowDown();
      return problem("too fast: it is sent again in a moment");
    }
    done(waiting?.id);
    problem(detail);
  },
};

function done(id) {
  socket.acknowledge(id);
  if (id === waiting?.id) waiting = null;
}

// One at a time: an error does not say whose it is.
function send(type, fields = {}, id = `${tab}.${++sent}`) {
  if (waiting) return problem("the last one is still on its way");
  if (!socket.send(JSON.stringify({ type, client_id: id, ...fields }), id)) return problem("there is no connection");
  waiting = { id, type, fields };
  problem(socket.state === "open" ? "" : "it is sent when the connection is back");
}

byId("progress").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("amount").value.trim().replace(",", ".");
  const value = Math.round(Number(text) * kind.factor * 1000) / 1000;
  if (!text || !(value >= 0)) return problem("write a number, as 12.5");
  if (value > page.most) return problem(`that is too much: it may be ${kind.show(page.most)} at most`);
  if (value < total) return problem(`that is less than the ${kind.show(total)} you have already`);
  send("progress_update", { value });
});
byId("join").addEventListener("click", () => send("challenge_join"));
byId("leave").addEventListener("click", () => send("challenge_leave"));

byId("end")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = event.target.elements.csrfmiddlewaretoken.value;
  const headers = { "X-CSRFToken": token };
  const answer = await fetch(`/api/challenges/${page.id}/end/`, { method: "POST", headers }).catch(() => null);
  if (!answer?.ok) problem("it could not be ended; try again");
});
for (const button of document.querySelectorAll("#end button")) button.disabled = false; // before, it would leave the page

function tick() {
  const hasBegun = starts <= new Date();
  const left = Math.max(0, ((hasBegun ? ends : starts) - new Date()) / 1000);
  const days = Math.floor(left / 86_400);
  byId("until").textContent = isOver ? "It is" : hasBegun ? "Ends in" : "Begins in";
  const words = `${days ? `${days} d ` : ""}${clock(left % 86_400)}`;
  byId("countdown").textContent = isOver ? "over" : words;
  if (!isOver) return;
  byId("countdown").ariaHidden = null; // it stands still now: a screen reader may have it
  byId("end-time").hidden = true;
}

socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  frames[frame.type]?.(frame);
});
if (byId("goal")) byId("goal").textContent = kind.show(Number(byId("goal").dataset.value));
setInterval(tick, 1_000);
tick();
showStatus(socket, byId("status"), byId("now"));

const kept = keep(() => `challenge ${page.id} of ${me}`, () => ({ amount: byId("amount").value, waiting }));
socket.open();
byId("amount").value ||= kept?.amount ?? "";
if (kept?.waiting) send(kept.waiting.type, kept.waiting.fields, kept.waiting.id); // the same id: once
