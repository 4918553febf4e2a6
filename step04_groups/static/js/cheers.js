// Cheers: everybody who has this page open hears every press of the button.

import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const socket = new ReconnectingSocket({
  connect: async () => ({ url: `${scheme}://${location.host}/ws/cheers/` }),
});
const GREETING = "your channel is ";
const MOST = 50; // cheers kept on the page
let channel = "";

const tail = (name) => name.slice(-4);

socket.addEventListener("message", ({ data }) => {
  if (data.startsWith(GREETING)) {
    channel = data.slice(GREETING.length);
    byId("channel").textContent = channel;
    byId("tail").textContent = tail(channel);
    return;
  }
  const item = document.createElement("li");
  const isOwn = data.endsWith(` ${tail(channel)}`);
  item.textContent = isOwn ? `${data} (this window)` : data;
  item.toggleAttribute("data-own", isOwn);
  byId("cheers").prepend(item);
  byId("cheers").children[MOST]?.remove();
  byId("empty").hidden = true;
});

socket.addEventListener("state", () => {
  byId("cheer").disabled = socket.state !== "open"; // nothing is kept for later here
});

byId("cheer").addEventListener("click", () => socket.send(`Go! from ${tail(channel)}`));

showStatus(socket, byId("status"), byId("now"));
socket.open();
