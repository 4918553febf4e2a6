// A real recording in the place of a sensor, at its own pace or faster.

const TICK = 50; // ms; a tab in the background ticks once a second, and then catches up

export class Player {
  speed = 1;
  position = 0; // seconds of the recording that were played
  rows = null; // [t, heart rate, cadence, power, distance]
  #each;
  #next = 0;
  #timer = null;
  #at = 0;

  // `each` gets every row when its time has come, and null at the end.
  constructor(each) {
    this.#each = each;
  }

  get isPlaying() {
    return this.#timer !== null;
  }

  async load(address) {
    if (this.rows) return;
    const answer = await fetch(address);
    if (!answer.ok) throw new Error("the recording could not be loaded");
    this.rows = (await answer.json()).samples;
  }

  play() {
    if (this.isPlaying) return;
    this.#at = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  rewind() {
    this.pause();
    [this.position, this.#next] = [0, 0];
  }

  #tick() {
    const now = performance.now();
    this.position += ((now - this.#at) / 1000) * this.speed;
    this.#at = now;
    while (this.#next < this.rows.length && this.rows[this.#next][0] <= this.position) this.#each(this.rows[this.#next++]);
    if (this.#next < this.rows.length) return;
    this.rewind();
    this.#each(null);
  }
}
