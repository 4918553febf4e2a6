"""What step 05 adds in the browser, by itself: renew once, slow down, and tokens kept fresh."""

from __future__ import annotations

import base64
import json

import pytest
from conftest import ROOT

STATIC = ROOT / "step05_auth/static"
HERE = "http://localhost/"  # never asked: the test answers for it
STATUS = (
    '<div><p id="status"><span class="word"></span><span class="countdown"></span></p>'
    '<button id="now"></button><a href="#" hidden>Log in</a></div>'
)

# Stand-ins for the browser's WebSocket and for the server's answers to fetch().
STAGE = """
import { Credentials } from "/js/credentials.js";
import { ReconnectingSocket } from "/js/socket.js";
import { showStatus } from "/js/status.js";

window.sockets = [];
window.WebSocket = class extends EventTarget {
  static OPEN = 1;
  readyState = 0;
  sent = [];
  constructor(url) { super(); this.url = url; sockets.push(this); }
  send(data) { this.sent.push(data); }
  close() { this.readyState = 2; }
  accept() { this.readyState = 1; this.dispatchEvent(new Event("open")); }
  say(frame) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }
  drop(code = 1006) { this.readyState = 3; this.dispatchEvent(new CloseEvent("close", { code })); }
};
Math.random = () => 1;
window.begin = (options) => {
  window.client = new ReconnectingSocket({ connect: async () => ({ url: "ws://x/" }), ...options });
  showStatus(client, document.querySelector("#status"), document.querySelector("#now"));
  client.open();
};
window.last = () => sockets.at(-1);
window.word = () => document.querySelector(".word").textContent;

window.asked = []; // every request
window.answers = {}; // by path: the status and the body, or an exception
window.fetch = async (path, { body, headers }) => {
  asked.push([path, JSON.parse(body), headers.Authorization ?? null]);
  const [status, said] = answers[path] ?? [];
  if (!status) throw new TypeError("no network");
  return { status, ok: status < 300, json: async () => said };
};
window.credentials = new Credentials();
window.events = [];
for (const type of ["obtained", "renewed", "ended"])
  credentials.addEventListener(type, () => events.push(type));
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
            script = f'<!doctype html><title>x</title>{STATUS}<script type="module">{STAGE}'
            route.fulfill(body=f"{script}</script>", content_type="text/html")

    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.uncaught = []
    page.on("pageerror", lambda error: page.uncaught.append(str(error)))
    page.route(f"{HERE}**", answer)
    page.clock.install(time=0)
    page.clock.pause_at(1_000)
    yield page
    context.close()


@pytest.fixture
def stage(theatre):
    theatre.goto(HERE)
    theatre.wait_for_function("window.ready", polling=20)
    yield theatre
    assert not theatre.uncaught


def state(stage) -> list:
    return stage.evaluate("[client.state, client.code, sockets.length]")


# Renew once


def renewing(stage, renew: str = "async () => { renewed += 1; }") -> None:
    stage.evaluate(f"window.renewed = 0; begin({{ renew: {renew} }})")


def test_4401_renews_and_tries_again_at_once(stage):
    renewing(stage)
    stage.evaluate("last().accept(); last().drop(4401)")
    assert stage.evaluate("renewed") == 1
    stage.evaluate("last().accept()")
    assert state(stage) == ["open", 4401, 2]


def test_4401_again_is_the_end(stage):
    renewing(stage)
    for _ in range(2):
        stage.evaluate("last().accept(); last().drop(4401)")
    stage.clock.run_for(120_000)
    assert state(stage) == ["closed", 4401, 2]
    assert stage.evaluate("renewed") == 1


def test_4401_after_a_failure_in_between_is_the_end_too(stage):
    renewing(stage)
    stage.evaluate("last().accept(); last().drop(4401)")
    stage.evaluate("last().drop(1006); client.retryNow()")
    stage.evaluate("last().accept(); last().drop(4401)")
    assert state(stage) == ["closed", 4401, 3]


def test_a_steady_connection_may_be_renewed_again_and_so_may_one_opened_again(stage):
    renewing(stage)
    stage.evaluate("last().accept(); last().drop(4401)")
    stage.evaluate("last().accept()")
    stage.clock.run_for(5_000)
    stage.evaluate("last().drop(4401)")
    stage.evaluate("last().accept(); last().drop(4401)")
    assert state(stage) == ["closed", 4401, 3]
    stage.evaluate("client.open()")
    stage.evaluate("last().drop(4401)")
    assert stage.evaluate("[renewed, client.state]") == [3, "connecting"]


@pytest.mark.parametrize("renew", ["async () => { throw no; }", "() => { throw no; }"])
def test_what_is_refused_a_renewal_stays_closed(stage, renew):
    stage.evaluate("window.no = Object.assign(new Error('no'), { isFinal: true })")
    renewing(stage, renew)
    stage.evaluate("last().accept(); last().drop(4401)")
    stage.clock.run_for(120_000)
    assert state(stage) == ["closed", 4401, 1]


def test_a_renewal_that_fails_for_a_moment_is_tried_again(stage):
    renewing(stage, "async () => { if ((renewed += 1) === 1) throw Error('502'); }")
    stage.evaluate("last().accept(); last().drop(4401)")
    assert stage.evaluate("[renewed, client.state]") == [1, "waiting"]
    stage.evaluate("client.retryNow()")
    stage.evaluate("last().accept(); last().drop(4401)")
    assert stage.evaluate("[renewed, client.state]") == [2, "connecting"]
    stage.evaluate("last().accept()")
    assert state(stage) == ["open", 4401, 3]


@pytest.fixture
def ticketed(stage):
    """A client whose tickets are refused from now on, until `refused` is false."""
    stage.evaluate(
        """() => {
          [window.refused, window.renewed] = [true, 0];
          const no = Object.assign(Error("no"), { isFinal: true });
          window.connect = async () => { if (refused) throw no; return { url: "ws://x/" }; };
        }"""
    )
    return stage


def test_what_is_refused_before_there_is_a_socket_is_the_end(ticketed):
    ticketed.evaluate("refused = false; begin({ connect })")
    ticketed.evaluate("last().accept(); refused = true; last().drop(1006); client.retryNow()")
    ticketed.wait_for_function("client.state === 'closed'", polling=20)
    ticketed.clock.run_for(120_000)
    assert state(ticketed) == ["closed", 4401, 1]
    assert ticketed.evaluate("[client.attempt, client.reason]") == [2, "no"]
    assert ticketed.evaluate("word()") == "closed 4401: log in again"


@pytest.mark.parametrize(
    ("helps", "ends"), [(True, ["open", 4401, 1]), (False, ["closed", 4401, 0])]
)
def test_what_is_refused_before_there_is_a_socket_is_renewed_once(ticketed, helps, ends):
    renew = "async () => { renewed += 1; refused = !helps; }"
    ticketed.evaluate(
        f"(helps) => {{ window.helps = helps; begin({{ connect, renew: {renew} }}); }}", helps
    )
    if helps:
        ticketed.wait_for_function("sockets.length === 1", polling=20)
        ticketed.evaluate("last().accept()")
    ticketed.wait_for_function("(state) => client.state === state", arg=ends[0], polling=20)
    ticketed.clock.run_for(120_000)
    assert state(ticketed) == ends
    assert ticketed.evaluate("[renewed, client.attempt]") == [1, 2]


def test_closed_while_renewing_stays_closed(stage):
    renewing(stage, "() => new Promise((resolve) => { window.done = resolve; })")
    stage.evaluate("last().accept(); last().drop(4401)")
    stage.evaluate("client.close(); done()")
    stage.clock.run_for(120_000)
    assert state(stage)[::2] == ["closed", 1]


def test_without_renew_4401_is_the_end_and_no_other_code_renews(stage):
    stage.evaluate("begin({})")
    stage.evaluate("last().accept(); last().drop(4401)")
    assert state(stage) == ["closed", 4401, 1]
    renewing(stage)
    stage.evaluate("last().accept(); last().drop(4403)")
    assert stage.evaluate("[renewed, client.state]") == [0, "closed"]


def test_what_was_not_acknowledged_is_sent_after_renewing(stage):
    renewing(stage)
    stage.evaluate("last().accept(); client.send('a', 1); last().drop(4401)")
    stage.evaluate("last().accept()")
    assert stage.evaluate("last().sent") == ["a"]


# Slow down


def sent(stage) -> list:
    return stage.evaluate("last().sent")


@pytest.fixture
def hurried(stage):
    """Three messages on their way, of which the first is acknowledged and two were too fast."""
    stage.evaluate("begin({})")
    stage.evaluate("last().accept(); ['a', 'b', 'c'].forEach((data) => client.send(data, data))")
    stage.evaluate("client.acknowledge('a'); client.slowDown(); client.slowDown()")
    return stage


def test_after_too_fast_one_is_sent_after_another(hurried):
    hurried.evaluate("client.send('d', 'd'); client.send('typing')")
    hurried.clock.run_for(2_999)
    assert sent(hurried) == ["a", "b", "c", "typing"]
    hurried.clock.run_for(1)
    assert sent(hurried)[4:] == ["b"]
    hurried.clock.run_for(10_000)
    assert sent(hurried)[4:] == ["b"]  # the next one waits until this is acknowledged
    for oldest in ("b", "c", "d"):
        hurried.evaluate("(id) => client.acknowledge(id)", oldest)
        hurried.clock.run_for(150)
    assert sent(hurried)[4:] == ["b", "c", "d"]
    hurried.evaluate("client.send('e', 'e')")  # nothing waits: as fast as before
    assert sent(hurried)[7:] == ["e"]


def test_too_fast_again_waits_twice_as_long(hurried):
    hurried.clock.run_for(3_000)
    hurried.evaluate("client.slowDown()")
    hurried.clock.run_for(5_999)
    assert sent(hurried)[3:] == ["b"]
    hurried.clock.run_for(1)
    assert sent(hurried)[3:] == ["b", "b"]


def test_a_new_connection_is_slow_too(hurried):
    hurried.clock.run_for(3_000)
    hurried.evaluate("last().drop(4429); client.retryNow()")
    hurried.evaluate("last().accept()")
    assert sent(hurried) == ["b"]
    hurried.evaluate("client.acknowledge('b')")
    hurried.clock.run_for(150)
    assert sent(hurried) == ["b", "c"]


def test_closing_ends_the_pace(hurried):
    hurried.evaluate("client.close()")
    hurried.clock.run_for(60_000)
    hurried.evaluate("client.open()")
    hurried.evaluate("last().accept(); client.send('x', 'x')")
    assert sent(hurried) == ["x"]


# The words


@pytest.mark.parametrize(
    ("code", "reason", "words", "link"),
    [
        (4401, "you are logged out", "closed 4401: log in again", True),
        (4403, "not a member", "closed 4403: not a member", False),
        (4404, None, "closed 4404", False),
        (4429, "too fast; come back", "too fast, try 2", False),
        (1006, None, "connecting, try 2", False),
    ],
)
def test_the_status_line_says_what_to_do(stage, code, reason, words, link):
    stage.evaluate("begin({})")
    stage.evaluate("last().accept()")
    if reason:
        stage.evaluate("(reason) => last().say({ type: 'closing', reason })", reason)
    stage.evaluate("(code) => last().drop(code)", code)
    assert stage.evaluate("word()") == words
    assert stage.evaluate("!document.querySelector('a').hidden") is link


def test_a_reason_is_not_kept_for_the_next_connection(stage):
    stage.evaluate("begin({})")
    stage.evaluate("last().accept(); last().say({ type: 'closing', reason: 'old' })")
    stage.evaluate("last().drop(4403); client.open()")
    stage.evaluate("last().accept(); last().drop(4404)")
    assert stage.evaluate("word()") == "closed 4404"


def test_a_mistake_in_the_address_is_closed_with_its_reason(stage):
    stage.evaluate(
        "() => { window.WebSocket = class { constructor() { throw new Error('bad url'); } }; }"
    )
    stage.evaluate("addEventListener('unhandledrejection', (event) => event.preventDefault())")
    stage.evaluate("begin({})")
    stage.wait_for_function("word() === 'closed: bad url'", polling=20)


# Tokens kept fresh


def token(lives: int, issued: int = 1) -> str:
    """A token that lives so many seconds from the second `issued`; nobody here checks the rest."""
    payload = json.dumps({"iat": issued, "exp": issued + lives, "name": "é"})
    part = base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")
    return f"head.{part}.signature"


def answer(stage, path: str, status: int, said: dict | None = None) -> None:
    stage.evaluate("([path, ...answer]) => { answers[path] = answer; }", [path, status, said])


def pair(access: str, refresh: str) -> dict:
    return {"access": access, "refresh": refresh}


@pytest.fixture
def obtained(stage):
    """Tokens for 300 seconds, and the next ones ready to be asked for."""
    answer(stage, "/api/token/", 200, pair(token(300), "refresh-1"))
    answer(stage, "/api/token/refresh/", 200, pair(token(300), "refresh-2"))
    stage.evaluate("credentials.obtain('ada', 'secret')")
    return stage


def paths(stage) -> list[str]:
    return stage.evaluate("asked.map(([path]) => path)")


def test_obtaining_asks_once_and_keeps_nothing_outside_of_memory(obtained):
    expected = ["/api/token/", {"username": "ada", "password": "secret"}, None]
    assert obtained.evaluate("asked") == [expected]
    assert obtained.evaluate("events") == ["obtained"]
    stored = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert obtained.evaluate(stored) == [0, 0, ""]
    assert obtained.evaluate("JSON.stringify(credentials)").count("refresh-1") == 0


def test_a_token_is_renewed_30_seconds_before_it_expires_again_and_again(obtained):
    left = obtained.evaluate("credentials.left")
    assert 298_000 < left <= 300_000
    obtained.clock.run_for(int(left) - 30_001)
    assert paths(obtained) == ["/api/token/"]
    obtained.clock.run_for(2)
    assert obtained.evaluate("asked.at(-1)") == [
        "/api/token/refresh/",
        {"refresh": "refresh-1"},
        None,
    ]
    assert obtained.evaluate("events") == ["obtained", "renewed"]


def test_a_short_token_is_renewed_when_a_third_is_left(stage):
    answer(stage, "/api/token/", 200, pair(token(6), "refresh-1"))
    answer(stage, "/api/token/refresh/", 200, pair(token(6, issued=5), "refresh-2"))
    stage.evaluate("credentials.obtain('ada', 'secret')")
    stage.clock.run_for(4_001)
    assert len(paths(stage)) == 2
    stage.clock.run_for(4_001)
    assert stage.evaluate("asked.at(-1)[1]") == {"refresh": "refresh-2"}


def test_a_clock_that_is_an_hour_off_does_not_matter(stage):
    answer(stage, "/api/token/", 200, pair(token(300, issued=3_601), "refresh-1"))
    stage.evaluate("credentials.obtain('ada', 'secret')")
    assert 298_000 < stage.evaluate("credentials.left") <= 300_000


def test_two_who_refresh_at_once_ask_once(obtained):
    obtained.evaluate("Promise.all([credentials.refresh(), credentials.refresh()])")
    assert paths(obtained) == ["/api/token/", "/api/token/refresh/"]
    obtained.evaluate("credentials.refresh()")
    assert obtained.evaluate("asked.at(-1)[1]") == {"refresh": "refresh-2"}


def test_a_refused_refresh_is_the_end_and_no_network_is_not(obtained):
    obtained.evaluate("delete answers['/api/token/refresh/']")
    obtained.clock.run_for(280_000)
    assert obtained.evaluate("[events, credentials.access !== null]") == [["obtained"], True]
    answer(obtained, "/api/token/refresh/", 429, {"detail": "wait a moment"})
    obtained.clock.run_for(5_000)
    assert obtained.evaluate("[events, credentials.access !== null]") == [["obtained"], True]
    before = len(paths(obtained))
    answer(obtained, "/api/token/refresh/", 401, {"detail": "logged out"})
    obtained.clock.run_for(5_000)
    assert obtained.evaluate("[events, credentials.access]") == [["obtained", "ended"], None]
    obtained.clock.run_for(600_000)
    assert len(paths(obtained)) == before + 1


def test_what_is_not_kept_expires(obtained):
    obtained.evaluate("credentials.keep(false)")
    obtained.clock.run_for(400_000)
    assert paths(obtained) == ["/api/token/"]
    assert obtained.evaluate("credentials.left") == 0


def test_a_ticket_is_asked_for_with_the_token_and_each_time_anew(obtained):
    for number in (1, 2):
        answer(obtained, "/api/ws-ticket/", 200, {"ticket": f"ticket-{number}"})
        assert obtained.evaluate("credentials.ticket()") == f"ticket-{number}"
    assert obtained.evaluate("asked.at(-1)[2]") == f"Bearer {token(300)}"


LOG_OUT = ["/api/logout/", {"refresh": "refresh-1"}, None]


@pytest.mark.parametrize("said", [204, 401])
def test_logging_out_tells_the_server_and_forgets(obtained, said):
    answer(obtained, "/api/logout/", said, {"detail": "it has ended already"})
    obtained.evaluate("credentials.logOut()")
    assert obtained.evaluate("asked.at(-1)") == LOG_OUT
    assert obtained.evaluate("[credentials.access, events.at(-1)]") == [None, "ended"]
    refused = "credentials.refresh().then(() => null, (error) => error.message)"
    assert obtained.evaluate(refused) == "logged out"
    obtained.clock.run_for(600_000)
    assert obtained.evaluate("asked.length") == 2


def test_a_log_out_that_fails_can_be_tried_again(obtained):
    answer(obtained, "/api/logout/", 503, {"detail": "come back later"})
    told = "credentials.logOut().then(() => null, (error) => error.message)"
    assert obtained.evaluate(told) == "come back later"
    assert obtained.evaluate("[credentials.access !== null, events]") == [True, ["obtained"]]
    answer(obtained, "/api/logout/", 204)
    obtained.evaluate("credentials.logOut()")
    assert obtained.evaluate("asked.slice(1)") == [LOG_OUT, LOG_OUT]
    assert obtained.evaluate("[credentials.access, events.at(-1)]") == [None, "ended"]


def test_after_a_log_out_that_failed_the_token_is_kept_fresh(obtained):
    obtained.evaluate("credentials.logOut().catch(() => {})")  # the server cannot be reached
    obtained.clock.run_for(int(obtained.evaluate("credentials.left")) - 30_001)
    assert paths(obtained) == ["/api/token/", "/api/logout/"]
    obtained.clock.run_for(2)
    assert paths(obtained)[2:] == ["/api/token/refresh/"]


def test_a_refresh_does_not_spend_the_token_of_a_log_out_on_its_way(obtained):
    answer(obtained, "/api/logout/", 204)
    obtained.evaluate("Promise.all([credentials.logOut(), credentials.refresh()])")
    assert paths(obtained) == ["/api/token/", "/api/logout/"]
    assert obtained.evaluate("[credentials.access, events.at(-1)]") == [None, "ended"]


def test_logging_out_while_a_refresh_is_on_its_way_gives_up_the_fresh_token(obtained):
    answer(obtained, "/api/logout/", 204)
    obtained.evaluate("Promise.all([credentials.refresh(), credentials.logOut()])")
    assert obtained.evaluate("asked.at(-1)") == ["/api/logout/", {"refresh": "refresh-2"}, None]
    assert obtained.evaluate("[credentials.access, events.at(-1)]") == [None, "ended"]


def test_a_log_in_is_not_undone_by_a_refresh_of_the_one_before(obtained):
    answer(obtained, "/api/token/", 200, pair(token(300), "refresh-of-ben"))
    answer(obtained, "/api/logout/", 204)
    obtained.evaluate(
        """async () => { const answered = fetch; let go;
        window.fetch = (...all) => new Promise((done) => { go = () => done(answered(...all)); });
        const refreshing = credentials.refresh();
        window.fetch = answered;
        await credentials.obtain("ben", "x");
        go();
        await refreshing; }"""
    )
    assert obtained.evaluate("events") == ["obtained", "obtained"]
    obtained.evaluate("credentials.logOut()")
    assert obtained.evaluate("asked.at(-1)[1]") == {"refresh": "refresh-of-ben"}


def test_a_wrong_password_is_told_in_the_servers_words(stage):
    answer(stage, "/api/token/", 401, {"detail": "No active account"})
    told = "credentials.obtain('ada', 'x').then(() => null, (error) => error.message)"
    assert stage.evaluate(told) == "No active account"
    assert stage.evaluate("events") == []


def test_the_files_are_short_enough_to_read():
    lines = {
        path.name: path.read_text(encoding="utf-8").count("\n") for path in STATIC.glob("js/*")
    }
    assert max(lines.values()) < 250, json.dumps(lines)
