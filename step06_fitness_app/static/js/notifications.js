// The page of one's notifications: what the bell keeps, newest first.

import { bell, words } from "./bell.js";
import { byId, part, problem, time } from "./page.js";
import { showStatus } from "./status.js";

const list = byId("notifications");
const items = new Map(); // number → item

function pathOf({ type, username, workout_id, challenge_id }) {
  if (username && type !== "challenge_ended") return `/people/${encodeURIComponent(username)}/`;
  if (workout_id) return `/workouts/${workout_id}/`;
  return challenge_id ? `/challenges/${challenge_id}/` : null;
}

function itemOf(frame) {
  const item = part("li");
  const path = pathOf(frame);
  const text = part(path ? "a" : "span", words(frame), "words");
  if (path) text.href = path;
  const button = part("button", "", "secondary");
  button.type = "button";
  button.addEventListener("click", () => ask(bell.mark([frame.number], !bell.known.get(frame.number).is_read)));
  item.append(part("strong", "new"), text, time(frame.at, "quiet"), button);
  return item;
}

// In place: a button that somebody is about to press stays where it is, and keeps the focus.
function show() {
  const numbers = [...bell.known.keys()].sort((one, other) => other - one);
  numbers.forEach((number, place) => {
    const frame = bell.known.get(number);
    if (!items.has(number)) items.set(number, itemOf(frame));
    const item = items.get(number);
    item.toggleAttribute("data-read", frame.is_read);
    item.querySelector("strong").hidden = frame.is_read;
    const button = item.querySelector("button");
    button.textContent = frame.is_read ? "Mark as unread" : "Mark as read";
    button.setAttribute("aria-label", `${button.textContent}: ${words(frame)}`);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
  byId("empty").hidden = numbers.length > 0;
  byId("older").hidden = !bell.hasOlder;
  const moves = document.activeElement === byId("all") && !bell.unread;
  byId("all").hidden = !bell.unread;
  if (moves) list.focus(); // the keyboard goes on at the first of them
  byId("problem").textContent = "";
}

function ask(isSent) {
  if (isSent === false) byId("problem").textContent = "There is no connection: try again in a moment.";
}

byId("all").addEventListener("click", () => ask(bell.markAll()));
byId("older").addEventListener("click", () => ask(bell.askOlder()));
bell.addEventListener("change", show);
bell.addEventListener("back", () => bell.askAgain());
bell.socket.addEventListener("message", ({ data }) => {
  const { type, detail } = JSON.parse(data);
  if (type === "error") problem(`not done: ${detail}`);
});
showStatus(bell.socket, byId("status"), byId("now"));
if (bell.isReady) show();
