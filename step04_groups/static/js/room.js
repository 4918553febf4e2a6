// A room: what is said in it, who is here, and coming back without a gap or a double.

import { Conversation } from "./conversation.js";
import { OwnTyping, People, TypingLine } from "./people.js";
import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";
import { NumberedStream } from "./stream.js";

const byId = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const path = `${scheme}://${location.host}/ws/chat/${byId("room").dataset.slug}/`;
const [composer, rename] = [byId("composer").elements, byId("rename").elements];

// Of this tab: two windows of one browser may be two people.
let chosenName = sessionStorage.getItem("name"); // by the reader; otherwise the room gives one
let me = null; // the name the room told us
const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
let sent = 0;

const stream = new NumberedStream();
const conversation = new Conversation(byId("box"), byId("messages"));
const people = new People(byId("people"));
const typingLine = new TypingLine(byId("typing"));
let isBack = false; // connected again, and the first page is still to come
let why = null; // the server's reason for closing
const whispers = []; // private messages, { to, text }, of which nothing has been heard yet

// --8<-- [start:resume]
const socket = new ReconnectingSocket({
  connect: async () => {
    const query = new URLSearchParams();
    if (chosenName ?? me) query.set("name", chosenName ?? me);
    if (stream.last !== null) query.set("after", stream.last); // what came later, and only that
    return { url: `${path}?${query}` };
  },
});
// --8<-- [end:resume]

const say = (type, fields) => socket.send(JSON.stringify({ type, ...fields }));
const isOwn = ({ username }) => username === me;
const ownTyping = new OwnTyping((isTyping) => {
  if (socket.state === "open") say("typing", { is_typing: isTyping }); // not worth a place in the queue
});

function show(messages) {
  for (const message of messages) conversation.add(message, { isOwn: isOwn(message) });
  byId("empty").hidden = conversation.oldest > 0;
  byId("older").hidden = conversation.oldest <= 1;
}

function ask(before) {
  if (before !== null) say("history", { before });
}

const FRAMES = {
  chat_history({ messages, username }) {
    meet(username);
    const seen = stream.last;
    const page = stream.takePage(messages);
    const isOlder = seen !== null && messages.length && messages.at(-1).number <= seen;
    if (isOlder) conversation.keepPlace(() => show(page.show));
    else show(page.show);
    const unread = messages.find((message) => !isOwn(message));
    if (isBack && unread) conversation.leftOff(unread.number);
    if (seen === null) conversation.toEnd();
    isBack = false;
    ask(page.ask);
  },
  chat_message(message) {
    const { show: messages, ask: before } = stream.takeOne(message);
    show(messages);
    ask(before);
    typingLine.set(message.username, false);
    if (messages.length && !isOwn(message)) byId("heard").textContent = `${message.username}: ${message.message}`;
  },
  ack({ client_id }) {
    socket.acknowledge(client_id);
    conversation.acknowledge(client_id);
  },
  private_message(message) {
    const own = message.username === me;
    if (own) settle(({ to, text }) => to === message.to && text === message.message);
    conversation.addPrivate(message, { isOwn: own });
    typingLine.set(message.username, false);
    byId("empty").hidden = true;
    if (!own) byId("heard").textContent = `${message.username}, privately: ${message.message}`;
  },
  online({ usernames }) {
    people.set(usernames, me);
    count();
  },
  user_joined({ username }) {
    people.add(username);
    count();
    conversation.note(`${username} joined`);
  },
  user_left({ username }) {
    people.remove(username);
    count();
    typingLine.set(username, false);
    conversation.note(`${username} left`);
  },
  typing({ username, is_typing }) {
    typingLine.set(username, is_typing);
  },
  error({ code, detail }) {
    byId("problem").textContent = sentence(`not sent: ${detail}`);
    const lost = code === "not_here" && settle(({ to }) => detail.startsWith(`${to} `));
    if (lost) giveBack(lost);
  },
  closing({ reason }) {
    why = reason;
  },
};

function meet(username) {
  me = username;
  byId("me").textContent = username;
  byId("taken").textContent = "";
}

// Take the newest of which this is true off the list: it is known what became of it.
function settle(isIt) {
  const index = whispers.findLastIndex(isIt);
  return index < 0 ? null : whispers.splice(index, 1)[0];
}

// It reached nobody. What has been typed since stays where it is.
function giveBack({ to, text }) {
  if (composer.text.value) conversation.note(`Not sent to ${to}: ${text}`);
  else composer.text.value = text;
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

function count() {
  byId("alone").hidden = people.count !== 1;
}

socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  FRAMES[frame.type]?.(frame);
});

socket.addEventListener("state", () => {
  byId("here-heading").textContent = socket.state === "open" ? "Here" : "Here when last heard of";
  if (socket.state === "open") {
    [isBack, why] = [stream.last !== null, null];
    byId("problem").textContent = "";
  } else {
    typingLine.clear();
  }
  if (socket.state !== "closed") return;
  if (socket.code === 4409 && chosenName === null) {
    me = null; // the name we were given has gone to somebody else: take another
    socket.open();
  } else if (socket.code === 4409 || socket.code === 4400) {
    byId("who").open = true;
    byId("taken").textContent = `${sentence(why)} Choose another name.`;
    rename.name.focus();
  } else {
    byId("problem").textContent = why ? sentence(why) : "";
  }
});

byId("rename").addEventListener("submit", (event) => {
  event.preventDefault();
  chosenName = rename.name.value.trim();
  sessionStorage.setItem("name", chosenName);
  byId("taken").textContent = "";
  byId("who").open = false;
  composer.text.focus();
  socket.renew(); // what was not acknowledged yet is sent again, under the new name
});

byId("composer").querySelector("button").disabled = false; // before, it would leave the page
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  // What no text field should hold, and the server would refuse.
  const text = composer.text.value.replace(/[\p{Cc}\p{Cs}]/gu, "").trim();
  byId("problem").textContent = "";
  if (!text) return;
  if (people.chosen) {
    if (socket.state !== "open") {
      byId("problem").textContent = "Not sent: a private message is not kept, so it needs a connection.";
      return;
    }
    whispers.push({ to: people.chosen, text });
    say("private_message", { to: people.chosen, message: text });
  } else {
    const id = `${tab}.${++sent}`;
    if (!socket.send(JSON.stringify({ type: "chat_message", message: text, client_id: id }), id)) {
      const isClosed = socket.state === "closed";
      const lack = isClosed ? "there is no connection" : "too much is waiting for a connection";
      byId("problem").textContent = sentence(`not sent: ${lack}`);
      return;
    }
    conversation.sending(id, { username: me ?? "", message: text });
    byId("empty").hidden = true;
  }
  composer.text.value = "";
  ownTyping.stop();
});

composer.text.addEventListener("input", () => {
  if (composer.text.value && !people.chosen) ownTyping.key();
  else ownTyping.stop();
});

composer.text.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") people.choose(null);
});

people.addEventListener("choose", () => {
  byId("label").textContent = people.chosen ? `Private message to ${people.chosen}` : "Message to everybody";
  byId("composer").toggleAttribute("data-private", people.chosen !== null);
  byId("public").hidden = people.chosen === null;
  composer.text.focus();
});

byId("public").addEventListener("click", () => people.choose(null));
byId("older").addEventListener("click", () => ask(conversation.oldest));

showStatus(socket, byId("status"), byId("now"));
socket.open();
