// Asks slow consumers several things at once, and draws when each answer came.

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const FULL = 3_000; // milliseconds that fill a bar

// --8<-- [start:races]
const RACES = [
  {
    title: "Five connections, time.sleep",
    how: "a WebsocketConsumer",
    path: "sync",
    sockets: 5,
  },
  {
    title: "Five connections, asyncio.sleep",
    how: "an AsyncWebsocketConsumer",
    path: "async",
    sockets: 5,
  },
  {
    title: "Five connections, time.sleep in threads of their own",
    how: "sync_to_async(…, thread_sensitive=False)",
    path: "threads",
    sockets: 5,
  },
  {
    title: "One connection, three frames, asyncio.sleep",
    how: "an AsyncWebsocketConsumer",
    path: "async",
    sockets: 1,
    frames: 3,
  },
];
// --8<-- [end:races]

function connected(path) {
  const socket = new WebSocket(`${scheme}://${location.host}/ws/slow/${path}/`);
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("close", reject);
  });
}

async function ask({ path, sockets, frames = 1 }, bars, total) {
  const rows = Array.from({ length: sockets * frames }, () => {
    const row = document.createElement("li");
    bars.append(row);
    return row;
  });
  const open = await Promise.all(Array.from({ length: sockets }, () => connected(path)));
  const started = performance.now();
  await Promise.all(open.map((socket, index) => new Promise((done, failed) => {
    let answers = 0;
    socket.addEventListener("close", failed);
    socket.addEventListener("message", () => {
      const took = performance.now() - started;
      const row = rows[index * frames + answers];
      row.style.setProperty("--share", `${Math.min(100, (100 * took) / FULL)}%`);
      row.textContent = `${(took / 1000).toFixed(2)} s`;
      answers += 1;
      if (answers === frames) done();
    });
    for (let frame = 0; frame < frames; frame += 1) socket.send("?");
  })));
  total.textContent = `The last answer came after ${((performance.now() - started) / 1000).toFixed(2)} s.`;
  for (const socket of open) socket.close();
}

let running = false;

function setStatus(state, word) {
  byId("status").dataset.state = state;
  byId("status").querySelector(".word").textContent = word;
}

for (const race of RACES) {
  const item = byId("race").content.cloneNode(true);
  const [bars, total] = [item.querySelector(".bars"), item.querySelector(".total")];
  item.querySelector(".title").textContent = race.title;
  item.querySelector(".how").textContent = race.how;
  const button = item.querySelector("button");
  button.ariaLabel = `Ask: ${race.title}`;
  button.addEventListener("click", async () => {
    if (running) return; // one race at a time: they would share the server's thread
    running = true;
    bars.replaceChildren();
    total.textContent = "";
    setStatus("connecting", "asking");
    try {
      await ask(race, bars, total);
      setStatus("idle", "ready");
    } catch {
      setStatus("closed", "no answer: is the server running?");
    }
    running = false;
  });
  byId("races").append(item);
}
