// A conversation of two: what is said in it (talk.js), who has read how far, and who types.

import { byId } from "./page.js";
import { Talk } from "./talk.js";
import { OwnTyping, TypingLine } from "./typing.js";

const AGAIN = 5_000; // ms until a receipt that was too fast is sent again
const field = byId("text");
const typingLine = new TypingLine(byId("typing"));
const read = new Map(); // username → number
let newest = 0; // the number of the other's newest message
let told = 0; // up to where the server has heard, on this connection, that we read

const talk = new Talk({
  path: `/ws/chat/${byId("talk").dataset.id}/`,
  frames: {
    chat_history(history) {
      for (const [username, upTo] of Object.entries(history.read)) note(username, upTo);
      see(history.messages);
    },
    chat_message(message) {
      typingLine.set(message.username, false);
      see([message]);
    },
    read({ username, up_to }) {
      note(username, up_to);
    },
    typing({ username, is_typing }) {
      if (username !== talk.me) typingLine.set(username, is_typing);
    },
    error({ code }) {
      if (code !== "too_fast") return;
      told = 0;
      setTimeout(tell, AGAIN);
    },
  },
});

// --8<-- [start:read]
// Only what is on a page that somebody can see has been read.
function tell() {
  if (document.visibilityState !== "visible" || talk.socket.state !== "open") return;
  if (newest <= Math.max(told, read.get(talk.me) ?? 0)) return;
  told = newest;
  talk.send("read", { up_to: newest });
}

function see(messages) {
  for (const message of messages) if (!talk.isOwn(message)) newest = Math.max(newest, message.number);
  showReceipt();
  tell();
}

// It never goes back: of two, the higher counts.
function note(username, upTo) {
  read.set(username, Math.max(read.get(username) ?? 0, upTo));
  showReceipt();
}
// --8<-- [end:read]

function showReceipt() {
  for (const [username, upTo] of read) {
    if (username !== talk.me) talk.list.readUpTo(upTo, `read by ${username}`);
  }
}

document.addEventListener("visibilitychange", tell);
talk.socket.addEventListener("state", () => {
  if (talk.socket.state === "open") return;
  told = 0;
  typingLine.clear();
});

const ownTyping = new OwnTyping((isTyping) => {
  // Not worth a place in the queue.
  if (talk.socket.state === "open") talk.send("typing", { is_typing: isTyping });
});
field.addEventListener("input", () => (field.value ? ownTyping.key() : ownTyping.stop()));
byId("composer").addEventListener("submit", () => ownTyping.stop());

talk.open();
