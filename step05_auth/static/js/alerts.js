// Alerts as they come, and the groups they come from.

import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const boxes = [...document.querySelectorAll("#groups input")];
const nameOf = (box) => box.nextElementSibling.textContent;
const MOST = 100; // alerts kept

const socket = new ReconnectingSocket({
  connect: async () => ({ url: `${scheme}://${location.host}/ws/alerts/` }),
});

// --8<-- [start:subscribe]
// What is ticked is what this person wants; what the server said last is what they hear. The two
// are brought together one question at a time, on each new connection from the beginning.
let heard = null; // groups; null while not connected
let asked = null; // { box, want }: the question whose answer is due

function askNext() {
  if (heard === null || asked) return;
  const box = boxes.find(({ checked, value }) => checked !== heard.includes(value));
  if (!box) return;
  asked = { box, want: box.checked }; // it may be ticked again before the answer is here
  socket.send(JSON.stringify({ type: asked.want ? "subscribe" : "unsubscribe", group: box.value }));
}

const HANDLERS = {
  subscribed({ groups }) {
    const lost = boxes.filter(({ value }) => heard?.includes(value) && !groups.includes(value));
    for (const box of lost) if (box !== asked?.box) takeAway(box);
    heard = groups;
    if (asked && groups.includes(asked.box.value) === asked.want) asked = null;
    showHeard();
    askNext();
  },
  error({ detail }) {
    byId("problem").textContent = `The server says: ${detail}. Reload the page for what you may hear now.`;
    if (!asked) return;
    asked.box.checked = heard.includes(asked.box.value);
    asked = null;
    remember();
    askNext();
  },
  // --8<-- [end:subscribe]
  alert({ text, group, by, sent_at }) {
    const item = document.createElement("li");
    const time = part("time", new Date(sent_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
    time.dateTime = sent_at;
    item.append(part("strong", `${by} to ${whom(group)}`), time, part("p", text));
    byId("alerts").prepend(item);
    if (byId("alerts").children.length > MOST) byId("alerts").lastElementChild.remove();
    byId("empty").hidden = true;
  },
  closing({ reason }) {
    byId("problem").textContent = `The server closed the connection: ${reason}.`;
  },
};

// The server says so unasked: this person is no longer in that group.
function takeAway(box) {
  [box.checked, box.disabled] = [false, true];
  byId("problem").textContent = `You no longer hear what is for ${nameOf(box)}.`;
  remember();
}

function whom(group) {
  const box = boxes.find(({ value }) => value === group);
  return box ? nameOf(box) : "you";
}

function showHeard() {
  const names = ["you alone", ...boxes.filter(({ value }) => heard.includes(value)).map(nameOf)];
  byId("hears").textContent = `You hear what is for ${new Intl.ListFormat("en").format(names)}.`;
}

// For this tab only: a reload, as after sending, should not make it deaf.
function remember() {
  const ticked = boxes.filter(({ checked }) => checked).map(({ value }) => value);
  sessionStorage.setItem("alerts", JSON.stringify(ticked));
}

function part(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text; // never innerHTML: what somebody wrote stays text
  return element;
}

const ticked = JSON.parse(sessionStorage.getItem("alerts") ?? "[]");
for (const box of boxes) {
  box.checked = ticked.includes(box.value);
  box.addEventListener("change", () => {
    byId("problem").textContent = "";
    remember();
    askNext();
  });
}

socket.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  HANDLERS[message.type]?.(message);
});
socket.addEventListener("state", () => {
  if (socket.state === "open") return;
  [heard, asked] = [null, null];
  byId("hears").textContent = "Not connected: what is sent now does not reach you.";
});
showStatus(socket, byId("status"), byId("now"));
socket.open();
