// The status line: the state of a ReconnectingSocket as a shape, a word and a colour.

export function showStatus(socket, line, button) {
  const word = line.querySelector(".word");
  const countdown = line.querySelector(".countdown"); // aria-hidden: nobody wants to hear each second
  let timer = null;

  function words() {
    if (socket.state === "waiting") return `connecting, try ${socket.attempt + 1}`;
    if (socket.state === "connecting" && socket.attempt > 1) return `connecting, try ${socket.attempt}`;
    if (socket.state === "closed" && socket.code) return `closed ${socket.code}`;
    return socket.state;
  }

  function tick() {
    clearTimeout(timer);
    const left = socket.state === "waiting" ? Math.max(0, socket.retryAt - performance.now()) : 0;
    countdown.textContent = left ? ` in ${Math.ceil(left / 1000)} s` : "";
    if (left) timer = setTimeout(tick, 200);
  }

  function show() {
    line.dataset.state = socket.state === "waiting" ? "connecting" : socket.state;
    if (word.textContent !== words()) word.textContent = words();
    button.hidden = socket.state !== "waiting";
    tick();
  }

  button.addEventListener("click", () => socket.retryNow());
  socket.addEventListener("state", show);
  show();
}
