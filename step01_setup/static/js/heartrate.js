// The polling page: asks every second, counts what the asking brought.

const byId = (id) => document.getElementById(id);
const show = (id, text) => { byId(id).textContent = text; };

let requests = 0;
let useless = 0;
let lastBpm = null;
let timer = null;

function setStatus(state, word) {
  const status = byId("status");
  if (status.textContent.trim() === word) return; // a live region speaks at every change
  status.dataset.state = state;
  status.querySelector(".word").textContent = word;
}

// --8<-- [start:poll]
async function poll() {
  try {
    const response = await fetch("/api/heart-rate/");
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const { bpm } = await response.json();
    requests += 1;
    if (bpm === lastBpm) useless += 1;
    lastBpm = bpm;
    show("bpm", bpm);
    show("requests", requests);
    show("useless", useless);
    show("share", `${Math.round((100 * useless) / requests)} %`);
    if (timer) setStatus("open", "asking every second");
  } catch {
    if (timer) setStatus("closed", "no answer, asking again");
  }
}
// --8<-- [end:poll]

function start() {
  timer = setInterval(poll, 1000);
  byId("toggle").textContent = "Stop asking";
  poll();
}

function stop() {
  clearInterval(timer);
  timer = null;
  byId("toggle").textContent = "Ask again";
  setStatus("idle", "not asking");
}

byId("toggle").addEventListener("click", () => (timer ? stop() : start()));

async function showServer() {
  const response = await fetch("/api/server/");
  const { interface: name, http_version: version, scope_keys: keys } = await response.json();
  show("interface", name);
  show("server", response.headers.get("Server") ?? "did not say");
  show("http-version", version);
  show("scope-keys", keys.length ? keys.join(", ") : "none: WSGI hands over an environ, not a scope");
}

// --8<-- [start:try]
function trySocket() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/heart-rate/`);
  socket.addEventListener("open", () => show("browser-told", "open"));
  socket.addEventListener("close", (event) => {
    show("browser-told", `close, code ${event.code}, no reason`);
  });
}
// --8<-- [end:try]

byId("try-socket").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("attempt").hidden = false;
  show("browser-told", "…");
  show("server-said", "…");
  trySocket();
  try {
    const token = new FormData(event.target).get("csrfmiddlewaretoken");
    const headers = { "X-CSRFToken": token };
    const response = await fetch("/api/try-socket/", { method: "POST", headers });
    const answer = await response.json();
    show("server-said", answer.error ?? `HTTP ${answer.status} ${answer.reason}`);
  } catch {
    show("server-said", "no answer: is the server still running?");
  }
});

showServer();
start();
