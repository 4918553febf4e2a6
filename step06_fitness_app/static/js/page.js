// What the pages' modules share. Text goes into the page as text, never as HTML.

import { ReconnectingSocket } from "./socket.js";

export const byId = (id) => document.getElementById(id);
export const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;

// What went wrong, where the page has a place for it; nothing for nothing.
export function problem(words) {
  byId("problem").textContent = words ? sentence(words) : "";
}

// For this tab and this person: what `state` gives outlives a reload or a new log-in; the answer is
// what was kept, or null. A phone may end a page that is hidden without another word.
export function keep(key, state) {
  const kept = JSON.parse(sessionStorage.getItem(key()));
  const store = () => sessionStorage.setItem(key(), JSON.stringify(state()));
  const forget = () => sessionStorage.removeItem(key()); // a copy of this tab must not have it too
  document.addEventListener("visibilitychange", () => (document.hidden ? store() : forget()));
  addEventListener("pagehide", store);
  forget();
  return kept;
}

const scheme = location.protocol === "https:" ? "wss" : "ws";
const addressOf = (path) => `${scheme}://${location.host}${path}`;

const probe = { ask: '{"type":"ping"}', answer: '{"type":"pong"}' };

// A socket to a path here; `query` is asked before each connection.
export function socketTo(path, query = () => "") {
  const connect = async () => ({ url: addressOf(`${path}?${query()}`) });
  return new ReconnectingSocket({ connect, probe });
}

export function part(tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

const written = (style) => new Intl.DateTimeFormat(undefined, style);
const FORMATS = {
  day: written({ dateStyle: "medium" }),
  hour: written({ timeStyle: "short" }),
  when: written({ dateStyle: "medium", timeStyle: "short" }),
};

// When something was, by the reader's clock and as the reader's language writes it.
export const local = (at, as = "when") => FORMATS[as].format(new Date(at));

export function time(at, className = "") {
  const element = part("time", local(at), className);
  element.dateTime = at;
  return element;
}

// 75 → 1:15, 3675 → 1:01:15
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
