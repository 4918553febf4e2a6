// What was measured and is not stored yet: kept, sent in order, and again on each new connection.
// No page, no socket. The server says how far it has stored of ours (`saved`); the rest goes again.

const MOST = 4_000; // more than an hour at one a second; beyond it the oldest go
const PER_SECOND = 25; // the server takes 40, and other messages want some of them
const AT_ONCE = 40;
const TURN = 100; // ms

export class Unsaved {
  samples = []; // by time
  lost = 0; // how many were too many
  #send;
  #next = 0; // of samples, the first that was not sent on this connection
  #isOn = false;
  #isStopped = false; // the server has refused some, and did not say which
  #left = AT_ONCE;
  #at = performance.now();
  #timer = null;

  constructor(send) {
    this.#send = send;
  }

  get isSent() {
    return this.#next === this.samples.length;
  }

  add(sample) {
    this.samples.push(sample);
    if (this.samples.length > MOST) {
      this.samples.shift();
      this.lost += 1;
      this.#next = Math.max(0, this.#next - 1);
    }
    this.#pump();
  }

  // --8<-- [start:saved]
  saved(upTo) {
    if (this.#isStopped) return; // some were not taken: `start` sends all of them again
    const kept = this.samples.findIndex(({ time }) => time > upTo);
    const gone = kept < 0 ? this.samples.length : kept;
    this.samples.splice(0, gone);
    this.#next = Math.max(0, this.#next - gone);
  }

  // A new connection: all that was not `saved` goes again, in order. What the server has stored by
  // then says nothing: that may be of another device, which measured later.
  start() {
    [this.#next, this.#isOn, this.#isStopped] = [0, true, false];
    this.#pump();
  }

  stop() {
    [this.#isOn, this.#isStopped] = [false, true];
  }
  // --8<-- [end:saved]

  clear() {
    [this.samples, this.#next, this.lost] = [[], 0, 0];
  }

  #pump() {
    const now = performance.now();
    this.#left = Math.min(AT_ONCE, this.#left + ((now - this.#at) / 1000) * PER_SECOND);
    this.#at = now;
    while (this.#isOn && !this.isSent && this.#left >= 1) {
      this.#left -= 1;
      this.#send(this.samples[this.#next++]);
    }
    if (!this.#isOn || this.isSent || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, TURN);
  }
}
