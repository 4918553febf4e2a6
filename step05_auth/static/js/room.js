// A room: what is said in it (talk.js), who is here, and private messages.

import { OwnTyping, People, TypingLine } from "./people.js";
import { byId, Talk } from "./talk.js";

const field = byId("text");
const people = new People(byId("people"));
const typingLine = new TypingLine(byId("typing"));
const whispers = []; // private messages, { to, text }, of which nothing has been heard yet

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
      if (isOwn) settle(({ to, text }) => to === message.to && text === message.message);
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
      const isIt = { not_here: ({ to }) => detail.startsWith(`${to} `), too_fast: () => true }[code];
      const lost = isIt && settle(isIt);
      if (!lost) return;
      giveBack(lost);
      talk.problem(`not sent: ${detail}`);
    },
  },
});

const ownTyping = new OwnTyping((isTyping) => {
  // Not worth a place in the queue.
  if (talk.socket.state === "open") talk.send("typing", { is_typing: isTyping });
});

// Take the newest of which this is true off the list: it is known what became of it.
function settle(isIt) {
  const index = whispers.findLastIndex(isIt);
  return index < 0 ? null : whispers.splice(index, 1)[0];
}

// It reached nobody. What has been typed since stays where it is.
function giveBack({ to, text }) {
  if (field.value) talk.list.note(`Not sent to ${to}: ${text}`);
  else field.value = text;
}

function whisper(text) {
  if (talk.socket.state !== "open") return "a private message is not kept, so it needs a connection";
  whispers.push({ to: people.chosen, text });
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
