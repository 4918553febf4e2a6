// The bell in every page's navigation: one socket, the number of unread notifications, and a word
// when something comes. Other parts of a page hear of it too:
//
//   document.addEventListener("pulse:notification", ({ detail }) => show(detail)); // a frame
//
// For the page that lists them, `bell` also keeps what came and what is read ("change").

import { byId, part, socketTo } from "./page.js";

const PAGE = 50; // as many as the server sends at once
const QUIET = 10_000; // ms between two announcements: what comes meanwhile is counted
const TOGETHER = 500; // ms in which several that come are one

// --8<-- [start:unread]
// The server's count of the unread up to a number, and those this page got after that number: so
// it does not matter which of two frames overtakes the other.
export class Unread {
  #counted = 0;
  #asOf = -1;
  #newer = new Set();

  get count() {
    return this.#counted + this.#newer.size;
  }

  takeCount({ unread, as_of }) {
    if (as_of < this.#asOf) return;
    [this.#counted, this.#asOf] = [unread, as_of];
    for (const number of this.#newer) if (number <= as_of) this.#newer.delete(number);
  }

  takeOne({ number, is_read }) {
    if (!is_read && number > this.#asOf) this.#newer.add(number);
  }
}
// --8<-- [end:unread]

// What a notification says, in a few words.
export function words(frame) {
  const { username, title, detail, name, place, winner } = frame;
  switch (frame.type) {
    case "achievement_notification": return `${title}: ${detail}`;
    case "friend_achievement": return `${username}: ${title} (${detail})`;
    case "friend_request": return `${username} wants to be your friend`;
    case "friend_accepted": return `${username} is your friend now`;
    case "challenge_ended": {
      const own = place ? `, your place: ${place}` : "";
      return `${name} is over${winner ? `, ${winner} won` : ""}${own}`;
    }
    default: return "something new";
  }
}

// Says what came to whoever listens: politely, seldom, and all at once.
class Announcer {
  #region = part("p", "", "unseen");
  #waiting = [];
  #timer = null;
  #quietUntil = 0;

  constructor() {
    this.#region.setAttribute("role", "status");
    document.body.append(this.#region);
  }

  add(text) {
    this.#waiting.push(text);
    const wait = Math.max(TOGETHER, this.#quietUntil - performance.now());
    this.#timer ??= setTimeout(() => this.#say(), wait);
  }

  #say() {
    const { length } = this.#waiting;
    this.#region.textContent = length > 1 ? `${length} new notifications` : `New: ${this.#waiting[0]}`;
    [this.#waiting, this.#timer, this.#quietUntil] = [[], null, performance.now() + QUIET];
  }
}

class Bell extends EventTarget {
  known = new Map(); // number → frame
  hasOlder = false;
  #link;
  #unread = new Unread();
  #announcer = new Announcer();
  #last = null; // the highest number this page got; null before the first page
  #isAsked = false; // for older ones
  #isBack = false; // connected again
  #again = null; // { before, to }: pages that are asked for once more

  constructor(link) {
    super();
    this.#link = link;
    const query = () => (this.#last === null ? "" : `after=${this.#last}`);
    this.socket = socketTo("/ws/notifications/", query);
    this.socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)));
    this.socket.addEventListener("state", () => this.#showState());
    this.socket.open();
  }

  get unread() { return this.#unread.count; }

  get isReady() { return this.#last !== null; }

  mark(numbers, isRead) {
    return this.#send({ type: "mark", numbers, is_read: isRead });
  }

  // Up to what this page shows: what comes meanwhile stays unread.
  markAll() {
    return this.#send({ type: "mark_all_read", up_to: this.#last ?? 0 });
  }

  askOlder() {
    this.#isAsked = this.#send({ type: "history", before: Math.min(...this.known.keys()) });
    return this.#isAsked;
  }

  // What is read may have changed while there was no connection: all that is known, page by page.
  askAgain() {
    if (!this.known.size) return;
    this.#again = { before: this.#last + 1, to: Math.min(...this.known.keys()) };
    this.#send({ type: "history", before: this.#again.before });
  }

  #askOn(notifications) {
    const { before, to } = this.#again;
    const first = notifications[0]?.number ?? before;
    if (first >= before) return; // what came meanwhile
    this.#again = first > to ? { before: first, to } : null;
    if (this.#again) this.#send({ type: "history", before: first });
  }

  // Not worth a place in the queue: what is asked for is what the page shows now.
  #send(message) {
    return this.socket.state === "open" && this.socket.send(JSON.stringify(message));
  }

  #take(frame) {
    if (frame.type === "notifications") this.#takePage(frame);
    else if (frame.type === "marked") this.#mark(frame);
    else if (frame.number) this.#takeOne(frame);
    else return;
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #takePage(page) {
    const { notifications } = page;
    const isFirst = this.#last === null;
    const oldest = Math.min(...this.known.keys()); // Infinity if there is none
    const isOlder = this.#isAsked && !notifications.some(({ number }) => number >= oldest);
    if (isFirst || isOlder) this.hasOlder = notifications.length === PAGE;
    if (isOlder) this.#isAsked = false;
    this.#unread.takeCount(page);
    if (isFirst) this.#last = notifications.at(-1)?.number ?? 0;
    for (const frame of notifications) {
      this.known.set(frame.number, frame);
      if (frame.number > this.#last) this.#tell(frame);
    }
    if (this.#again) this.#askOn(notifications);
  }

  #takeOne(frame) {
    if (frame.number <= this.#last) return; // it came twice
    this.known.set(frame.number, frame);
    this.#unread.takeOne(frame);
    this.#tell(frame);
  }

  #tell(frame) {
    this.#last = frame.number;
    this.#announcer.add(words(frame));
    document.dispatchEvent(new CustomEvent("pulse:notification", { detail: frame }));
  }

  #mark(marked) {
    this.#unread.takeCount(marked);
    const isMeant = (number) => (marked.numbers ? marked.numbers.includes(number) : number <= marked.up_to);
    for (const [number, frame] of this.known) if (isMeant(number)) frame.is_read = marked.is_read;
  }

  #showState() {
    if (this.socket.state === "open") {
      if (this.#isBack) this.dispatchEvent(new Event("back"));
      this.#isBack = true;
    }
    if (this.socket.state !== "open") [this.#isAsked, this.#again] = [false, null];
    this.#link.dataset.state = this.socket.state;
    this.#show();
  }

  #show() {
    const count = this.#link.querySelector(".count");
    count.hidden = !this.unread;
    count.textContent = this.unread > 99 ? "99+" : this.unread;
    const closed = this.socket.state === "closed" ? ", not connected" : "";
    this.#link.setAttribute("aria-label", `Bell: notifications${this.unread ? `, ${this.unread} unread` : ""}${closed}`);
  }
}

// One for the page, by whatever address this module was loaded; none for who is not logged in.
const link = byId("bell");
export const bell = link && (link.bell ??= new Bell(link));
