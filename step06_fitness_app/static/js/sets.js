// The sets of one's own workout: logged in the form, shown while they are on their way, and kept
// until the server has them.

import { byId, part, sentence } from "./page.js";

const form = byId("set");
const say = (words) => (byId("not-stored").textContent = words ? sentence(words) : "");

export const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

export class Sets {
  #pending = new Map(); // client_id → { set, workout_id }, not acknowledged yet
  #workout;
  #send;
  #forget;
  #changed;

  // `workout()` is the id of the one they are for; `send(set, client_id)` says whether it could be
  // sent or kept to be sent, until it is acknowledged or `forget(client_id)` says that it need not be.
  constructor({ workout, send, forget, changed }) {
    [this.#workout, this.#send, this.#forget, this.#changed] = [workout, send, forget, changed];
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#logged();
    });
  }

  get waiting() { return this.#pending.size; }

  // Before, a click would leave the page, and the set be lost.
  enable() {
    form.querySelector("button").disabled = false;
  }

  #logged() {
    const { exercise, ...numbers } = Object.fromEntries(new FormData(form));
    const set = { exercise: exercise.replace(/[\p{Cc}\p{Cs}]/gu, "").trim() };
    for (const [name, value] of Object.entries(numbers)) set[name] = Number(value);
    say("");
    if (set.exercise) this.#log(set, newId(), this.#workout());
  }

  #log(set, client_id, workout_id) {
    if (!this.#send({ ...set, client_id, workout_id }, client_id)) {
      return say("not logged: there is no connection");
    }
    this.#pending.set(client_id, { set, workout_id });
    this.#show();
  }

  stored(client_id) {
    if (this.#pending.delete(client_id)) this.#show();
  }

  // The server takes none of those that wait. They are named in a place of their own, which stays:
  // an answer to each of them comes as well.
  refused(why) {
    if (!this.waiting) return;
    const names = [];
    for (const [id, { set }] of this.#pending) {
      this.#forget(id);
      names.push(`${set.exercise} ${set.sets} × ${set.reps} at ${set.weight} kg`);
    }
    say(`not stored: ${names.join("; ")}: ${why}`);
    this.#pending.clear();
    this.#show();
  }

  #show() {
    for (const old of document.querySelectorAll("#sets [data-waiting]")) old.remove();
    for (const { set } of this.#pending.values()) {
      const { exercise, sets, reps, weight } = set;
      const row = part("tr");
      row.dataset.waiting = "";
      row.append(...[exercise, `${sets} × ${reps}`, `${weight} kg, sending …`].map((text) => part("td", text)));
      byId("sets").append(row);
    }
    byId("no-sets").hidden = byId("sets").rows.length > 0;
    this.#changed();
  }

  // What the form holds and what waits, to be kept over a reload.
  get kept() {
    return { form: Object.fromEntries(new FormData(form)), sets: [...this.#pending] };
  }

  restore({ form: entered, sets }) {
    for (const [name, value] of Object.entries(entered)) form.elements[name].value = value;
    for (const [id, { set, workout_id }] of sets) this.#log(set, id, workout_id);
  }
}
