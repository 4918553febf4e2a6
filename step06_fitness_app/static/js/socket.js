// A WebSocket that comes back by itself. Step 06 adds to it: a line that has died in silence, with
// the Wi-Fi or a laptop's lid, is noticed.
//
//   const socket = new ReconnectingSocket({ connect: async () => ({ url, protocols }), renew });
//   socket.addEventListener("state", () => show(socket.state, socket.attempt, socket.code));
//   socket.addEventListener("message", (event) => show(event.data));
//   socket.open();
//
// state: idle → connecting → open, or connecting ⇄ waiting (for the next try), and closed at last.
// What is sent while there is no connection waits in a queue. What was sent just before a
// connection broke may be lost: nobody can tell from this side whether it arrived. So what is
// sent with an id is kept until acknowledge(id), and sent again on each new connection.
//
// connect, renew (optional: it gets a fresh credential for connect() to use): both async, and both may
// throw. An error whose isFinal is true is a refusal, like a close with 4401; after any other it is
// tried again later.
// probe (optional): { ask, answer }, two frames. Without it a dead line is "open" for minutes.

const FIRST_DELAY = 1_000; // milliseconds, doubled at every failure …
const MAX_DELAY = 30_000; // … up to this
const STEADY = 5_000; // a connection that lived this long ends the row of failures
const SLOW = 3_000; // after "too fast": wait so long, doubled at every further one …
const GAP = 150; // … and then send one message after another, so far apart
const QUIET = 20_000; // when nothing has come for so long, ask whether anybody is there …
const PATIENCE = 10_000; // … and leave when nothing comes then

// 44xx: the server has an answer, and asking again gives the same one. 4429 is "too fast".
const isFinal = (code) => code >= 4400 && code <= 4499 && code !== 4429;

export class ReconnectingSocket extends EventTarget {
  state = "idle";
  attempt = 0; // tries since the last steady connection
  retryAt = null; // when the next try is due, on performance.now()'s clock
  code = null; // of the last close, and its reason
  reason = "";

  #connect;
  #renew;
  #probe;
  #isRenewed = false; // the credential, since the last steady connection
  #maxQueue;
  #queue = []; // { id, data }: not sent yet, or not acknowledged yet
  #current = null; // the one attempt or connection that counts; its late rivals are ignored
  #timer = null;
  #pace = null; // { wait, timer } from "too fast" until all is acknowledged

  constructor({ connect, renew, probe, maxQueue = 100 }) {
    super();
    this.#connect = connect; // asked before every attempt: a ticket may be good for one only
    this.#renew = renew;
    this.#probe = probe;
    this.#maxQueue = maxQueue;
  }

  get queued() { return this.#queue.length; }

  open() {
    if (this.state !== "idle" && this.state !== "closed") return;
    [this.attempt, this.#isRenewed] = [0, false];
    this.#try();
  }

  retryNow() {
    if (this.state === "waiting") this.#try();
  }

  // --8<-- [start:send]
  // Send or queue; false if neither: then the caller still has it, and should say so.
  send(data, id = null) {
    const isOpen = this.state === "open" && this.#current.socket.readyState === WebSocket.OPEN;
    if (id !== null || !isOpen) {
      if (this.state === "closed" || this.#queue.length >= this.#maxQueue) return false;
      this.#queue.push({ id, data });
    }
    if (isOpen && (id === null || !this.#pace)) this.#current.socket.send(data);
    return true;
  }

  // The other side has it: it need not be sent again.
  acknowledge(id) {
    this.#queue = this.#queue.filter((kept) => kept.id !== id);
    if (this.#pace && !this.#pace.timer) this.#pace.timer = setTimeout(() => this.#sendOldest(), GAP);
  }
  // --8<-- [end:send]

  // --8<-- [start:pace]
  // The other side was too busy for something: wait, then send one by one what has an id.
  slowDown() {
    if (this.#pace?.timer) return; // one of a volley
    const wait = Math.min(MAX_DELAY, this.#pace ? 2 * this.#pace.wait : SLOW);
    this.#pace = { wait, timer: setTimeout(() => this.#sendOldest(), wait) };
  }

  // The next follows when this one is acknowledged.
  #sendOldest() {
    if (this.#pace) this.#pace.timer = null;
    const oldest = this.#queue.find(({ id }) => id !== null);
    if (!oldest) this.#pace = null;
    else if (this.state === "open") this.#current.socket.send(oldest.data);
  }
  // --8<-- [end:pace]

  // Close for good: no more tries, and what waits in the queue is forgotten.
  close(code = 1000, reason = "") {
    const socket = this.#current?.socket;
    if (socket) socket.close(code, reason); // first: it throws if the code or reason is bad
    else this.#current = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#pace?.timer);
    clearTimeout(this.#current?.quiet);
    [this.#queue, this.#pace, this.code, this.reason] = [[], null, null, ""];
    this.#become("closed");
  }

  // --8<-- [start:try]
  async #try() {
    clearTimeout(this.#timer);
    const current = (this.#current = { socket: null, openedAt: Infinity });
    this.attempt += 1;
    this.#become("connecting");
    let problem = null;
    const asked = Promise.resolve().then(this.#connect);
    const target = await asked.catch((error) => void (problem = error));
    if (current !== this.#current) return; // closed while we were asking
    if (problem?.isFinal) return this.#leave(current, 4401, problem.message);
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
      for (const { id, data } of this.#queue) if (id === null || !this.#pace) socket.send(data);
      this.#queue = this.#queue.filter(({ id }) => id !== null);
      this.#listen(current);
      this.#become("open");
      if (this.#pace && !this.#pace.timer) this.#sendOldest();
    });
    on("message", ({ data }) => {
      if (this.state === "open") this.#listen(current);
      if (data !== this.#probe?.answer) this.dispatchEvent(new MessageEvent("message", { data }));
    });
    // Not from "error" as well: "close" always follows it, and two retries are two sockets.
    on("close", ({ code, reason }) => {
      current.socket = null;
      clearTimeout(current.quiet);
      if (performance.now() - current.openedAt >= STEADY) [this.attempt, this.#isRenewed] = [0, false];
      this.#leave(current, code, reason);
    });
  }

  // The connection is gone, or was refused before there was one: what is to become of it.
  #leave(current, code, reason) {
    [this.code, this.reason] = [code, reason];
    if (this.state === "closed") this.#become("closed");
    else if (code === 4401 && this.#renew && !this.#isRenewed) this.#renewAndTry(current);
    else if (isFinal(code)) this.#become("closed");
    else this.#retry();
  }

  // --8<-- [start:probe]
  // Anything that comes is a sign of life. A dead line's own close would take
  // minutes: it is not waited for.
  #listen(current) {
    clearTimeout(current.quiet);
    if (!this.#probe) return;
    current.quiet = setTimeout(() => {
      current.socket.send(this.#probe.ask);
      current.quiet = setTimeout(() => {
        current.socket.close();
        [this.#current, this.code, this.reason] = [null, 1006, ""];
        [this.attempt, this.#isRenewed] = [0, false];
        this.#retry();
      }, PATIENCE);
    }, QUIET);
  }
  // --8<-- [end:probe]

  // --8<-- [start:renew]
  // Once: whoever is refused with a fresh credential too has no right to be here.
  async #renewAndTry(current) {
    this.#isRenewed = true;
    this.#become("connecting");
    const problem = await Promise.resolve().then(this.#renew).then(() => null, (problem) => problem);
    if (current !== this.#current) return; // closed while we were asking
    if (problem === null) return this.#try();
    if (problem.isFinal) return this.#become("closed");
    this.#isRenewed = false; // the server was away: its answer is not known yet
    this.#retry();
  }
  // --8<-- [end:renew]

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
