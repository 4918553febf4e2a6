"""Step 03's pages, used as by hand: playground, lifecycle, slow answers, reconnecting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["/", "/lifecycle/", "/slow/", "/reconnect/"]


class Playground:
    """The playground as a reader uses it."""

    def __init__(self, page: Page, server):
        self.page = page
        page.goto(server.http("/"))

    def connect(self, path: str, protocols: str = "") -> None:
        self.page.get_by_label("Path").select_option(path)
        self.page.get_by_label("Subprotocols").fill(protocols)
        self.page.get_by_role("button", name="Connect", exact=True).click()

    def opened(self, path: str, protocols: str = "") -> None:
        self.connect(path, protocols)
        expect(self.page.locator("#status")).to_have_text("open")

    def send(self, frame: str, kind: str = "text") -> None:
        self.page.get_by_label("Frame").fill(frame)
        self.page.get_by_label(kind, exact=False).and_(self.page.get_by_role("radio")).first.check()
        self.page.get_by_role("button", name="Send", exact=True).click()

    def close(self, code: str = "", reason: str = "") -> None:
        self.page.get_by_label("Code").fill(code)
        self.page.get_by_label("Reason").fill(reason)
        self.page.get_by_role("button", name="Close", exact=True).click()

    def events(self, name: str):
        return self.page.locator(f'#log [data-event="{name}"]')

    def shown(self, name: str):
        return self.page.locator(f'[data-property="{name}"]')


@pytest.fixture
def playground(page, step_server) -> Playground:
    return Playground(page, step_server(3))


def test_connect_send_text_and_close(playground):
    playground.opened("/ws/echo/async-websocket/")
    expect(playground.shown("readyState")).to_have_text("1 OPEN")
    expect(playground.shown("url")).to_have_text(re.compile("ws://.*/ws/echo/async-websocket/"))
    expect(playground.shown("extensions")).to_have_text('"" (empty)')
    expect(playground.shown("bufferedAmount")).to_have_text("0")
    playground.send("hi <b>there</b>")
    expect(playground.events("message")).to_contain_text("data: hi <b>there</b>")
    expect(playground.events("message")).to_contain_text("origin: ws://")
    expect(playground.events("message")).to_contain_text('lastEventId: ""')
    playground.close("4001", "bye")
    # Daphne answers a close with 1000, whatever the page sent (FACTS 28c).
    expect(playground.events("close")).to_contain_text('code: 1000 reason: "" wasClean: true')
    expect(playground.shown("readyState")).to_have_text("3 CLOSED")
    expect(playground.page.locator("#status")).to_have_text("closed")
    order = playground.page.locator("#log li").evaluate_all(
        "(items) => items.map((item) => item.dataset.event)"
    )
    assert order == ["connect", "open", "send", "message", "close()", "close"]


def test_json_goes_there_and_back_and_bad_json_does_not_leave(playground):
    playground.opened("/ws/echo/json/")
    playground.send('{"bpm": 142}', "JSON")
    expect(playground.events("message")).to_contain_text('data: {"bpm": 142}')
    playground.send('{"bpm": ', "JSON")
    expect(playground.page.locator("#send-problem")).to_contain_text("SyntaxError")
    expect(playground.page.get_by_label("Frame")).to_have_value('{"bpm": ')
    expect(playground.events("send")).to_have_count(1)
    playground.send('{"bpm": ', "text")
    expect(playground.page.locator("#send-problem")).to_be_hidden()
    expect(playground.events("message").last).to_contain_text("invalid_message")


@pytest.mark.slow
def test_bytes_typed_in_hex_or_as_text(playground):
    playground.page.get_by_label("binaryType").select_option("arraybuffer")
    playground.opened("/ws/echo/sync-consumer/")
    playground.send("00 FF7f", "hex")
    expect(playground.events("message")).to_contain_text("ArrayBuffer, 3 bytes: 00 ff 7f")
    playground.page.get_by_label("binaryType").select_option("blob")
    playground.send("é", "bytes of the text")
    expect(playground.events("message").last).to_contain_text("Blob, 2 bytes: c3 a9")
    playground.send("0", "hex")
    expect(playground.page.locator("#send-problem")).to_contain_text("Not hex")
    expect(playground.page.get_by_label("Frame")).to_have_value("0")


@pytest.mark.slow
def test_a_file_goes_as_bytes(playground):
    playground.page.get_by_role("button", name="Send file").click()
    expect(playground.page.locator("#send-problem")).to_contain_text("Choose a file")
    playground.opened("/ws/echo/websocket/")
    file = {"name": "ride.fit", "mimeType": "", "buffer": bytes(range(256)) * 400}
    playground.page.get_by_label("A file, as bytes").set_input_files(file)
    playground.page.get_by_role("button", name="Send file").click()
    expect(playground.events("send")).to_contain_text("File, 102400 bytes: 00 01 02")
    expect(playground.events("message")).to_contain_text("Blob, 102400 bytes: 00 01 02")


@pytest.mark.slow
def test_an_empty_frame_leaves_and_never_comes_back(playground):
    playground.opened("/ws/echo/async-websocket/")
    playground.send("")
    playground.send("after")
    expect(playground.events("message")).to_contain_text("data: after")
    expect(playground.events("send")).to_have_count(2)


@pytest.mark.slow
def test_a_bad_close_shows_the_browsers_own_error(playground):
    playground.opened("/ws/echo/async-websocket/")
    for code, reason, error in [
        ("1001", "", "InvalidAccessError"),
        ("2999", "", "InvalidAccessError"),
        ("5000", "", "InvalidAccessError"),
        ("soon", "", "InvalidAccessError"),
        ("1000", "é" * 62, "SyntaxError"),
        ("", "why", "A reason needs a code"),
    ]:
        playground.close(code, reason)
        expect(playground.page.locator("#close-problem")).to_contain_text(error)
        expect(playground.page.get_by_label("Reason")).to_have_value(reason)
        expect(playground.shown("readyState")).to_have_text("1 OPEN")


def test_a_subprotocol_is_chosen_or_the_browser_gives_up(playground):
    playground.opened("/ws/lifecycle/", "chat, echo.v2")
    expect(playground.shown("protocol")).to_have_text("echo.v2")
    expect(playground.events("open")).to_contain_text("protocol: echo.v2")
    playground.page.get_by_role("button", name="Clear").click()
    playground.connect("/ws/lifecycle/", "chat")
    expect(playground.events("error")).to_contain_text("message: undefined")
    expect(playground.events("close").last).to_contain_text("code: 1006")
    playground.connect("/ws/lifecycle/", "not a token")
    expect(playground.page.locator("#connect-problem")).to_contain_text("SyntaxError")


@pytest.mark.slow
def test_a_refusal_tells_its_code_only_after_accept(playground):
    for path, code in [
        ("/ws/lifecycle/?refuse=before", 1006),
        ("/ws/nowhere/", 1006),
        ("/ws/lifecycle/?refuse=after", 4403),
    ]:
        playground.page.get_by_role("button", name="Clear").click()
        playground.connect(path)
        expect(playground.events("close")).to_contain_text(f"code: {code}")


@pytest.mark.slow
def test_what_is_sent_too_early_throws_and_too_late_is_discarded(playground):
    playground.send("hi")
    expect(playground.page.locator("#send-problem")).to_have_text("Connect first.")
    playground.page.evaluate(
        """() => {
          document.querySelector("#connect").requestSubmit();
          document.querySelector("#send").requestSubmit();
        }"""
    )
    expect(playground.page.locator("#send-problem")).to_contain_text("InvalidStateError")
    expect(playground.page.locator("#status")).to_have_text("open")
    playground.close()
    expect(playground.events("close")).to_contain_text("code: 1000")
    playground.send("too late")
    expect(playground.events("send")).to_contain_text("discarded: silently: CLOSED")


@pytest.mark.slow
def test_closing_while_connecting_gives_up(playground):
    playground.page.evaluate(
        """() => {
          document.querySelector("#connect").requestSubmit();
          document.querySelector("#close").requestSubmit();
        }"""
    )
    expect(playground.events("error")).to_have_count(1)
    expect(playground.events("close")).to_contain_text("code: 1006")
    expect(playground.events("open")).to_have_count(0)


@pytest.mark.slow
def test_a_server_that_is_stopped_leaves_1006(page, daphne):
    server = serve(daphne)
    playground = Playground(page, server)
    playground.opened("/ws/echo/async-websocket/")
    server.stop()
    expect(playground.events("close")).to_contain_text("code: 1006")


def test_the_playground_works_by_keyboard(playground):
    page = playground.page
    page.get_by_label("Path").focus()
    for key in ["Tab", "Tab", "Enter"]:  # subprotocols, Connect
        page.keyboard.press(key)
    expect(page.locator("#status")).to_have_text("open")
    page.get_by_label("Frame").focus()
    for key in ["Tab", "Tab", "Enter"]:  # the radios, Send
        page.keyboard.press(key)
    expect(playground.events("message")).to_contain_text("data: hi")


def test_the_lifecycle_page_shows_both_sides(page, step_server):
    page.goto(step_server(3).http("/lifecycle/"))
    expect(page.locator("#status")).to_have_text("watching")
    for title, browser, server, frames in [
        ("The page closes with 4001", "close 1000", "4001", None),
        ("The page closes without a code", "close 1000", "None", None),
        ("The server closes with 4001", "close 4001", "4001", '"closing"'),
        ("The handler raises", "close 1011", "not called", None),
        ("The server refuses before it accepts", "error\nclose 1006", "1006", None),
        ("The server accepts, then closes with 4403", "close 4403", "4403", "not for you"),
        ("Three texts, then the page closes", "close 1000", "1000", '"count": 3'),
        ("The page offers chat, echo.v2, echo.v1", 'open, protocol "echo.v2"', "1000", None),
        ("The page offers nothing but chat", "error\nclose 1006", "1006", None),
    ]:
        play = page.locator("#plays > li").filter(has_text=title)
        play.get_by_role("button").click()
        expect(play.locator(".server")).to_have_text(server)
        expect(play.locator(".browser")).to_contain_text(browser, use_inner_text=True)
        if frames:
            expect(play.locator(".frames")).to_contain_text(frames)
        expect(page.locator("#plays [aria-disabled]")).to_have_count(0)


@pytest.mark.slow
def test_slow_answers_are_drawn_in_time(page, step_server):
    page.goto(step_server(3).http("/slow/"))

    def seconds(title: str) -> list[float]:
        race = page.locator("#races > li").filter(has_text=title).first
        race.get_by_role("button").click()
        expect(race.locator(".total")).to_contain_text("The last answer came after")
        expect(page.locator("#status")).to_have_text("ready")
        return sorted(float(text.split()[0]) for text in race.locator(".bars li").all_inner_texts())

    in_line = seconds("Five connections, time.sleep")
    together = seconds("Five connections, asyncio.sleep")
    assert len(in_line) == len(together) == 5
    assert in_line[-1] >= 2.5 > 1.5 > together[-1]
    assert len(seconds("One connection, three frames")) == 3


def serve(daphne, *options: str):
    return daphne(
        ROOT / "step03_consumers",
        *options,
        application="course.tap:application",
        env={"PYTHONPATH": str(ROOT)},
    )


def test_a_killed_server_comes_back_and_gets_what_waited(page, daphne):
    server = serve(daphne)
    page.clock.install()
    page.goto(server.http("/reconnect/"))
    status, now = page.locator("#status"), page.get_by_role("button", name="now")
    text, sent = page.get_by_label("Text"), page.locator("#sent li")
    expect(status).to_have_text("open")
    expect(now).to_be_hidden()

    def send(words: str) -> None:
        text.fill(words)
        text.press("Enter")

    send("one")
    expect(sent.last).to_have_text("one came back")
    port = server.port
    server.stop()
    expect(status).to_have_text(re.compile(r"connecting, try \d+"))
    send("two")
    expect(sent.last).to_have_text("two waiting")
    expect(page.locator("#queued")).to_have_text("1")
    page.clock.run_for(20_000)  # some tries in vain
    expect(status).to_have_text(re.compile(r"connecting, try [3-9]( in \d+ s)?"))
    for number in range(4):
        send(f"more {number}")
    send("one too many")  # the queue of this page holds five
    expect(page.locator("#problem")).to_have_text("Not sent: the queue is full.")
    expect(text).to_have_value("one too many")

    serve(daphne, "-p", str(port))
    now.click()
    expect(status).to_have_text("open")
    expect(sent.filter(has_text="came back")).to_have_count(6)
    expect(page.locator("#queued")).to_have_text("0")
    assert server.port == port


@pytest.mark.slow
def test_what_was_on_its_way_is_called_perhaps_lost(page, step_server):
    # In place of the step's socket, one that breaks at the first frame without an answer.
    page.route_web_socket(
        re.compile("/ws/echo/"),
        lambda socket: socket.on_message(lambda message: socket.close(code=1011)),
    )
    page.goto(step_server(3).http("/reconnect/"))
    expect(page.locator("#status")).to_have_text("open")
    page.get_by_label("Text").fill("gone")
    page.get_by_label("Text").press("Enter")
    expect(page.locator("#sent li")).to_have_text("gone perhaps lost")
    expect(page.locator("#status")).to_have_text("open")


@pytest.mark.slow
def test_closed_for_good_stays_closed_until_asked(page, step_server):
    page.goto(step_server(3).http("/reconnect/"))
    expect(page.locator("#status")).to_have_text("open")
    page.get_by_role("button", name="Close for good").click()
    expect(page.locator("#status")).to_have_text("closed 1000")
    page.get_by_label("Text").fill("hi")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#problem")).to_have_text("Not sent: the connection is closed.")
    expect(page.get_by_label("Text")).to_have_value("hi")
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator("#status")).to_have_text("open")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent li")).to_have_text(re.compile("hi.*came back"))


@pytest.mark.slow
def test_no_page_scrolls_sideways_on_a_phone(page, step_server):
    page.set_viewport_size({"width": 360, "height": 740})
    for path in PAGES:
        page.goto(step_server(3).http(path))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        # Touch targets; a radio's is its label.
        small = page.evaluate(
            """() => [
              ...document.querySelectorAll("button, select, input, nav a, label:has(:checked)"),
            ]
              .filter((element) => element.checkVisibility() && element.type !== "radio")
              .filter((element) => element.getBoundingClientRect().height < 44)
              .map((element) => element.outerHTML)"""
        )
        assert small == [], path
