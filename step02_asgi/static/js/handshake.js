// Shows what the server saw of this page's own handshake; a browser keeps it from its scripts.

import { byId, setStatus, show, socketUrl } from "./page.js";

let socket = null;

function code(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}

function row(name, value) {
  const tr = document.createElement("tr");
  const th = document.createElement("th");
  const td = document.createElement("td");
  th.scope = "row";
  th.append(code(name));
  td.append(code(value));
  tr.append(th, td);
  return tr;
}

function groupOf(name, rows) {
  const body = document.createElement("tbody");
  const th = document.createElement("th");
  th.colSpan = 2;
  th.scope = "rowgroup";
  th.textContent = `Put there by ${name}`;
  const tr = document.createElement("tr");
  tr.append(th);
  body.append(tr, ...rows);
  return body;
}

function showHandshake({ scope, accept }) {
  const query = scope.query_string ? `?${scope.query_string}` : "";
  show("request-line", `GET ${scope.path}${query} HTTP/1.1`);
  byId("request").replaceChildren(...scope.headers.map(([name, value]) => row(name, value)));
  show("accept", accept);
}

function showScope({ scope, set_by: setBy }) {
  const groups = new Map();
  for (const [key, value] of Object.entries(scope)) {
    const text = key === "headers" ? `${value.length} pairs, shown above` : JSON.stringify(value);
    groups.set(setBy[key], [...(groups.get(setBy[key]) ?? []), row(key, text)]);
  }
  byId("scope").replaceChildren(...[...groups].map(([name, rows]) => groupOf(name, rows)));
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
