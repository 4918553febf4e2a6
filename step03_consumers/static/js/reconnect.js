// An echo that survives its server: what was sent, what waits, what came back.

import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const url = `${scheme}://${location.host}/ws/echo/async-websocket/`;

// --8<-- [start:use]
const socket = new ReconnectingSocket({ connect: async () => ({ url }), maxQueue: 5 });
showStatus(socket, byId("status"), byId("now"));
// --8<-- [end:use]

const lines = []; // { text, state, item }: waiting, sent, came back, perhaps lost, forgotten

function become(line, state) {
  line.state = state;
  line.item.dataset.state = state;
  line.item.querySelector(".state").textContent = state;
}

function add(text) {
  const item = document.createElement("li");
  const state = document.createElement("span");
  state.className = "state";
  const shown = document.createElement("span");
  shown.textContent = text;
  item.append(shown, " ", state);
  byId("sent").append(item);
  byId("empty").hidden = true;
  const line = { text, item };
  lines.push(line);
  become(line, socket.state === "open" ? "sent" : "waiting");
}

byId("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = event.target.elements.text;
  if (!input.value) return;
  // Daphne drops empty frames; and what could not even be queued stays in the field.
  const taken = socket.send(input.value);
  byId("problem").textContent = taken ? "" : `Not sent: ${socket.state === "closed" ? "the connection is closed" : "the queue is full"}.`;
  if (taken) {
    add(input.value);
    input.value = "";
  }
  byId("queued").textContent = socket.queued;
});

socket.addEventListener("message", ({ data }) => {
  const line = lines.find(({ state, text }) => state === "sent" && text === data);
  if (line) become(line, "came back");
});

socket.addEventListener("state", () => {
  for (const line of lines) {
    if (socket.state === "open" && line.state === "waiting") become(line, "sent");
    else if (socket.state !== "open" && line.state === "sent") become(line, "perhaps lost");
    else if (socket.state === "closed" && line.state === "waiting" && !socket.queued) become(line, "forgotten");
  }
  byId("queued").textContent = socket.queued;
  byId("toggle").textContent = socket.state === "closed" ? "Connect again" : "Close for good";
});

byId("toggle").addEventListener("click", () => {
  if (socket.state === "closed") socket.open();
  else socket.close();
});

socket.open();
