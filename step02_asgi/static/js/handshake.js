// Shows what the server saw of this page's own handshake; a browser keeps it from its scripts.

import { byId, setStatus, show, socketUrl } from "./page.js";

let socket = null;

function entry(name, value) {
  const div = document.createElement("div");
  for (const [tag, text] of [["dt", name], ["dd", value]]) {
    const code = document.createElement("code");
    code.textContent = text;
    const element = document.createElement(tag);
    element.append(code);
    div.append(element);
  }
  return div;
}

function group(name, entries) {
  const heading = document.createElement("h2");
  heading.textContent = `Scope: put there by ${name}`;
  const list = document.createElement("dl");
  list.className = "figures wide";
  list.append(...entries);
  return [heading, list];
}

function showHandshake({ scope, accept }) {
  const query = scope.query_string ? `?${scope.query_string}` : "";
  show("request-line", `GET ${scope.path}${query} HTTP/1.1`);
  byId("request").replaceChildren(...scope.headers.map(([name, value]) => entry(name, value)));
  show("accept", accept);
}

function showScope({ scope, set_by: setBy }) {
  const groups = new Map();
  for (const [key, value] of Object.entries(scope)) {
    let text = typeof value === "string" && value ? value : JSON.stringify(value);
    if (key === "headers") text = `${value.length} pairs, shown above`;
    groups.set(setBy[key], [...(groups.get(setBy[key]) ?? []), entry(key, text)]);
  }
  byId("scope").replaceChildren(...[...groups].flatMap(([name, entries]) => group(name, entries)));
}

function connect(path) {
  socket?.close();
  const mine = new WebSocket(socketUrl(path));
  socket = mine;
  setStatus("connecting", "connecting");
  mine.addEventListener("open", () => setStatus("open", `open: ${path}`));
  mine.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    showHandshake(message);
    showScope(message);
  });
  mine.addEventListener("close", (event) => {
    if (socket === mine) setStatus("closed", `closed ${event.code}: what you see is the last scope`);
  });
}

for (const button of document.querySelectorAll("button[data-path]")) {
  button.addEventListener("click", () => connect(button.dataset.path));
}
connect("/ws/scope/");
