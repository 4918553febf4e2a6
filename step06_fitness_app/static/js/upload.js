// A FIT file to the API, and then to the workout it became.

import { byId, problem } from "./page.js";

const form = byId("upload");
const button = form.querySelector("button");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  problem();
  try {
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(form.action, { method: "POST", headers, body: new FormData(form) });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return location.assign(`/workouts/${said.id}/`);
    fail(said.file?.[0] ?? said.detail ?? "the server did not take it; try again");
  } catch {
    fail("the server cannot be reached; try again");
  } finally {
    button.disabled = false;
  }
});

button.disabled = false; // before, a click would leave the page

function fail(words) {
  problem(words);
  byId("file").focus();
}
