// The newest notifications on the first page: what the bell keeps.

import { bell, words } from "./bell.js";
import { byId, part } from "./page.js";

const SOME = 5;
const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function itemOf(frame) {
  const item = part("li");
  const time = part("time", WHEN.format(new Date(frame.at)), "quiet more");
  time.dateTime = frame.at;
  item.append(part(frame.is_read ? "span" : "strong", words(frame)), time);
  return item;
}

function show() {
  const newest = [...bell.known.values()].sort((one, other) => other.number - one.number).slice(0, SOME);
  byId("latest").replaceChildren(...newest.map(itemOf));
  byId("no-news").hidden = newest.length > 0;
}

bell.addEventListener("change", show);
if (bell.isReady) show();
