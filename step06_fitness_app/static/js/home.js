// The first page: the newest notifications, which the bell keeps, the newest posts and one's places
// in challenges. Each has a page of its own; here nothing is read aloud.

import { bell, words } from "./bell.js";
import { byId, part, socketTo, time } from "./page.js";
import { showStatus } from "./status.js";

const NEWS = 4;
const POSTS = 3; // shown …
const PAGE = 20; // … and kept, for when one of those is deleted
const LONG = 140; // characters of a post

const me = byId("me").textContent;

function itemOf(frame) {
  const item = part("li");
  item.append(part(frame.is_read ? "span" : "strong", words(frame)), time(frame.at, "quiet more"));
  return item;
}

function showNews() {
  const newest = [...bell.known.values()].sort((one, other) => other.number - one.number).slice(0, NEWS);
  byId("latest").replaceChildren(...newest.map(itemOf));
  byId("no-news").hidden = newest.length > 0;
}

bell.addEventListener("change", showNews);
if (bell.isReady) showNews();

// The feed, as far as it is new.
let posts = [];
const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function postOf({ username, text, cheers, comment_count }) {
  const item = part("li");
  const short = text.length > LONG ? `${text.slice(0, LONG - 1)}…` : text;
  const counts = `${many(cheers, "cheer")}, ${many(comment_count, "comment")}`;
  item.append(part("span", `${username}: ${short}`, "words"), part("span", counts, "quiet more"));
  return item;
}

// Of two that tell of one post, the higher number is the newer: `news` of an older one is nothing.
function change(id, news) {
  posts = posts.map((post) => (post.id === id ? { ...post, ...news(post) } : post));
}

const frames = {
  feed: (page) => (posts = page.posts),
  feed_changed: ({ posts: changed }) => changed.forEach(take),
  post_created: ({ post }) => take(post),
  post_deleted: ({ post_id }) => (posts = posts.filter(({ id }) => id !== post_id)),
  cheered: ({ post_id, number, count }) =>
    change(post_id, (post) => number > post.number && { number, cheers: count }),
  comment_created: ({ post_id, number }) =>
    change(post_id, (post) => number > post.number && { number, comment_count: post.comment_count + 1 }),
};

// A whole post with the same number puts right what was missed.
function take(post) {
  if (posts.some(({ id }) => id === post.id)) return change(post.id, ({ number }) => post.number >= number && post);
  posts = [post, ...posts].sort((one, other) => other.id - one.id).slice(0, PAGE);
}

const feed = socketTo("/ws/social/");
feed.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  if (!frames[frame.type]) return;
  frames[frame.type](frame);
  byId("posts").replaceChildren(...posts.slice(0, POSTS).map(postOf));
  byId("no-posts").hidden = posts.length > 0;
});
showStatus(feed, byId("status"), byId("now"));
feed.open();

// One's places. Who comes after the end is told so in the state.
const who = (username) => (username === me ? "you" : username);

function leads(leader) {
  return leader ? `${who(leader)} ${leader === me ? "lead" : "leads"}` : "nobody in it";
}

for (const row of document.querySelectorAll("[data-challenge]")) {
  const socket = socketTo(`/ws/challenge/${row.dataset.challenge}/`);
  socket.addEventListener("message", ({ data }) => {
    const { type, challenge, top, you, participants, winner } = JSON.parse(data);
    if (!top) return;
    const isOver = type === "challenge_ended" || Boolean(challenge?.is_over);
    const end = winner ? `${who(winner)} finished first` : "over, without a winner";
    row.querySelector(".place").textContent = you ? `place ${you.place} of ${participants}` : "without you";
    row.querySelector(".leader").textContent = isOver ? end : leads(top[0]?.username);
    row.querySelector(".until").hidden = isOver;
  });
  socket.open();
}
