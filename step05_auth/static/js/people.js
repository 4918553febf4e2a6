// Who is here, and who of them types.

const TYPING_FOR = 6_000; // ms: somebody who vanished while typing stops by themselves
const SAY_AGAIN = 3_000; // ms between two "I am typing"
const IDLE = 4_000; // ms without a key: no longer typing

// The list of people; each of the others is a button that chooses them for a private message.
export class People extends EventTarget {
  chosen = null;
  #list;
  #items = new Map(); // username → item
  #me = null;

  constructor(list) {
    super();
    this.#list = list;
  }

  get count() {
    return this.#items.size;
  }

  // Exactly these, and this one is us.
  set(usernames, me) {
    if (me !== this.#me) this.#items.forEach((item, username) => this.#remove(username, item));
    this.#me = me;
    for (const [username, item] of this.#items)
      if (!usernames.includes(username)) this.#remove(username, item);
    for (const username of usernames) this.add(username);
  }

  add(username) {
    if (this.#items.has(username)) return;
    const item = document.createElement("li");
    const who = document.createElement(username === this.#me ? "span" : "button");
    who.textContent = username === this.#me ? `${username} (you)` : username;
    if (username !== this.#me) {
      who.type = "button";
      who.className = "secondary";
      who.ariaPressed = String(username === this.chosen);
      who.title = `Write to ${username} privately`;
      who.addEventListener("click", () => this.choose(username === this.chosen ? null : username));
    }
    item.append(who);
    const after = [...this.#items].find(([other]) => other.localeCompare(username) > 0);
    this.#items.set(username, item);
    this.#items = new Map([...this.#items].sort(([one], [other]) => one.localeCompare(other)));
    this.#list.insertBefore(item, after?.[1] ?? null);
  }

  remove(username) {
    const item = this.#items.get(username);
    if (item) this.#remove(username, item);
  }

  choose(username) {
    this.chosen = username;
    for (const [other, item] of this.#items) {
      const button = item.querySelector("button");
      if (button) button.ariaPressed = String(other === username);
    }
    this.dispatchEvent(new Event("choose"));
  }

  #remove(username, item) {
    item.remove();
    this.#items.delete(username);
  }
}

// --8<-- [start:typing]
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
// --8<-- [end:typing]
