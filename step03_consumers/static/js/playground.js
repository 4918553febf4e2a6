// The playground: one WebSocket of the browser, bare, and everything it tells us.

import { Log } from "./log.js";

const byId = (id) => document.getElementById(id);
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const log = new Log(byId("log"));
let socket = null;

// --8<-- [start:connect]
byId("connect").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const url = `${scheme}://${location.host}${form.get("path")}`;
  const protocols = form.get("protocols").split(",").map((name) => name.trim()).filter(Boolean);
  attempt("connect-problem", () => {
    const next = new WebSocket(url, protocols); // throws if a name is bad or named twice
    socket?.close();
    socket = next;
    note("connect", { url, protocols });
    listen(next);
  });
});

function listen(ours) {
  ours.binaryType = byId("binary-type").value;
  ours.addEventListener("open", () => note("open", { protocol: ours.protocol, extensions: ours.extensions }));
  ours.addEventListener("message", ({ data, origin, lastEventId }) => {
    note("message", { data: described(data), origin, lastEventId });
  });
  // The error event says nothing, on purpose: a page must not learn what other hosts answer.
  ours.addEventListener("error", ({ message }) => note("error", { message: String(message) }));
  ours.addEventListener("close", ({ code, reason, wasClean }) => {
    note("close", { code, reason, wasClean });
  });
}
// --8<-- [end:connect]

byId("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  attempt("send-problem", () => send(frameOf(form.get("frame"), form.get("kind"))));
});

byId("send-file").addEventListener("click", () => {
  const [file] = byId("send").elements.file.files;
  attempt("send-problem", () => {
    if (!file) throw new Error("Choose a file first.");
    send(file);
  });
});

function frameOf(text, kind) {
  if (kind === "utf8") return new TextEncoder().encode(text);
  if (kind === "json") JSON.parse(text); // throws; to send it all the same, send it as text
  if (kind !== "hex") return text;
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("Not hex: two digits 0–9, a–f for each byte.");
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

function send(data) {
  if (!socket) throw new Error("Connect first.");
  const { readyState } = socket;
  socket.send(data); // throws while CONNECTING; after CLOSING it says nothing and sends nothing
  const lost = readyState > WebSocket.OPEN && { discarded: `silently: ${STATES[readyState]}` };
  note("send", { data: described(data), ...lost });
}

// --8<-- [start:close]
byId("close").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const [code, reason] = [form.get("code").trim(), form.get("reason")];
  attempt("close-problem", () => {
    if (!socket) throw new Error("Connect first.");
    if (code === "" && reason !== "") throw new Error("A reason needs a code before it.");
    if (code === "") socket.close();
    else socket.close(Number(code), reason); // throws if the code is not ours, or the reason too long
    note("close()", code === "" ? {} : { code, reason });
  });
});
// --8<-- [end:close]

// What a frame holds, as text; a Blob has to be asked, so for bytes it is a promise of text.
function described(data) {
  return typeof data === "string" ? data : describedBytes(data);
}

async function describedBytes(data) {
  const bytes = new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
  const hex = Array.from(bytes.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0"));
  const more = bytes.length > 32 ? " …" : "";
  return `${data.constructor.name}, ${bytes.length} bytes: ${hex.join(" ")}${more}`;
}

// Run an action; what it throws is shown below its form, in the browser's own words.
function attempt(place, action) {
  byId(place).textContent = "";
  try {
    action();
  } catch (error) {
    byId(place).textContent = error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
  }
  show();
}

function note(name, properties) {
  log.add(name, properties);
  byId("empty").hidden = true;
  show();
}

function show() {
  if (!socket) return;
  const state = STATES[socket.readyState];
  const values = { ...pick(socket), readyState: `${socket.readyState} ${state}` };
  for (const place of document.querySelectorAll("[data-property]")) {
    const value = String(values[place.dataset.property]);
    place.textContent = value === "" ? '"" (empty)' : value;
  }
  const status = byId("status");
  status.dataset.state = { CONNECTING: "connecting", OPEN: "open" }[state] ?? "closed";
  const word = status.querySelector(".word");
  if (word.textContent !== state.toLowerCase()) word.textContent = state.toLowerCase();
}

function pick({ url, protocol, extensions, bufferedAmount }) {
  return { url, protocol, extensions, bufferedAmount };
}

byId("binary-type").addEventListener("change", (event) => {
  if (socket) socket.binaryType = event.target.value;
});

byId("clear").addEventListener("click", () => {
  log.clear();
  byId("empty").hidden = false;
});

setInterval(show, 200); // no event tells of bufferedAmount
