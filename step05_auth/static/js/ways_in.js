// The same socket, opened in each way, and the life of a token.

import { Credentials, Refused } from "./credentials.js";
import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";

const OWN = "pulse.v1"; // the application's subprotocol: the one that the server selects
const PATH = "/ws/whoami/";
const byId = (id) => document.getElementById(id);
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${PATH}`;
const credentials = new Credentials();
const authenticate = (token) => JSON.stringify({ type: "authenticate", token });

// --8<-- [start:ways]
// Where a token can ride, since a script cannot set a header on a WebSocket.
let ticket = null; // the last one: to be tried twice
const WAYS = {
  session: async () => ({ url }), // the browser adds the cookie by itself
  subprotocol: async () => ({ url, protocols: [OWN, `bearer.${credentials.access}`] }),
  ticket: async () => ({ url, protocols: [OWN, `ticket.${(ticket = await credentials.ticket())}`] }),
  again: async () => ({ url, protocols: [OWN, `ticket.${ticket}`] }),
  message: async () => ({ url, protocols: [OWN], first: authenticate(credentials.access) }),
  query: async () => ({ url: `${url}?token=${credentials.access}`, protocols: [OWN] }),
};
// --8<-- [end:ways]

// Open a socket once; gives the first frame, or the code and the reason it was closed with.
function tryOnce({ url, protocols = [], first }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    let why = "refused at the handshake, without a reason";
    if (first) socket.addEventListener("open", () => socket.send(first));
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "closing") why = frame.reason;
      else resolve({ frame });
      if (frame.type !== "closing") socket.close();
    });
    socket.addEventListener("close", ({ code }) => resolve({ code, why }));
  });
}

// What the log of a server or a proxy on the way holds after this handshake. Some log headers too.
function logged({ url, protocols }) {
  const { pathname, search } = new URL(url);
  const lines = [`GET ${pathname}${shorten(search)}`];
  if (protocols) lines.push(`Sec-WebSocket-Protocol: ${protocols.map(shorten).join(", ")}`);
  return lines.join("\n");
}

const shorten = (text) => (text.length > 40 ? `${text.slice(0, 24)}…${text.slice(-6)}` : text);

let uses = 0;

async function show(way) {
  const card = document.querySelector(`[data-way="${way === "again" ? "ticket" : way}"]`);
  const [answer, log] = [card.querySelector(".answer"), card.querySelector(".log")];
  const buttons = [...card.querySelectorAll("button[data-try]")];
  [answer.textContent, answer.dataset.state] = ["opening …", "connecting"];
  buttons.forEach((button) => (button.ariaDisabled = "true"));
  try {
    const target = await WAYS[way]();
    uses = way === "again" ? uses + 1 : 1;
    log.textContent = logged(target);
    const { frame, code, why } = await tryOnce(target);
    answer.dataset.state = frame ? "open" : "closed";
    answer.textContent = frame ? words(way, frame) : `closed ${code}: ${why}`;
  } catch (problem) {
    [answer.textContent, answer.dataset.state] = [`not tried: ${problem.message}`, "closed"];
  }
  if (way === "ticket" || way === "again") byId("uses").textContent = uses;
  buttons.forEach((button) => (button.ariaDisabled = "false"));
  enable();
}

function words(way, { username, user_id, via }) {
  const said = `${username}, user ${user_id}, via ${via}`;
  return way === "message" && via === "session" ? `${said}: your cookie came before the message` : said;
}

for (const button of document.querySelectorAll("button[data-try]")) {
  button.addEventListener("click", () => {
    if (button.ariaDisabled !== "true") show(button.dataset.try);
  });
}

// A token's life

// --8<-- [start:life]
const [life, connections, renewals] = [byId("life"), byId("connections"), byId("renewals")];
const socket = new ReconnectingSocket({
  connect: async () => ({ url, protocols: [OWN, `ticket.${await credentials.ticket()}`] }),
  renew: async () => {
    if (!credentials.isKept) throw new Refused("renewing was stopped");
    await credentials.refresh();
  },
});

// A fresh token on the open socket: the connection goes on, and its right with it.
credentials.addEventListener("renewed", () => {
  renewals.textContent = Number(renewals.textContent) + 1;
  if (socket.state === "open") socket.send(authenticate(credentials.access));
});
// --8<-- [end:life]

credentials.addEventListener("obtained", () => {
  byId("who").textContent = `You have the tokens of ${byId("username").value}.`;
  byId("password").value = "";
  tick();
});

credentials.addEventListener("ended", () => {
  byId("who").textContent = "You have no token: log in above.";
  socket.retryNow(); // if it waits for another try: there is no token for it, and the page says so now
  tick();
});

socket.addEventListener("state", () => {
  if (socket.state === "open") connections.textContent = Number(connections.textContent) + 1;
  enable();
});

socket.addEventListener("message", ({ data }) => {
  byId("said").textContent = data;
});

// Everything that needs a token waits for one; what has expired may be tried.
function enable() {
  for (const button of document.querySelectorAll("[data-needs=token]")) button.disabled = !credentials.access;
  byId("again").disabled = ticket === null;
  byId("open").disabled = !credentials.access || !["idle", "closed"].includes(socket.state);
  byId("keep").ariaPressed = String(!credentials.isKept);
}

function tick() {
  byId("left").textContent = Math.ceil(credentials.left / 1_000);
  enable();
}

// What the reader asks for, and in words what became of it.
async function ask(problem, work) {
  byId(problem).textContent = "";
  try {
    await work();
  } catch (error) {
    const isRefused = error instanceof Refused;
    byId(problem).textContent = isRefused ? error.message : "The server could not be reached. Try again.";
  }
}

byId("log-in").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("problem", () => credentials.obtain(byId("username").value, byId("password").value));
});

const ACTIONS = {
  open: () => socket.open(),
  renew: () => credentials.refresh(),
  keep: () => credentials.keep(!credentials.isKept),
  end: () => credentials.logOut(),
};
for (const [id, action] of Object.entries(ACTIONS)) {
  byId(id).addEventListener("click", () => ask("trouble", async () => action()).then(tick));
}

setInterval(tick, 500);
tick();
life.hidden = false;
showStatus(socket, byId("status"), byId("now"));
