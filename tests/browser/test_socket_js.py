"""static/js/socket.js by itself: a WebSocket that the test plays, and the test's own clock."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("step*_*/static/js/socket.js"))  # it grows; what it did, it goes on doing
HERE = "http://localhost/"  # never asked: the test answers for it

# A stand-in for the browser's WebSocket, and a client that notes each of its states.
STAGE = """
import { ReconnectingSocket } from "/js/socket.js";

window.sockets = [];
window.WebSocket = class extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  readyState = 0;
  sent = [];
  constructor(url, protocols) {
    super();
    if (protocols.includes("not a token")) throw new SyntaxError("a bad subprotocol");
    Object.assign(this, { url, protocols });
    window.sockets.push(this);
  }
  send(data) { this.sent.push(data); }
  close(code, reason) {
    if (code === 1001) throw new DOMException("no", "InvalidAccessError");
    this.closed = [code, reason];
    this.readyState = 2;
  }
  accept() { this.readyState = 1; this.dispatchEvent(new Event("open")); }
  say(data) { this.dispatchEvent(new MessageEvent("message", { data })); }
  drop(code = 1006, reason = "") {
    this.readyState = 3;
    if (code === 1006) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
};
Math.random = () => window.luck ?? 1;
window.states = [];
window.heard = [];
window.begin = (options) => {
  window.client = new ReconnectingSocket({ connect: async () => ({ url: "ws://x/" }), ...options });
  client.addEventListener("state", () => states.push(client.state));
  client.addEventListener("message", ({ data }) => heard.push(data));
  client.open();
};
window.last = () => sockets.at(-1);
window.ready = true;
"""


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.parts[-4])
def theatre(browser, request):
    """One page for all tests of this file: a page each would take most of their time."""

    def answer(route):
        path = route.request.url.removeprefix(HERE)
        if path == "js/socket.js":
            route.fulfill(path=request.param, content_type="text/javascript")
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
    """The client and the stand-in, new; time stands still until the test moves it."""
    theatre.uncaught.clear()
    theatre.goto(HERE)
    theatre.wait_for_function("window.ready", polling=20)
    yield theatre
    assert not theatre.uncaught


def begin(stage, options: str = "{}") -> None:
    """Open a client and let its first attempt get to the socket."""
    stage.evaluate(f"begin({options})")


def count(stage) -> int:
    return stage.evaluate("sockets.length")


def state(stage) -> str:
    return stage.evaluate("client.state")


def test_it_is_short_enough_to_read():
    assert len(FILES[0].read_text(encoding="utf-8").splitlines()) < 120


def test_it_connects_and_tells_its_states(stage):
    begin(stage, '{ connect: async () => ({ url: "ws://x/", protocols: ["echo.v2"] }) }')
    assert stage.evaluate("[last().url, last().protocols]") == ["ws://x/", ["echo.v2"]]
    stage.evaluate("last().accept()")
    stage.evaluate("last().say('hi')")
    assert stage.evaluate("[states, heard]") == [["connecting", "open"], ["hi"]]


def test_it_asks_for_an_address_before_every_attempt(stage):
    stage.evaluate("window.tickets = 0")
    begin(stage, "{ connect: async () => ({ url: `ws://x/?ticket=${++tickets}` }) }")
    stage.evaluate("last().drop()")
    stage.clock.run_for(2_000)
    assert stage.evaluate("sockets.map(({ url }) => url)") == [
        "ws://x/?ticket=1",
        "ws://x/?ticket=2",
    ]


def test_the_wait_doubles_up_to_30_seconds(stage):
    begin(stage)
    for seconds in [2, 4, 8, 16, 30, 30, 30]:
        before = count(stage)
        stage.evaluate("last().drop()")
        assert state(stage) == "waiting"
        stage.clock.run_for(seconds * 1000 - 1)
        assert count(stage) == before
        stage.clock.run_for(1)
        assert count(stage) == before + 1


def test_full_jitter_the_wait_is_anything_up_to_that(stage):
    begin(stage)
    stage.evaluate("window.luck = 0.25; last().drop()")
    stage.clock.run_for(499)
    assert count(stage) == 1
    stage.clock.run_for(1)
    assert count(stage) == 2
    stage.evaluate("window.luck = 0; last().drop()")
    stage.clock.run_for(0)
    assert count(stage) == 3


def test_it_says_which_try_comes_and_when(stage):
    begin(stage)
    stage.evaluate("last().drop()")
    assert stage.evaluate("[client.attempt, client.retryAt - performance.now()]") == [1, 2000]
    stage.clock.run_for(2_000)
    assert stage.evaluate("client.attempt") == 2


def test_a_steady_connection_ends_the_row_of_failures(stage):
    begin(stage)
    for _ in range(3):
        stage.evaluate("last().drop()")
        stage.clock.run_for(30_000)
    stage.evaluate("last().accept()")
    stage.clock.run_for(5_000)
    stage.evaluate("last().drop()")
    assert stage.evaluate("client.retryAt - performance.now()") == 1000


def test_a_connection_that_dies_at_once_does_not(stage):
    begin(stage)
    for wait in [2000, 4000, 8000]:
        stage.evaluate("last().accept(); last().drop(1011)")
        assert stage.evaluate("client.retryAt - performance.now()") == wait
        stage.clock.run_for(wait)


def test_error_and_close_together_make_one_new_socket(stage):
    begin(stage)
    stage.evaluate("last().drop()")  # the stand-in fires error, then close, as browsers do
    stage.clock.run_for(60_000)
    assert count(stage) == 2


def test_44xx_is_an_answer_and_is_not_asked_again(stage):
    for number, code in enumerate([4400, 4401, 4403, 4404, 4409, 4499], start=1):
        begin(stage)
        stage.evaluate(f"last().accept(); last().drop({code}, 'no')")
        stage.clock.run_for(120_000)
        assert (state(stage), count(stage)) == ("closed", number), code
        assert stage.evaluate("[client.code, client.reason]") == [code, "no"]


def test_every_other_code_is_retried(stage):
    for code in [1000, 1001, 1005, 1006, 1011, 1012, 4012, 4013, 4429, 4500]:
        begin(stage)
        before = count(stage)
        stage.evaluate(f"last().accept(); last().drop({code})")
        stage.clock.run_for(2_000)
        assert (state(stage), count(stage)) == ("connecting", before + 1), code
        stage.evaluate("client.close()")


def test_close_stops_retrying_while_waiting(stage):
    begin(stage)
    stage.evaluate("last().drop(); client.close()")
    stage.clock.run_for(120_000)
    assert (state(stage), count(stage)) == ("closed", 1)


def test_close_while_open_closes_with_code_and_reason_and_stays_closed(stage):
    begin(stage)
    stage.evaluate("last().accept(); client.close(4001, 'bye')")
    assert stage.evaluate("last().closed") == [4001, "bye"]
    stage.evaluate("last().drop(1000)")
    stage.clock.run_for(120_000)
    assert (state(stage), count(stage)) == ("closed", 1)
    assert stage.evaluate("client.code") == 1000


def test_close_while_connecting_is_not_undone_by_a_late_open(stage):
    begin(stage)
    stage.evaluate("client.close(); last().accept()")
    assert state(stage) == "closed"
    stage.evaluate("last().drop()")
    stage.clock.run_for(120_000)
    assert (state(stage), count(stage)) == ("closed", 1)


def test_close_while_asking_for_an_address_opens_nothing(stage):
    stage.evaluate("window.answer = null")
    begin(stage, "{ connect: () => new Promise((resolve) => { window.answer = resolve; }) }")
    stage.evaluate("client.close(); answer({ url: 'ws://late/' })")
    stage.clock.run_for(120_000)
    assert (state(stage), count(stage)) == ("closed", 0)


def test_closed_and_opened_again_while_asking_makes_one_socket(stage):
    stage.evaluate("window.answers = []")
    begin(stage, "{ connect: () => new Promise((resolve) => answers.push(resolve)) }")
    stage.evaluate("client.close(); client.open()")
    stage.evaluate("answers.forEach((answer, index) => answer({ url: `ws://x/${index}` }))")
    assert stage.evaluate("sockets.map(({ url }) => url)") == ["ws://x/1"]


def test_the_close_of_an_old_socket_does_not_disturb_the_new_one(stage):
    begin(stage)
    stage.evaluate("last().accept(); client.close(); client.open()")
    stage.evaluate("last().accept(); sockets[0].say('late'); sockets[0].drop(1000)")
    stage.clock.run_for(60_000)
    assert (state(stage), count(stage)) == ("open", 2)
    assert stage.evaluate("heard") == []


def test_a_bad_close_code_throws_and_closes_nothing(stage):
    begin(stage)
    stage.evaluate("last().accept()")
    name = "(() => { try { client.close(1001); } catch (error) { return error.name; } })()"
    assert stage.evaluate(name) == "InvalidAccessError"
    assert state(stage) == "open"


def test_open_twice_is_open_once(stage):
    begin(stage)
    stage.evaluate("client.open(); last().accept(); client.open()")
    assert count(stage) == 1


def test_now_does_not_wait_and_leaves_no_second_try_behind(stage):
    begin(stage)
    stage.evaluate("client.retryNow()")  # nothing to hurry yet
    assert count(stage) == 1
    stage.evaluate("last().drop(); client.retryNow()")
    assert count(stage) == 2
    stage.clock.run_for(60_000)
    assert count(stage) == 2


def test_an_address_that_cannot_be_had_is_tried_again(stage):
    stage.evaluate("window.online = false")
    begin(
        stage,
        "{ connect: async () => { if (!online) throw Error('x'); return { url: 'ws://x/' }; } }",
    )
    assert (state(stage), count(stage)) == ("waiting", 0)
    stage.evaluate("window.online = true")
    stage.clock.run_for(2_000)
    assert (state(stage), count(stage)) == ("connecting", 1)


def test_what_is_sent_meanwhile_waits_and_goes_first(stage):
    begin(stage)
    assert stage.evaluate("[client.send('1'), client.send('2'), client.queued]") == [True, True, 2]
    stage.evaluate("last().drop()")
    stage.evaluate("client.send('3')")
    stage.clock.run_for(2_000)
    stage.evaluate("client.addEventListener('state', () => client.send('4')); last().accept()")
    assert stage.evaluate("[last().sent, client.queued]") == [["1", "2", "3", "4"], 0]


def test_a_full_queue_says_no_and_keeps_what_it_has(stage):
    begin(stage, "{ maxQueue: 2 }")
    assert stage.evaluate("['1', '2', '3'].map((data) => client.send(data))") == [True, True, False]
    stage.evaluate("last().accept()")
    assert stage.evaluate("last().sent") == ["1", "2"]


def test_a_socket_that_is_closing_takes_nothing_so_it_waits(stage):
    """The browser's own send() would discard it without a word."""
    begin(stage)
    stage.evaluate("last().accept(); last().readyState = WebSocket.CLOSING; client.send('1')")
    assert stage.evaluate("[last().sent, client.queued]") == [[], 1]


def test_close_forgets_the_queue_and_send_says_no_from_then_on(stage):
    begin(stage)
    stage.evaluate("client.send('1'); client.close()")
    assert stage.evaluate("[client.queued, client.send('2')]") == [0, False]


def test_a_mistake_in_the_address_is_an_error_and_not_a_retry(stage):
    begin(stage, '{ connect: async () => ({ url: "ws://x/", protocols: ["not a token"] }) }')
    stage.clock.run_for(60_000)
    assert count(stage) == 0
    assert stage.uncaught == ["a bad subprotocol"]
    assert stage.evaluate("[client.state, client.code, client.reason]") == [
        "closed",
        None,
        "a bad subprotocol",
    ]
    stage.uncaught.clear()


# A line that dies in silence

PROBE = "{ probe: { ask: 'ping', answer: 'pong' } }"
CAN_ASK = [file for file in FILES if "probe" in file.read_text(encoding="utf-8")]
can_ask = pytest.mark.parametrize(
    "theatre", CAN_ASK, indirect=True, ids=lambda file: file.parts[-4]
)


@pytest.fixture
def probing(stage):
    """The stage, with an open connection that asks when it hears nothing."""
    begin(stage, PROBE)
    stage.evaluate("last().accept()")
    return stage


def test_without_a_probe_nothing_is_asked(stage):
    begin(stage)
    stage.evaluate("last().accept()")
    stage.clock.run_for(300_000)
    assert stage.evaluate("[last().sent, client.state]") == [[], "open"]


@can_ask
def test_who_hears_nothing_asks_and_an_answer_is_enough(probing):
    probing.clock.run_for(19_999)
    assert probing.evaluate("last().sent") == []
    for times in range(1, 4):
        probing.clock.run_for(1)
        assert probing.evaluate("last().sent") == ["ping"] * times
        probing.clock.run_for(9_999)
        probing.evaluate("last().say('pong')")
        probing.clock.run_for(19_999)
    assert probing.evaluate("[heard, client.state, sockets.length]") == [[], "open", 1]


@can_ask
def test_any_frame_is_a_sign_of_life(probing):
    for _ in range(5):
        probing.clock.run_for(15_000)
        probing.evaluate("last().say('news')")
    assert probing.evaluate("[last().sent, heard.length]") == [[], 5]


@can_ask
def test_a_dead_line_is_left_and_what_was_kept_is_sent_on_the_next(probing):
    probing.evaluate("window.dead = last(); client.send('kept', 1)")
    probing.clock.run_for(29_999)
    assert state(probing) == "open"
    probing.clock.run_for(1)
    assert probing.evaluate("[client.state, client.code, client.attempt]") == ["waiting", 1006, 0]
    probing.clock.run_for(1_000)
    probing.evaluate("last().accept(); dead.say('late'); dead.drop()")
    assert probing.evaluate("[client.state, sockets.length, heard]") == ["open", 2, []]
    assert probing.evaluate("last().sent") == ["kept"]


@can_ask
def test_who_has_closed_asks_no_more(probing):
    probing.evaluate("client.close()")
    probing.clock.run_for(60_000)
    assert probing.evaluate("[last().sent, client.state, sockets.length]") == [[], "closed", 1]
