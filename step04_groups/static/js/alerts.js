// Alerts as they come, and the class whose alerts these are.

import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const select = byId("class");
const LEVELS = { everyone: "Everyone", club: "Your club", class: "Your class" };
const MOST = 100; // announcements kept

// --8<-- [start:pick]
// The class stands in the socket's address too, so that each reconnection is in its groups again.
let inAddress = ""; // of the attempt under way, or of this connection
const socket = new ReconnectingSocket({
  connect: async () => {
    inAddress = select.value;
    return { url: `${scheme}://${location.host}/ws/alerts/${inAddress && `?class=${inAddress}`}` };
  },
});

function pick() {
  const message = select.value ? { type: "pick_class", class_id: Number(select.value) } : { type: "leave_class" };
  socket.send(JSON.stringify(message));
}

select.addEventListener("change", () => {
  byId("problem").textContent = "";
  if (socket.state === "open") pick();
  else socket.open(); // after a refusal; the next attempt takes the new address by itself …
});
socket.addEventListener("state", () => {
  if (socket.state === "open" && select.value !== inAddress) pick(); // … and one under way is told
});
// --8<-- [end:pick]

const HANDLERS = {
  picked({ class_id, name, club }) {
    if (select.value !== String(class_id ?? "")) return; // a later choice is on its way
    const hears = name ? `everyone, for ${club} and for ${name}` : "everyone";
    byId("hears").textContent = `You hear what is announced for ${hears}.`;
  },
  announcement({ text, level, sent_at }) {
    const item = document.createElement("li");
    const time = part("time", new Date(sent_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
    time.dateTime = sent_at;
    const kind = LEVELS[level.split(".")[0]];
    item.append(part("strong", kind), time, part("p", text));
    byId("alerts").prepend(item);
    if (byId("alerts").children.length > MOST) byId("alerts").lastElementChild.remove();
    byId("empty").hidden = true;
  },
  error({ detail }) {
    byId("problem").textContent = `Not picked: ${detail}. Reload the page for the classes there are now.`;
  },
  closing({ reason }) {
    byId("problem").textContent = `The server closed the connection: ${reason}. Pick another class.`;
  },
};

function part(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

socket.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  HANDLERS[message.type]?.(message);
});
socket.addEventListener("state", () => {
  if (socket.state !== "open") byId("hears").textContent = "Not connected: what is announced now does not reach you.";
});
showStatus(socket, byId("status"), byId("now"));
socket.open();
