// The list of messages: in the order of their numbers, each once; text is never HTML.

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const STATES = { sending: "sending …", sent: "sent" };

function part(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export class Conversation {
  #box; // what scrolls
  #list;
  #sending = new Map(); // client_id → item

  constructor(box, list) {
    [this.#box, this.#list] = [box, list];
  }

  // A stored message. One of our own that was shown as "sending" takes its place among the others.
  add(message, { isOwn }) {
    const { number, client_id } = message;
    if (this.#list.querySelector(`[data-number="${number}"]`)) return;
    const waiting = isOwn && this.#sending.get(client_id); // others may send what id they like
    const item = this.#item(message, { isOwn, state: waiting && "sent" });
    item.dataset.number = number;
    if (waiting) this.#forget(client_id);
    const isLater = (other) => Number(other.dataset.number) > number || other.dataset.state === "sending";
    this.#insert(item, [...this.#list.children].find(isLater));
  }

  // Our own message, on its way.
  sending(clientId, message) {
    const item = this.#item({ ...message, timestamp: new Date() }, { isOwn: true, state: "sending" });
    this.#sending.set(clientId, item);
    this.#insert(item, null, true);
  }

  acknowledge(clientId) {
    const item = this.#sending.get(clientId);
    if (item) this.#become(item, "sent");
  }

  // A private message. It has no number: it is not stored.
  addPrivate(message, { isOwn }) {
    const item = this.#item(message, { isOwn });
    item.dataset.private = "";
    const mark = isOwn ? `privately to ${message.to}` : "privately to you";
    item.querySelector(".mark").textContent = mark;
    this.#insert(item, null);
  }

  // Somebody came or went.
  note(text) {
    this.#insert(part("li", "note", text), null);
  }

  // A line above the first message of others that came while we were away.
  leftOff(number) {
    this.#list.querySelector(".left-off")?.remove();
    const first = [...this.#list.children].find((item) => Number(item.dataset.number) >= number);
    this.#insert(part("li", "left-off", "You left off here"), first);
  }

  // What `change` puts above must not move what is being read.
  keepPlace(change) {
    const below = this.#box.scrollHeight - this.#box.scrollTop;
    change();
    this.#box.scrollTop = this.#box.scrollHeight - below;
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  get oldest() {
    return Number(this.#list.querySelector("[data-number]")?.dataset.number ?? 0);
  }

  #item({ username, message, timestamp }, { isOwn, state }) {
    const item = part("li", "message");
    item.toggleAttribute("data-own", isOwn);
    const time = part("time", "", WHEN.format(new Date(timestamp)));
    time.dateTime = new Date(timestamp).toISOString();
    const name = part("strong", "", isOwn ? `${username} (you)` : username);
    const about = part("p", "about");
    about.append(name, " ", part("span", "mark"), " ", time, " ", part("span", "state"));
    item.append(about, part("p", "text", message));
    if (state) this.#become(item, state);
    return item;
  }

  #become(item, state) {
    item.dataset.state = state;
    item.querySelector(".state").textContent = STATES[state];
  }

  #forget(clientId) {
    this.#sending.get(clientId).remove();
    this.#sending.delete(clientId);
  }

  #insert(item, before, scroll = false) {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    const atEnd = scrollHeight - scrollTop - clientHeight < 40;
    this.#list.insertBefore(item, before ?? null);
    if (scroll || (atEnd && !before?.dataset.number)) this.toEnd();
  }
}
