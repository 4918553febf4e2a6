"""static/js/conversation.js by itself: which stored message takes the place of one on its way."""

from __future__ import annotations

import pytest
from conftest import ROOT

FILES = sorted(ROOT.glob("step*_*/static/js/conversation.js"))
HERE = "http://localhost/"  # never asked: the test answers for it
STAGE = """<!doctype html><title>x</title><div id="box"><ol id="list"></ol></div>
<script type="module">
import { Conversation } from "/js/conversation.js";
const [box, list] = ["box", "list"].map((id) => document.getElementById(id));
window.conversation = new Conversation(box, list);
window.add = (username, message, isOwn) =>
  conversation.add({ username, timestamp: new Date(), ...message }, { isOwn });
window.shown = () => [...list.children].map((item) =>
  [item.querySelector(".text").textContent, item.dataset.state ?? null]);
</script>"""


@pytest.fixture(params=FILES, ids=lambda path: path.parts[-4])
def stage(page, request):
    def answer(route):
        if route.request.url == f"{HERE}js/conversation.js":
            route.fulfill(path=request.param, content_type="text/javascript")
        else:
            route.fulfill(body=STAGE, content_type="text/html")

    page.route(f"{HERE}**", answer)
    page.goto(HERE)
    page.wait_for_function("window.shown")
    page.evaluate("conversation.sending('p.1', { username: 'ada', message: 'mine' })")
    return page


def add(stage, username: str, text: str, number: int, is_own: bool) -> list:
    message = {"message": text, "number": number, "client_id": "p.1"}
    stage.evaluate("(all) => add(...all)", [username, message, is_own])
    return stage.evaluate("shown()")


def test_our_own_message_takes_the_place_of_the_one_on_its_way(stage):
    assert add(stage, "ada", "mine", 1, is_own=True) == [["mine", "sent"]]


def test_somebody_elses_with_the_same_client_id_does_not(stage):
    theirs = ["not yours", None]
    assert add(stage, "ben", "not yours", 1, is_own=False) == [theirs, ["mine", "sending"]]
    assert add(stage, "ada", "mine", 2, is_own=True) == [theirs, ["mine", "sent"]]
