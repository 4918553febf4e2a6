// The feed: what friends post, cheers and comments. What is typed is kept until the server has it.

import { byId, clock, keep, part, problem, socketTo, time } from "./page.js";
import { showStatus } from "./status.js";

const QUIET = 5_000; // ms between two things that a screen reader says
const SLOW = 3_000; // ms until what came too fast is asked for again

const me = byId("me").textContent;
const list = byId("posts");
const field = byId("text");
const about = byId("about");
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
const posts = new Map(); // id → post, with its element
let hasOlder = false;
let asked = null; // before which id an older page is on its way
let refreshTo = null; // after a new first page, what is older is read again, down to this id

const socket = socketTo("/ws/social/");

// --8<-- [start:outbox]
// What the server has not answered yet, in order. The first is on its way, since an error does
// not say whose it is; all of it outlives a lost connection and a reload.
let outbox = []; // { id, type, fields }
let sent = 0;
let onItsWay = null;

function put(type, fields, id = `${tab}.${++sent}`) {
  if (socket.state === "closed") return "there is no connection";
  if (outbox.length >= 50) return "too much is waiting for a connection";
  outbox.push({ id, type, fields: type === "cheer" ? fields : { client_id: id, ...fields } });
  sendNext();
}

function sendNext() {
  if (!onItsWay && outbox.length) {
    const { id, type, fields } = outbox[0];
    if (socket.send(JSON.stringify({ type, ...fields }), id)) onItsWay = id;
  }
  const texts = outbox.filter(({ type }) => type !== "cheer").length;
  byId("waiting").textContent = texts ? `Sending ${texts} …` : "";
  byId("waiting").hidden = !texts;
}

// Answered: take it out; gives what it was.
function done(id) {
  const found = outbox.find((one) => one.id === id);
  if (!found) return null;
  outbox = outbox.filter((one) => one !== found);
  socket.acknowledge(id);
  if (id === onItsWay) onItsWay = null;
  sendNext();
  return found;
}
// --8<-- [end:outbox]

// A post: one element for as long as it is here, so that focus and drafts stay in it.

function elementOf(post) {
  const element = byId("post").content.firstElementChild.cloneNode(true);
  const find = (selector) => element.querySelector(selector);
  const isOwn = post.username === me;
  element.dataset.id = post.id;
  element.toggleAttribute("data-own", isOwn);
  find(".author").textContent = isOwn ? `${me} (you)` : post.username;
  find(".author").href = isOwn ? "/account/" : `/people/${encodeURIComponent(post.username)}/`;
  find(".author").after(" ", time(post.at));
  find(".text").textContent = post.text;
  find("input").setAttribute("aria-label", `Comment on the post of ${post.username}`);
  find("input").value = drafts[post.id] ?? "";
  delete drafts[post.id];
  find(".delete").hidden = !isOwn;
  find(".delete").addEventListener("click", () => remove(post.id));
  find(".cheer").addEventListener("click", () => cheer(post.id));
  find(".all").addEventListener("click", () => showAll(post.id));
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    say(post.id, find("input"));
  });
  return element;
}

// Of two states the one with the higher number is true; what is known of it is in `at`. Comments up
// to `at.counted` are counted in `comment_count`.
function take(post) {
  const known = posts.get(post.id);
  if (!known) {
    post.element = elementOf(post);
    post.at = { cheers: post.number, comments: post.number, counted: post.number };
    posts.set(post.id, post);
    const next = [...list.children].find((other) => Number(other.dataset.id) < post.id);
    list.insertBefore(post.element, next ?? null);
    show(post);
    return true;
  }
  known.workout = post.workout;
  if (post.number >= known.at.cheers) {
    [known.cheers, known.is_cheered, known.at.cheers] = [post.cheers, post.is_cheered, post.number];
  }
  if (post.number >= known.at.comments) {
    // The newest are exactly these; older ones that were asked for stay.
    const oldest = post.comments[0]?.id ?? Infinity;
    const older = post.comment_count > post.comments.length ? known.comments.filter(({ id }) => id < oldest) : [];
    known.comments = [...older, ...post.comments];
    [known.comment_count, known.at.comments, known.at.counted] = [post.comment_count, post.number, post.number];
  }
  show(known);
  return false;
}

function show(post) {
  const find = (selector) => post.element.querySelector(selector);
  const wanted = outbox.findLast(({ type, fields }) => type === "cheer" && fields.post_id === post.id);
  const isOn = wanted ? wanted.fields.is_on : post.is_cheered;
  find(".cheer").setAttribute("aria-pressed", isOn);
  find(".cheer").textContent = `Cheer ${post.cheers || ""}`.trim();
  find(".cheer").setAttribute("aria-label", `Cheer, ${post.cheers} so far`);
  find(".workout").hidden = !post.workout;
  if (post.workout) {
    const { id, kind, duration_seconds, distance_m, repetitions } = post.workout;
    const words = [kind, clock(duration_seconds)];
    if (distance_m) words.push(`${(distance_m / 1000).toFixed(2)} km`);
    if (repetitions) words.push(`${repetitions} repetition${repetitions === 1 ? "" : "s"}`);
    find(".workout a").textContent = words.join(", ");
    find(".workout a").href = `/workouts/${id}/`;
  }
  const rest = post.comment_count - post.comments.length;
  find(".all").hidden = rest <= 0;
  find(".all").textContent = `Earlier comments (${rest})`;
  const said = find(".comments");
  const items = new Map([...said.children].map((item) => [Number(item.dataset.id), item]));
  said.replaceChildren(...post.comments.map((one) => items.get(one.id) ?? commentOf(one)));
}

function commentOf({ id, username, text, at }) {
  const item = part("li");
  item.dataset.id = id;
  item.append(part("strong", username === me ? `${me} (you)` : username), " ", part("span", text, "said"), " ", time(at));
  return item;
}

function drop(id) {
  const post = posts.get(id);
  if (!post) return;
  const input = post.element.querySelector("input");
  if (input.value.trim()) problem(`that post of ${post.username} is gone: what you wrote to it stands above`);
  giveBack(input.value.trim());
  if (input === document.activeElement) field.focus();
  post.element.remove();
  posts.delete(id);
}

// What is not sent after all is not lost: it stands below what is there already.
function giveBack(text) {
  field.value = [field.value, text].filter(Boolean).join("\n");
}

function settle() {
  byId("empty").hidden = posts.size > 0 || refreshTo !== null;
  byId("older").hidden = !hasOlder;
}

// A page is all there is in its range: what is here and not in it is gone, deleted or not for us
// any more. After a new first page the older ones are read again, as far as we had them.
function takePage({ posts: page, before, has_older }) {
  asked = null;
  if (before !== null) problem(); // it may have been too fast before
  const oldestHere = Math.min(...posts.keys());
  if (before === null) refreshTo = posts.size ? oldestHere : null;
  const from = has_older ? page.at(-1).id : 0;
  const there = new Set(page.map(({ id }) => id));
  for (const id of [...posts.keys()]) {
    if (id >= from && (before === null || id < before) && !there.has(id)) drop(id);
  }
  for (const post of page) take(post);
  if (before !== null || !has_older || refreshTo === null || refreshTo >= from) hasOlder = has_older;
  if (refreshTo !== null && has_older && from > refreshTo) askOlder(from);
  else refreshTo = null;
  settle();
}

function askOlder(before) {
  if (asked === null && socket.send(JSON.stringify({ type: "history", before }))) asked = before;
}

const frames = {
  feed: takePage,
  feed_changed({ posts: changed }) {
    for (const post of changed) if (isInReach(post.id)) take(post);
    settle();
  },
  post_created({ post }) {
    if (take(post) && post.username !== me) hear(`${post.username} has posted`);
    settle();
  },
  post_deleted({ post_id }) {
    drop(post_id);
    settle();
  },
  cheered({ post_id, number, count, username, is_on }) {
    if (username === me) done(`cheer.${post_id}.${is_on}`);
    const post = posts.get(post_id);
    if (!post || number < post.at.cheers) return;
    [post.cheers, post.at.cheers] = [count, number];
    if (username === me) post.is_cheered = is_on;
    else if (is_on && post.username === me) hear(`${username} cheers your post`);
    show(post);
  },
  comment_created({ post_id, number, comment }) {
    const post = posts.get(post_id);
    if (!post || number <= post.at.counted || post.comments.some(({ id }) => id === comment.id)) return;
    post.comments = [...post.comments, comment].sort((one, other) => one.id - other.id);
    post.comment_count += 1;
    post.at.comments = Math.max(post.at.comments, number);
    show(post);
    if (comment.username !== me && post.username === me) hear(`${comment.username} comments on your post`);
  },
  ack({ client_id }) {
    done(client_id);
    problem("");
  },
  error({ code, detail }) {
    if (code === "too_fast") {
      if (asked !== null) setTimeout(askOlder, SLOW, asked);
      asked = null;
      socket.slowDown();
      return problem("too fast: what waits is sent again in a moment");
    }
    const refused = done(onItsWay);
    if (refused?.type === "cheer" || refused?.type === "comment") {
      if (code === "not_found") drop(refused.fields.post_id);
    }
    giveBack(refused?.fields.text);
    problem(`not done: ${detail}`);
    settle();
  },
  closing: ({ reason }) => problem(reason),
};

// What is older than all that is shown comes with its page.
const isInReach = (id) => !hasOlder || id >= Math.min(...posts.keys());

// At most one in QUIET, and the newest.
let toSay = "";
let timer = null;
function hear(words) {
  toSay = words;
  if (timer) return;
  byId("heard").textContent = toSay;
  toSay = "";
  timer = setTimeout(() => {
    timer = null;
    if (toSay) hear(toSay);
  }, QUIET);
}

// What one does

const clean = (text) => text.replace(/(?!\n)[\p{Cc}\p{Cs}]/gu, "").trim();

function submit(type, input, fields) {
  const text = clean(input.value);
  if (!text) return false;
  const refused = put(type, { text, ...fields });
  problem(refused ? `not sent: ${refused}` : "");
  if (!refused) input.value = "";
  return !refused;
}

byId("composer").querySelector("button").disabled = false; // before, a click would reload the page
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = about?.value ? { workout_id: Number(about.value) } : {};
  if (submit("post", field, fields) && about) about.value = "";
});
const say = (post_id, input) => submit("comment", input, { post_id });

function cheer(post_id) {
  const post = posts.get(post_id);
  const is_on = post.element.querySelector(".cheer").getAttribute("aria-pressed") !== "true";
  const id = `cheer.${post_id}.${is_on}`;
  // Of clicks that wait, the last counts.
  outbox = outbox.filter((one) => one.id === onItsWay || one.fields.post_id !== post_id || one.type !== "cheer");
  if (onItsWay !== id) {
    const refused = put("cheer", { post_id, is_on }, id);
    problem(refused ? `not done: ${refused}` : "");
  }
  show(post);
}

async function remove(id) {
  if (!confirm("Delete this post?")) return;
  const headers = { "X-CSRFToken": token };
  const answer = await fetch(`/api/posts/${id}/`, { method: "DELETE", headers }).catch(() => null);
  if (!answer?.ok && answer?.status !== 404) return problem("it could not be deleted; try again");
  drop(id);
  settle();
  field.focus();
}

async function showAll(id) {
  const post = posts.get(id);
  const before = post.comments[0]?.id;
  const button = post.element.querySelector(".all");
  const query = before ? `?before=${before}` : "";
  const answer = await fetch(`/api/posts/${id}/comments/${query}`).catch(() => null);
  if (!answer?.ok) return problem("they could not be loaded; try again");
  const known = new Set(post.comments.map((one) => one.id));
  const older = (await answer.json()).filter((one) => !known.has(one.id));
  post.comments = [...older, ...post.comments];
  if (!older.length) post.comment_count = post.comments.length;
  const moves = document.activeElement === button;
  show(post);
  // The keyboard goes on among what the button has brought, once it is gone.
  if (moves && button.hidden) post.element.querySelector(".comments").focus();
}

byId("older").addEventListener("click", () => askOlder(Math.min(...posts.keys())));

// A reload loses nothing that was typed.
function typed() {
  const all = { ...drafts };
  for (const { id, element } of posts.values()) {
    const text = element.querySelector("input").value;
    if (text) all[id] = text;
  }
  return { draft: field.value, about: about?.value, drafts: all, outbox };
}

const kept = keep(() => `feed of ${me}`, typed) ?? { draft: "", drafts: {}, outbox: [] };
const drafts = kept.drafts; // of posts that are not here yet: they come with their page, or later
field.value ||= kept.draft;
if (about && kept.about) about.value = kept.about;

socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  frames[frame.type]?.(frame);
});
socket.addEventListener("state", () => {
  if (socket.state === "open") problem();
  else asked = null;
});
showStatus(socket, byId("status"), byId("now"));
for (const { id, type, fields } of kept.outbox) outbox.push({ id, type, fields });
socket.open();
sendNext();
