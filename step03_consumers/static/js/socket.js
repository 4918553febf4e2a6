// A WebSocket that comes back by itself. Step 04 adds to it: what must not be lost is sent again.
//
//   const socket = new ReconnectingSocket({ connect: async () => ({ url, protocols }) });
//   socket.addEventListener("state", () => show(socket.state, socket.attempt, socket.code));
//   socket.addEventListener("message", (event) => show(event.data));
//   socket.open();
//
// state: idle → connecting → open, or connecting ⇄ waiting (for the next try), and closed at last.
// What is sent while there is no connection waits in a queue. What was sent just before a
// connection broke may be lost: nobody can tell from this side whether it arrived.

const FIRST_DELAY = 1_000; // milliseconds, doubled at every failure …
const MAX_DELAY = 30_000; // … up to this
const STEADY = 5_000; // a connection that lived this long ends the row of failures

// 44xx: the server has an answer, and asking again gives the same one. 4429 is "too fast".
const isFinal = (code) => code >= 4400 && code <= 4499 && code !== 4429;

export class ReconnectingSocket extends EventTarget {
  state = "idle";
  attempt = 0; // tries since the last steady connection
  retryAt = null; // when the next try is due, on performance.now()'s clock
  code = null; // of the last close, and its reason
  reason = "";

  #connect;
  #maxQueue;
  #queue = [];
  #current = null; // the one attempt or connection that counts; its late rivals are ignored
  #timer = null;

  constructor({ connect, maxQueue = 100 }) {
    super();
    this.#connect = connect; // asked before every attempt: a ticket may be good for one only
    this.#maxQueue = maxQueue;
  }

  get queued() { return this.#queue.length; }

  open() {
    if (this.state !== "idle" && this.state !== "closed") return;
    this.attempt = 0;
    this.#try();
  }

  retryNow() {
    if (this.state === "waiting") this.#try();
  }

  // Send or queue; false if neither: then the caller still has it, and should say so.
  send(data) {
    if (this.state === "open" && this.#current.socket.readyState === WebSocket.OPEN) {
      this.#current.socket.send(data);
      return true;
    }
    if (this.state === "closed" || this.#queue.length >= this.#maxQueue) return false;
    this.#queue.push(data);
    return true;
  }

  // Close for good: no more tries, and what waits in the queue is forgotten.
  close(code = 1000, reason = "") {
    const socket = this.#current?.socket;
    if (socket) socket.close(code, reason); // first: it throws if the code or reason is bad
    else this.#current = null;
    clearTimeout(this.#timer);
    [this.#queue, this.code, this.reason] = [[], null, ""];
    this.#become("closed");
  }

  // --8<-- [start:try]
  async #try() {
    clearTimeout(this.#timer);
    const current = (this.#current = { socket: null, openedAt: Infinity });
    this.attempt += 1;
    this.#become("connecting");
    const target = await Promise.resolve().then(this.#connect).catch(() => null);
    if (current !== this.#current) return; // closed while we were asking
    if (!target) return this.#retry();
    try {
      current.socket = new WebSocket(target.url, target.protocols ?? []);
    } catch (mistake) { // in the address or a subprotocol: the next try would make it again
      [this.code, this.reason] = [null, mistake.message];
      this.#become("closed");
      throw mistake;
    }
    const { socket } = current;
    const on = (type, handle) =>
      socket.addEventListener(type, (event) => current === this.#current && handle(event));
    on("open", () => {
      if (this.state === "closed") return;
      current.openedAt = performance.now();
      for (const data of this.#queue.splice(0)) socket.send(data);
      this.#become("open");
    });
    on("message", (event) => this.dispatchEvent(new MessageEvent("message", { data: event.data })));
    // Not from "error" as well: "close" always follows it, and two retries are two sockets.
    on("close", ({ code, reason }) => {
      [this.code, this.reason, current.socket] = [code, reason, null];
      if (performance.now() - current.openedAt >= STEADY) this.attempt = 0;
      if (this.state === "closed" || isFinal(code)) this.#become("closed");
      else this.#retry();
    });
  }

  // Exponential back-off with full jitter: a thousand clients must not come back in one instant.
  #retry() {
    const delay = Math.random() * Math.min(MAX_DELAY, FIRST_DELAY * 2 ** this.attempt);
    this.retryAt = performance.now() + delay;
    this.#timer = setTimeout(() => this.#try(), delay);
    this.#become("waiting");
  }
  // --8<-- [end:try]

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
