// What a room and a conversation of two have in common: what is typed is not lost, and whoever
// comes back gets what was missed, without a gap or a double.

import { Conversation } from "./conversation.js";
import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";
import { NumberedStream } from "./stream.js";

export const byId = (id) => document.getElementById(id);
export const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

const scheme = location.protocol === "https:" ? "wss" : "ws";
const box = byId("box");
const field = byId("text");

export class Talk {
  me = byId("me").textContent; // who is logged in here: the server's word, as on each message
  list = new Conversation(box, byId("messages"));
  #stream = new NumberedStream();
  #page = crypto.getRandomValues(new Uint32Array(2)).join("-");
  #sent = 0;
  #waiting = new Map(); // client_id → text: not acknowledged yet
  #isBack = false; // connected again, and the first page is still to come
  #why = null; // the server's reason for closing
  #path;

  // `frames`: what this page does with each type of frame besides what is done here.
  // `submit`: what to do with a text; it says why it cannot, or nothing.
  constructor({ path, frames, submit = (text) => this.say(text) }) {
    this.#path = path;
    // --8<-- [start:resume]
    this.socket = new ReconnectingSocket({
      connect: async () => {
        const query = new URLSearchParams();
        // What came later, and only that.
        if (this.#stream.last !== null) query.set("after", this.#stream.last);
        return { url: `${scheme}://${location.host}${path}?${query}` };
      },
    });
    // --8<-- [end:resume]
    this.socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      this.#frames[frame.type]?.(frame);
      frames[frame.type]?.(frame);
    });
    this.socket.addEventListener("state", () => this.#showState());
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(submit);
    });
    byId("composer").querySelector("button").disabled = false; // before, it would leave the page
    byId("older").addEventListener("click", () => this.#ask(this.list.oldest));
    addEventListener("pagehide", () => this.#keep());
    // A phone may end a tab in the background, and then there is no pagehide.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#keep();
    });
  }

  open() {
    showStatus(this.socket, byId("status"), byId("now"));
    this.#restore();
    this.socket.open();
  }

  send(type, fields, id = null) {
    return this.socket.send(JSON.stringify({ type, ...fields }), id);
  }

  isOwn({ username }) {
    return username === this.me;
  }

  // Say something to all who are here; gives the reason if that cannot be.
  say(text, id = `${this.#page}.${++this.#sent}`) {
    if (!this.send("chat_message", { message: text, client_id: id }, id)) {
      const isClosed = this.socket.state === "closed";
      return isClosed ? "there is no connection" : "too much is waiting for a connection";
    }
    this.#waiting.set(id, text);
    this.list.sending(id, { username: this.me, message: text });
    byId("empty").hidden = true;
  }

  problem(words) {
    byId("problem").textContent = words ? sentence(words) : "";
  }

  #frames = {
    chat_history: ({ messages, username }) => {
      this.me = username;
      const seen = this.#stream.last;
      const page = this.#stream.takePage(messages);
      const isOlder = seen !== null && messages.length && messages.at(-1).number <= seen;
      if (isOlder) this.list.keepPlace(() => this.#show(page.show));
      else this.#show(page.show);
      const unread = messages.find((message) => !this.isOwn(message));
      if (this.#isBack && unread) this.list.leftOff(unread.number);
      if (seen === null) this.list.toEnd();
      this.#isBack = false;
      this.#ask(page.ask);
    },
    chat_message: (message) => {
      const { show, ask } = this.#stream.takeOne(message);
      this.#show(show);
      this.#ask(ask);
      if (show.length && !this.isOwn(message)) byId("heard").textContent = `${message.username}: ${message.message}`;
    },
    ack: ({ client_id }) => {
      this.socket.acknowledge(client_id);
      this.list.acknowledge(client_id);
      this.#waiting.delete(client_id);
      if (!this.#waiting.size) this.problem("");
    },
    // --8<-- [start:too_fast]
    error: ({ code, detail }) => {
      if (code !== "too_fast") return this.problem(`not sent: ${detail}`);
      this.socket.slowDown(); // the server does not say which message it was: none is given up
      this.list.wait();
      if (this.#waiting.size) this.problem("too fast: what waits is sent again in a moment");
    },
    // --8<-- [end:too_fast]
    closing: ({ reason }) => {
      this.#why = reason;
    },
  };

  #show(messages) {
    for (const message of messages) this.list.add(message, { isOwn: this.isOwn(message) });
    byId("empty").hidden = this.list.oldest > 0 || this.#waiting.size > 0;
    byId("older").hidden = this.list.oldest <= 1;
  }

  #ask(before) {
    if (before !== null) this.send("history", { before });
  }

  #showState() {
    if (this.socket.state === "open") {
      [this.#isBack, this.#why] = [this.#stream.last !== null, null];
      this.problem("");
    } else if (this.#why) {
      this.problem(this.#why);
    }
  }

  #submit(submit) {
    // What no text field should hold, and the server would refuse.
    const text = field.value.replace(/[\p{Cc}\p{Cs}]/gu, "").trim();
    this.problem("");
    if (!text) return;
    const refused = submit(text);
    if (refused) this.problem(`not sent: ${refused}`);
    else field.value = "";
  }

  // --8<-- [start:keep]
  // For this tab and this person: a reload, or logging in again, loses nothing that was typed.
  get #key() {
    return `${this.me} ${this.#path}`;
  }

  #keep() {
    sessionStorage.setItem(this.#key, JSON.stringify({ draft: field.value, waiting: [...this.#waiting] }));
  }

  #restore() {
    const { draft, waiting } = JSON.parse(sessionStorage.getItem(this.#key)) ?? { draft: "", waiting: [] };
    sessionStorage.removeItem(this.#key);
    field.value ||= draft;
    for (const [id, text] of waiting) this.say(text, id); // the same id: stored once
  }
  // --8<-- [end:keep]
}
