// A room: what is said in it (talk.js), who is here, and private messages.

import { OwnTyping, People, TypingLine } from "./people.js";
import { byId, Talk } from "./talk.js";

const field = byId("text");
const people = new People(byId("people"));
const typingLine = new TypingLine(byId("typing"));
let unheard = null; // the last private message, given back if it reached nobody

// --8<-- [start:talk]
// Who we are is nothing this page could say: the server knows it from the session.
const talk = new Talk({
  path: `/ws/chat/${byId("room").dataset.slug}/`,
  submit: (text) => (people.chosen ? whisper(text) : talk.say(text)),
  frames: {
    // --8<-- [end:talk]
    chat_message({ username }) {
      typingLine.set(username, false);
    },
    private_message(message) {
      const isOwn = talk.isOwn(message);
      if (isOwn) unheard = null;
      talk.list.addPrivate(message, { isOwn });
      typingLine.set(message.username, false);
      byId("empty").hidden = true;
      if (!isOwn) byId("heard").textContent = `${message.username}, privately: ${message.message}`;
    },
    online({ usernames }) {
      people.set(usernames, talk.me);
      count();
    },
    user_joined({ username }) {
      people.add(username);
      count();
      talk.list.note(`${username} joined`);
    },
    user_left({ username }) {
      people.remove(username);
      count();
      typingLine.set(username, false);
      talk.list.note(`${username} left`);
    },
    typing({ username, is_typing }) {
      typingLine.set(username, is_typing);
    },
    error({ code, detail }) {
      if (unheard === null || !["not_here", "too_fast"].includes(code)) return;
      field.value ||= unheard;
      unheard = null;
      talk.problem(`not sent: ${detail}`);
    },
  },
});

const ownTyping = new OwnTyping((isTyping) => {
  // Not worth a place in the queue.
  if (talk.socket.state === "open") talk.send("typing", { is_typing: isTyping });
});

function whisper(text) {
  if (talk.socket.state !== "open") return "a private message is not kept, so it needs a connection";
  unheard = text;
  talk.send("private_message", { to: people.chosen, message: text });
}

function count() {
  byId("alone").hidden = people.count !== 1;
}

talk.socket.addEventListener("state", () => {
  const isOpen = talk.socket.state === "open";
  byId("here-heading").textContent = isOpen ? "Here" : "Here when last heard of";
  if (!isOpen) typingLine.clear();
});

byId("composer").addEventListener("submit", () => ownTyping.stop());

field.addEventListener("input", () => {
  if (field.value && !people.chosen) ownTyping.key();
  else ownTyping.stop();
});

field.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") people.choose(null);
});

people.addEventListener("choose", () => {
  byId("label").textContent = people.chosen ? `Private message to ${people.chosen}` : "Message to everybody";
  byId("composer").toggleAttribute("data-private", people.chosen !== null);
  byId("public").hidden = people.chosen === null;
  field.focus();
});

byId("public").addEventListener("click", () => people.choose(null));

talk.open();
