// What both pages need: write text into an element, say how the connection is, find the socket.

export const byId = (id) => document.getElementById(id);

export const show = (id, text) => { byId(id).textContent = text; };

export function setStatus(state, word) {
  const status = byId("status");
  status.dataset.state = state;
  status.querySelector(".word").textContent = word;
}

export function socketUrl(path) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}${path}`;
}
