// The pushed heart rate: counts what came, and what asking every second would have cost.

import { byId, setStatus, show, socketUrl } from "./page.js";

let socket = null;
let pushes = 0;
let seconds = 0; // spent connected, over all connections of this page
let openedAt = null;

function showCost() {
  if (openedAt === null) return;
  const asked = 1 + Math.floor(seconds + (performance.now() - openedAt) / 1000);
  show("asked", asked);
  show("saved", `${Math.max(0, Math.round(100 - (100 * pushes) / asked))} %`);
}

// --8<-- [start:connect]
function connect() {
  setStatus("connecting", "connecting");
  byId("toggle").textContent = "Disconnect";
  socket = new WebSocket(socketUrl("/ws/heart-rate/"));
  socket.addEventListener("open", () => {
    openedAt = performance.now();
    setStatus("open", "open, the server speaks");
  });
  socket.addEventListener("message", ({ data }) => {
    pushes += 1;
    show("bpm", JSON.parse(data).bpm);
    show("pushes", pushes);
    show("heard", `Last heard at ${new Date().toLocaleTimeString()}.`);
  });
  socket.addEventListener("close", ({ code, wasClean }) => {
    if (openedAt !== null) seconds += (performance.now() - openedAt) / 1000;
    openedAt = null;
    socket = null;
    setStatus("closed", wasClean ? `closed ${code}` : `closed ${code}: no word from the server`);
    byId("toggle").textContent = "Connect again";
  });
}
// --8<-- [end:connect]

byId("toggle").addEventListener("click", () => (socket ? socket.close() : connect()));
setInterval(showCost, 1000);
connect();
