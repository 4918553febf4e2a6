// The status line: the state of a ReconnectingSocket as a shape, a word and a colour.

// `line` and `button` stand in templates/connection.html, and a link to log in beside them.
export function showStatus(socket, line, button) {
  const login = line.parentElement.querySelector("a");
  let why = ""; // the server's words, from its last frame: Daphne drops a close's reason
  const word = line.querySelector(".word");
  const countdown = line.querySelector(".countdown"); // aria-hidden: nobody wants to hear each second
  let timer = null;

  function words() {
    if (socket.state === "waiting" && socket.code === 4429) return `too fast, try ${socket.attempt + 1}`;
    if (socket.state === "waiting") return `connecting, try ${socket.attempt + 1}`;
    if (socket.state === "connecting" && socket.attempt > 1) return `connecting, try ${socket.attempt}`;
    if (socket.state === "closed") return closedWords();
    return socket.state;
  }

  function closedWords() {
    const code = socket.code ? `closed ${socket.code}` : "closed";
    const reason = socket.code === 4401 ? "log in again" : why || socket.reason;
    return reason ? `${code}: ${reason}` : code;
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
    login.hidden = socket.state !== "closed" || socket.code !== 4401;
    if (socket.state === "open") why = "";
    tick();
  }

  button.addEventListener("click", () => socket.retryNow());
  socket.addEventListener("message", ({ data }) => {
    const { type, reason } = JSON.parse(data);
    if (type === "closing") why = reason;
  });
  socket.addEventListener("state", show);
  show();
}
