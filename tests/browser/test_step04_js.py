"""What step 04 adds in the browser, by itself: sending again, and numbers without a gap."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

STATIC = ROOT / "step04_groups/static"
HERE = "http://localhost/"  # never asked: the test answers for it

# A stand-in for the browser's WebSocket.
STAGE = """
import { ReconnectingSocket } from "/js/socket.js";
import { NumberedStream } from "/js/stream.js";
import { OwnTyping, TypingLine } from "/js/people.js";

window.sockets = [];
window.WebSocket = class extends EventTarget {
  static OPEN = 1;
  readyState = 0;
  sent = [];
  constructor(url) { super(); this.url = url; sockets.push(this); }
  send(data) { this.sent.push(data); }
  close() { this.readyState = 2; }
  accept() { this.readyState = 1; this.dispatchEvent(new Event("open")); }
  drop(code = 1006) { this.readyState = 3; this.dispatchEvent(new CloseEvent("close", { code })); }
};
window.begin = (options) => {
  window.client = new ReconnectingSocket({ connect: async () => ({ url: "ws://x/" }), ...options });
  client.open();
};
window.last = () => sockets.at(-1);
window.again = () => { last().drop(); client.retryNow(); };
Object.assign(window, { NumberedStream, OwnTyping, TypingLine });
window.ready = true;
"""


@pytest.fixture(scope="module")
def theatre(browser):
    """One page for all tests of this file."""

    def answer(route):
        path = route.request.url.removeprefix(HERE)
        if path.startswith("js/"):
            route.fulfill(path=STATIC / path, content_type="text/javascript")
        else:
            script = f'<!doctype html><title>x</title><script type="module">{STAGE}</script>'
            route.fulfill(body=script, content_type="text/html")

    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.uncaught = []
    page.on("pageerror", lambda error: page.uncaught.append(str(error)))
    page.route(f"{HERE}**", answer)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    yield page
    context.close()


@pytest.fixture
def stage(theatre):
    theatre.goto(HERE)
    theatre.wait_for_function("window.ready", polling=20)
    yield theatre
    assert not theatre.uncaught


@pytest.fixture
def opened(stage):
    """A client that is connected."""
    stage.evaluate("begin()")
    stage.evaluate("last().accept()")
    return stage


def test_what_has_an_id_is_sent_again_until_it_is_acknowledged(opened):
    opened.evaluate("client.send('a', 1); client.send('b', 2); client.acknowledge(1)")
    assert opened.evaluate("last().sent") == ["a", "b"]
    opened.evaluate("again()")
    opened.evaluate("last().accept()")
    assert opened.evaluate("[last().sent, client.queued]") == [["b"], 1]
    opened.evaluate("client.acknowledge(2); again()")
    opened.evaluate("last().accept()")
    assert opened.evaluate("[last().sent, client.queued]") == [[], 0]


def test_what_has_no_id_is_sent_once(opened):
    opened.evaluate("client.send('typing'); again()")
    opened.evaluate("client.send('waits')")
    opened.evaluate("last().accept()")
    assert opened.evaluate("sockets.map(({ sent }) => sent)") == [["typing"], ["waits"]]
    opened.evaluate("again()")
    opened.evaluate("last().accept()")
    assert opened.evaluate("last().sent") == []


def test_what_is_sent_meanwhile_follows_what_is_sent_again(opened):
    opened.evaluate("client.send('a', 1); again()")
    opened.evaluate("client.send('b', 2); client.send('c')")
    opened.evaluate("last().accept()")
    assert opened.evaluate("[last().sent, client.queued]") == [["a", "b", "c"], 2]


def test_what_is_not_acknowledged_counts_against_the_bound(stage):
    stage.evaluate("begin({ maxQueue: 2 })")
    stage.evaluate("last().accept()")
    sent = stage.evaluate("['a', 'b', 'c'].map((data, id) => client.send(data, id))")
    assert sent == [True, True, False]
    assert stage.evaluate("last().sent") == ["a", "b"]
    assert stage.evaluate("client.acknowledge(0); client.send('c', 2)") is True


def test_a_final_refusal_keeps_what_was_not_acknowledged_for_the_next_open(opened):
    opened.evaluate("client.send('a', 1); last().drop(4409)")
    assert opened.evaluate("[client.state, client.send('b', 2)]") == ["closed", False]
    opened.evaluate("client.open()")
    opened.evaluate("last().accept()")
    assert opened.evaluate("last().sent") == ["a"]


def test_renew_is_a_new_connection_with_the_same_queue(stage):
    stage.evaluate(
        "window.name = 'Ann'; begin({ connect: async () => ({ url: `ws://${name}/` }) })"
    )
    stage.evaluate("last().accept(); client.send('a', 1); window.name = 'Bob'; client.renew()")
    assert stage.evaluate("sockets.map(({ url, readyState }) => [url, readyState])") == [
        ["ws://Ann/", 2],
        ["ws://Bob/", 0],
    ]
    stage.evaluate(
        "last().accept(); sockets[0].drop(1000)"
    )  # the old one's end is nobody's concern
    stage.clock.run_for(60_000)
    assert stage.evaluate("[sockets.length, client.state, last().sent]") == [2, "open", ["a"]]


def test_renew_after_a_final_refusal_and_while_waiting(opened):
    opened.evaluate("last().drop(4409); client.renew()")
    opened.evaluate("last().drop(1006); client.renew()")
    opened.clock.run_for(60_000)
    assert opened.evaluate("sockets.length") == 3


# Numbers: the frames that come, what is shown of each, and what is asked for.


def play(stage, *frames: list[int] | int) -> list[tuple[list[int], int | None]]:
    """A number is a message by itself, a list is a page."""
    return [
        tuple(answer)
        for answer in stage.evaluate(
            """(frames) => { window.stream = new NumberedStream();
            return frames.map((frame) => {
              const { show, ask } = Array.isArray(frame)
                ? stream.takePage(frame.map((number) => ({ number })))
                : stream.takeOne({ number: frame });
              return [show.map(({ number }) => number), ask];
            }); }""",
            list(frames),
        )
    ]


def reached(stage) -> int | None:
    return stage.evaluate("stream.last")


def test_before_the_first_page_there_is_no_position(stage):
    play(stage)
    assert reached(stage) is None
    play(stage, [])
    assert reached(stage) == 0


def test_the_first_page_begins_anywhere(stage):
    assert play(stage, [51, 52], 53) == [([51, 52], None), ([53], None)]
    assert reached(stage) == 53


def test_a_message_that_comes_twice_is_shown_once(stage):
    assert play(stage, [1, 2], 2, 3, 3) == [([1, 2], None), ([], None), ([3], None), ([], None)]


def test_a_gap_is_asked_for_and_the_position_waits(stage):
    assert play(stage, [1, 2], 5) == [([1, 2], None), ([], 6)]
    assert reached(stage) == 2
    assert play(stage, [1, 2], 5, [3, 4, 5])[-1] == ([3, 4, 5], None)
    assert reached(stage) == 5


def test_a_gap_longer_than_a_page_is_asked_for_page_by_page(stage):
    page = list(range(61, 111))
    rest = list(range(11, 61))
    answers = play(stage, [9, 10], 110, page, rest, 111)
    assert [ask for _, ask in answers] == [None, 111, 61, None, None]
    assert reached(stage) == 111


def test_numbers_that_were_deleted_are_not_asked_for_for_ever(stage):
    answers = play(stage, [1, 2], 5, [2, 5], 6)
    assert [ask for _, ask in answers] == [None, 6, None, None]
    assert play(stage, [1, 2], 5, [5], [])[-1] == ([], None)
    assert reached(stage) == 5


def test_an_older_page_does_not_move_the_position(stage):
    assert play(stage, [51, 52], [49, 50], 53)[1:] == [([49, 50], None), ([53], None)]
    assert reached(stage) == 53


# Typing


def test_typing_is_told_at_most_every_three_seconds_and_ends_by_itself(stage):
    stage.evaluate("window.told = []; window.own = new OwnTyping((is) => told.push(is))")
    for _ in range(29):
        stage.evaluate("own.key()")
        stage.clock.run_for(100)
    assert stage.evaluate("told") == [True]
    stage.clock.run_for(100)
    stage.evaluate("own.key()")
    assert stage.evaluate("told") == [True, True]
    stage.clock.run_for(4_000)
    assert stage.evaluate("told") == [True, True, False]
    stage.evaluate("own.stop()")
    assert stage.evaluate("told") == [True, True, False]


def test_the_typing_line_names_two_and_counts_more(stage):
    stage.evaluate("window.line = new TypingLine(document.body)")
    shown = []
    for name in ("Ann", "Bob", "Cid"):
        shown.append(stage.evaluate("(n) => (line.set(n, true), document.body.textContent)", name))
    assert shown == [
        "Ann is typing …",
        "Ann and Bob are typing …",
        "3 people are typing …",
    ]
    stage.clock.run_for(6_000)
    assert stage.evaluate("document.body.textContent") == ""


def test_the_files_are_short_enough_to_read():
    lines = {
        path.name: path.read_text(encoding="utf-8").count("\n") for path in STATIC.glob("js/*")
    }
    assert max(lines.values()) < 250, json.dumps(lines)
