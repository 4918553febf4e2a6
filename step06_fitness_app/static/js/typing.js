// Who types: told now and then, and forgotten by time, since such a message may be lost.

const TYPING_FOR = 6_000; // ms: somebody who vanished while typing stops by themselves
const SAY_AGAIN = 3_000; // ms between two "I am typing"
const IDLE = 4_000; // ms without a key: no longer typing

// The line that says who types. Whoever is silent for a while, or gone, is off it by themselves.
export class TypingLine {
  #line;
  #timers = new Map(); // username → timer

  constructor(line) {
    this.#line = line;
  }

  set(username, isTyping) {
    clearTimeout(this.#timers.get(username));
    this.#timers.delete(username);
    if (isTyping) this.#timers.set(username, setTimeout(() => this.set(username, false), TYPING_FOR));
    this.#show();
  }

  clear() {
    for (const username of [...this.#timers.keys()]) this.set(username, false);
  }

  #show() {
    const names = [...this.#timers.keys()];
    const who = names.length > 2 ? `${names.length} people` : names.join(" and ");
    this.#line.textContent = names.length ? `${who} ${names.length > 1 ? "are" : "is"} typing …` : "";
  }
}

// Our own typing: told at most once in a while, and ended when no key is pressed.
export class OwnTyping {
  #tell;
  #toldAt = -Infinity;
  #idle = null;

  constructor(tell) {
    this.#tell = tell;
  }

  key() {
    if (performance.now() - this.#toldAt >= SAY_AGAIN) {
      this.#toldAt = performance.now();
      this.#tell(true);
    }
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE);
  }

  stop() {
    clearTimeout(this.#idle);
    if (this.#toldAt > -Infinity) this.#tell(false);
    this.#toldAt = -Infinity;
  }
}
