// Plays a connection to its end, and shows what either side was told.

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const base = `${scheme}://${location.host}/ws/lifecycle/`;
const name = Math.random().toString(36).slice(2); // whose end the watcher is to tell

// --8<-- [start:plays]
const closeWith = (...args) => (socket) => socket.close(...args);
const send = (text) => (socket) => socket.send(text);

const PLAYS = [
  { title: "The page closes with 4001", opened: closeWith(4001, "bye") },
  { title: "The page closes without a code", opened: closeWith() },
  { title: "The server closes with 4001", opened: send('{"type": "close", "code": 4001}') },
  { title: "The handler raises", opened: send('{"type": "raise"}') },
  { title: "The server refuses before it accepts", query: "&refuse=before" },
  { title: "The server accepts, then closes with 4403", query: "&refuse=after" },
  { title: "Three texts, then the page closes", opened: sendThree },
  {
    title: "The page offers chat, echo.v2, echo.v1",
    offer: ["chat", "echo.v2", "echo.v1"],
    opened: closeWith(1000),
  },
  { title: "The page offers nothing but chat", offer: ["chat"] },
];
// --8<-- [end:plays]

function sendThree(socket) {
  for (const text of ["one", "two", "three"]) socket.send(text);
  let answers = 0;
  socket.addEventListener("message", () => {
    answers += 1;
    if (answers === 3) socket.close(1000);
  });
}

function play({ query = "", offer = [], opened = () => {} }, places) {
  places.list.hidden = false;
  places.browser.textContent = "…";
  places.server.textContent = "…";
  places.frames.textContent = "";
  const frames = [];
  const seen = [];
  const socket = new WebSocket(`${base}?watch=${name}${query}`, offer);
  socket.addEventListener("open", () => {
    seen.push(`open, protocol ${JSON.stringify(socket.protocol)}`);
    opened(socket);
  });
  socket.addEventListener("message", ({ data }) => {
    frames.push(data);
    places.frames.textContent = frames.join("\n");
  });
  socket.addEventListener("error", () => seen.push("error"));
  return new Promise((done) => {
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      seen.push(`close ${code}, reason ${JSON.stringify(reason)}, wasClean ${wasClean}`);
      places.browser.textContent = seen.join("\n");
      done();
    });
  });
}

// The watching connection tells one end at a time, so one play runs at a time.
let toldTo = null;

async function run(button, chosen, places) {
  const buttons = document.querySelectorAll("#plays button");
  for (const other of buttons) other.ariaDisabled = "true";
  const told = new Promise((resolve) => { toldTo = resolve; });
  const [ended] = await Promise.all([told, play(chosen, places)]);
  places.server.textContent = ended.disconnect ?? "None";
  toldTo = null;
  for (const other of buttons) other.ariaDisabled = null;
}

for (const chosen of PLAYS) {
  const item = byId("play").content.cloneNode(true);
  const find = (selector) => item.querySelector(selector);
  find(".title").textContent = chosen.title;
  const places = {
    list: find("dl"), browser: find(".browser"), server: find(".server"), frames: find(".frames"),
  };
  const button = find("button");
  button.ariaLabel = `Play: ${chosen.title}`;
  button.addEventListener("click", () => {
    if (!toldTo && watch.readyState === WebSocket.OPEN) run(button, chosen, places);
  });
  byId("plays").append(item);
}

const watch = new WebSocket(`${base}watch/${name}/`);
const showWatch = (state, word) => {
  byId("status").dataset.state = state;
  byId("status").querySelector(".word").textContent = word;
};
watch.addEventListener("open", () => showWatch("open", "watching"));
watch.addEventListener("message", ({ data }) => toldTo?.(JSON.parse(data)));
watch.addEventListener("close", () => showWatch("closed", "not watching: reload the page"));
