"""The wire inspector in a browser: replayed, by keyboard, and live against running steps."""

import functools
import http.server
import itertools
import json
import shutil
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from course import record

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ECHO = [event["kind"] for event in record.stored("step03-echo")["events"]]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder without a line per request."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A folder with the inspector in it, and the port it is served on."""
    folder = tmp_path_factory.mktemp("inspector")
    for name in ("inspector.js", "inspector.css"):
        shutil.copy(DOCS / "assets/inspector" / name, folder / name)
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, server.server_port
        server.shutdown()
        thread.join(10)


@pytest.fixture
def inspect(page, served):
    """`inspect(elements, ports)`: open a page with these elements, as the docs serve them."""
    folder, port = served
    numbers = itertools.count()

    def open_page(elements, ports=None, host="127.0.0.1", body=""):
        (folder / "index.html").write_text(
            f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Inspector</title><link rel="stylesheet" href="inspector.css">
            <link rel="icon" href="data:,">
            <style>@media (prefers-color-scheme: dark) {{ html {{ background: #12181a;
            color: #e7eeee }} }}</style></head><body {body}><main><h1>Inspector</h1>
            {elements}</main><script>window.WIRE_TRACE_PORTS = {json.dumps(ports or {})};
            </script><script src="inspector.js"></script></body></html>""",
            encoding="utf-8",
        )
        page.goto(f"http://{host}:{port}/?{next(numbers)}")  # not the page before from a cache
        expect(page.locator("wire-trace .wt").first).to_be_visible()
        return page

    return open_page


def element(name):
    return (DOCS / f"assets/traces/{name}.html").read_text(encoding="utf-8")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def shown(page):
    """The kinds of the events that can be seen, in order."""
    rows = page.locator(".wt-row:not(.wt-hidden)")
    return rows.evaluate_all("rows => rows.map((row) => row.dataset.kind)")


def words(page):
    """What the time line says, in order: side, word and label of each event."""
    return page.locator(".wt-row:not(.wt-hidden)").evaluate_all(
        "rows => rows.map((row) => [row.dataset.side, ...['.wt-word', '.wt-label']"
        ".map((part) => row.querySelector(part).textContent)].join(' ').trim())"
    )


def open_all(page):
    """Open every event."""
    page.locator(".wt-event").evaluate_all("nodes => nodes.forEach((node) => node.click())")
    assert page.locator(".wt-detail:visible").count() == page.locator(".wt-event").count()


def fits(page):
    """Whether nothing sticks out of the page to the side."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---- The recording ----


def test_it_says_that_it_is_a_recording_and_shows_all_of_it(inspect):
    page = inspect(element("step03-echo"))
    expect(page.locator(".wt-state")).to_have_text("recording")
    expect(page.locator(".wt-foot")).to_contain_text("Recorded from step03_consumers with daphne")
    assert shown(page) == ECHO
    assert page.locator(".wt-arrow").count() == 5  # request, answer, two messages, close


def test_it_replays_event_by_event(inspect):
    page = inspect(element("step03-echo"))
    press(page, "Restart")
    assert shown(page) == []
    expect(page.locator(".wt-progress")).to_have_text(f"0 of {len(ECHO)}: press Next")
    for number in range(1, len(ECHO) + 1):
        press(page, "Next")
        assert shown(page) == ECHO[:number]
    expect(page.locator(".wt-progress")).to_have_text(f"all {len(ECHO)} events")
    press(page, "Next")
    assert shown(page) == ECHO[:1]


@pytest.mark.slow
def test_a_message_on_its_way_is_drawn_so(inspect):
    page = inspect(element("step03-echo"))
    press(page, "Restart")
    press(page, "Next")
    assert page.locator(".wt-arrow.wt-under-way").count() == 1
    press(page, "Next")
    assert page.locator(".wt-arrow").count() == 1
    assert page.locator(".wt-arrow.wt-under-way").count() == 0


@pytest.mark.slow
def test_play_pauses_and_ends(inspect):
    page = inspect(element("step03-echo"))
    page.emulate_media(reduced_motion="no-preference")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    press(page, "Play")
    page.clock.run_for(1000)
    some = len(shown(page))
    assert 0 < some < len(ECHO)
    press(page, "Pause")
    page.clock.run_for(5000)
    assert len(shown(page)) == some
    press(page, "Play")
    page.clock.run_for(20_000)
    assert shown(page) == ECHO
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


@pytest.mark.slow
def test_play_shows_everything_at_once_where_motion_is_unwelcome(inspect):
    page = inspect(element("step03-echo"))
    press(page, "Restart")
    press(page, "Play")
    assert shown(page) == ECHO


@pytest.mark.slow
def test_a_page_may_begin_before_the_first_event(inspect):
    page = inspect(element("step03-echo").replace("<wire-trace ", '<wire-trace start="empty" '))
    assert shown(page) == []
    press(page, "Next")
    assert shown(page) == ["handshake"]


@pytest.mark.slow
def test_every_event_opens_and_shows_what_it_carried(inspect):
    page = inspect(element("step03-echo"))
    trace = record.stored("step03-echo")
    for number, event in enumerate(trace["events"]):
        row = page.locator(".wt-row").nth(number)
        button = row.locator(".wt-event")
        expect(button).to_have_attribute("aria-expanded", "false")
        button.click()
        expect(button).to_have_attribute("aria-expanded", "true")
        terms = row.locator(".wt-detail > .wt-terms > div > dt").all_text_contents()
        assert terms == list(event["data"])
        expect(row.locator(".wt-meaning").first).not_to_be_empty()
        button.click()
        expect(row.locator(".wt-detail")).to_be_hidden()


@pytest.mark.slow
def test_the_scope_and_both_ends_of_the_handshake_show_their_headers(inspect):
    page = inspect(element("step03-echo"))
    for name in ("handshake GET", "scope /ws", "handshake 101"):
        page.get_by_role("button", name=name).click()
    details = page.locator(".wt-detail:visible")
    expect(details.nth(0)).to_contain_text("Sec-WebSocket-Version")
    expect(details.nth(1)).to_contain_text("sec-websocket-version")
    expect(details.nth(1)).to_contain_text("subprotocols")
    expect(details.nth(2)).to_contain_text("Sec-WebSocket-Accept")


def test_the_keyboard_is_enough(inspect):
    page = inspect(element("step03-echo"))
    focused = "document.activeElement.textContent"
    page.get_by_role("button", name="Restart", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(focused) == "Next"
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert shown(page) == ECHO[:2]
    assert page.evaluate(focused) == "Next"  # it stays where one left it
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert "handshake" in page.evaluate(focused)
    page.keyboard.press("Tab")
    assert "scope" in page.evaluate(focused)
    page.keyboard.press("Enter")
    expect(page.locator(".wt-detail:visible")).to_contain_text("raw_path")
    page.keyboard.press("Enter")
    expect(page.locator(".wt-detail:visible")).to_have_count(0)
    page.keyboard.press("Tab")  # events that are still to come are not in the way
    assert page.evaluate("document.activeElement.closest('.wt-list')") is None


@pytest.mark.slow
def test_a_screen_reader_gets_an_ordered_list_that_names_the_side(inspect):
    page = inspect(element("step03-echo"))
    items = page.get_by_role("list").first.get_by_role("listitem")
    expect(items).to_have_count(len(ECHO))
    expect(page.get_by_role("button", name='Browser: send() "hi"')).to_be_visible()
    expect(page.get_by_role("button", name='Server: receive "hi"')).to_be_visible()
    expect(page.get_by_role("group", name="Wire inspector: One message")).to_be_visible()


@pytest.mark.slow
def test_several_on_one_page_keep_to_themselves(inspect):
    page = inspect(element("step03-echo") + element("step03-exception"))
    first, second = page.locator("wire-trace").all()
    first.get_by_role("button", name="Restart", exact=True).click()
    expect(first.locator(".wt-row:not(.wt-hidden)")).to_have_count(0)
    expect(second.locator(".wt-row.wt-hidden")).to_have_count(0)
    expect(second).to_contain_text("RuntimeError")
    ids = page.locator("[id]").evaluate_all("nodes => nodes.map((node) => node.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_every_trace_fits_a_phone_opened_or_not(inspect):
    page = inspect("".join(map(element, record.TRACES)))
    page.set_viewport_size({"width": 360, "height": 740})
    assert fits(page)
    open_all(page)
    assert fits(page)
    small = page.locator(".wt button").evaluate_all(
        "nodes => nodes.filter((node) => node.offsetHeight && node.offsetHeight < 44).length"
    )
    assert small == 0


@pytest.mark.slow
def test_a_channel_layer_gets_its_column(inspect):
    trace = record.stored("step03-echo")
    trace["events"].insert(
        8, {"at": 88.0, "side": "layer", "kind": "group", "label": "room_1", "data": {"n": 1}}
    )
    page = inspect(record.snippet(trace))
    expect(page.locator(".wt-lane-layer")).to_be_visible()
    expect(page.get_by_role("button", name="Channel layer: group room_1")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    assert fits(page)
    page = inspect(element("step03-echo"))
    expect(page.locator(".wt-lane-layer")).to_be_hidden()


CHEER = record.stored("step04-cheer")["events"]


def middles(page, selector):
    """Where on the x axis the middles of these elements are, each once."""
    return page.locator(selector).evaluate_all(
        "nodes => [...new Set(nodes.map((node) => node.getBoundingClientRect())"
        ".map((box) => Math.round(box.left + box.width / 2)))]"
    )


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
def test_two_browsers_have_a_line_each_and_the_layer_is_on_the_right(inspect, width):
    page = inspect(element("step04-cheer"))
    page.set_viewport_size({"width": width, "height": 740})
    (first,) = middles(page, ".wt-row[data-side=browser][style*='--nth: 0'] .wt-mark")
    (second,) = middles(page, ".wt-row[data-side=browser][style*='--nth: 1'] .wt-mark")
    (server,) = middles(page, ".wt-row[data-side=server] .wt-mark")
    (layer,) = middles(page, ".wt-row[data-side=layer] .wt-mark")
    assert first < second < server < layer
    a, b = page.locator(".wt-lane-wire span").all()
    assert (a.inner_text(), b.inner_text()) == ("A", "B")
    assert middles(page, ".wt-lane-wire span") == [first, second]
    assert page.locator(".wt-by").all_inner_texts() == [event["by"] for event in CHEER]
    # Each word can be read whole: a mark must not cover it, nor the column cut it.
    cut = page.locator(".wt-word").evaluate_all(
        "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth + 1)"
        ".map((node) => node.textContent)"
    )
    assert cut == []
    assert fits(page)


@pytest.mark.slow
def test_of_several_browsers_every_arrow_keeps_to_its_own_connection(inspect):
    page = inspect(element("step04-cheer"))
    by = page.evaluate(
        """() => {
          const trace = JSON.parse(document.querySelector("wire-trace script").textContent);
          const key = (e) => `${e.side} ${e.kind} ${e.label} ${e.by}`;
          return wireTrace.align(trace.events).map(key);
        }"""
    )
    assert by == ["{side} {kind} {label} {by}".format(**event) for event in CHEER]
    frames = page.locator(".wt-arrow.wt-frame")
    expect(frames).to_have_count(sum(event["kind"] in ("receive", "message") for event in CHEER))


@pytest.mark.slow
def test_what_goes_to_the_layer_and_comes_back_is_drawn_in_its_row(inspect):
    page = inspect(element("step04-cheer"))
    page.set_viewport_size({"width": 1280, "height": 740})
    to_layer = page.locator(".wt-to-layer")
    expect(to_layer).to_have_count(sum(event["kind"] == "group" for event in CHEER))
    press(page, "Restart")
    expect(to_layer).to_have_count(0)


@pytest.mark.slow
def test_a_screen_reader_is_told_whose_event_it_is(inspect):
    page = inspect(element("step04-cheer"))
    send = page.get_by_role("button", name="Channel layer, A: group_send cheer cheers")
    expect(send).to_be_visible()
    expect(page.get_by_role("button", name="Server, B: from layer cheer")).to_be_visible()
    send.click()
    opened = page.locator(".wt-detail:visible")
    expect(opened).to_contain_text("does not say who gets it")
    expect(opened.get_by_role("definition").filter(has_text="go!").last).to_have_text("go!")


@pytest.mark.slow
def test_of_a_json_message_the_type_stands_first(inspect):
    trace = record.stored("step03-echo")
    labels = {
        '{"type":"online","usernames":["Ann"]}': 'online "usernames":["Ann"]',
        '{"type": "close", "code": 4001}': 'close "code": 4001',
        '{"type":"ping"}': "ping",
        '{"type":"chat_message","text":"cut of…': 'chat_message "text":"cut of…',
        '{"code":1,"type":"x"}': '{"code":1,"type":"x"}',
        '"{"': '"{"',
    }
    for event, label in zip(trace["events"], labels, strict=False):
        event["label"] = label
    page = inspect(record.snippet(trace))
    assert page.locator(".wt-label").all_inner_texts()[: len(labels)] == list(labels.values())


def test_received_text_stays_text(inspect):
    trace = record.stored("step03-echo")
    hostile = "<img src=x onerror=\"document.title='hacked'\">"
    for event in trace["events"]:
        event["label"] = hostile
        event["data"] = {hostile: hostile, "headers": [[hostile, hostile]]}
    page = inspect(record.snippet({**trace, "title": hostile, "url": "/" + hostile}))
    open_all(page)
    assert page.locator("wire-trace img").count() == 0
    assert page.title() == "Inspector"
    expect(page.locator(".wt-label").first).to_have_text(hostile)


def test_without_javascript_a_table_holds_the_same(browser, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    (tmp_path / "page.html").write_text(
        f'<meta charset="utf-8">{element("step03-echo")}', encoding="utf-8"
    )
    page.goto((tmp_path / "page.html").as_uri())
    rows = page.locator("wire-trace tbody tr")
    expect(rows).to_have_count(len(ECHO))
    expect(rows.nth(1)).to_contain_text("scope")
    rows.nth(1).locator("summary").click()
    expect(rows.nth(1).locator("pre")).to_contain_text("raw_path")
    context.close()


# ---- Live ----


def go_live(page):
    press(page, "Live")
    expect(page.locator(".wt-state")).to_have_text("not connected")
    press(page, "Connect")


def expect_words(page, *wanted):
    """Wait until the time line says all of this, in this order."""
    page.wait_for_function(
        "(count) => document.querySelectorAll('.wt-row').length >= count", arg=len(wanted)
    )
    said = words(page)
    for side in ("browser", "server"):
        assert [w for w in said if w.startswith(side)] == [w for w in wanted if w.startswith(side)]


HANDSHAKE = (
    "browser handshake GET /ws/echo/async-websocket/",
    "server scope /ws/echo/async-websocket/",
    "server connect",
    "server accept",
    "browser open",
)


@pytest.mark.slow
def test_the_layer_is_shown_live(inspect, step_server):
    """Two connections, each watched by its own inspector, which shows nothing of the other's."""
    server = step_server(4)
    page = inspect(element("step04-cheer") * 2, {"4": server.port})
    for number in range(2):
        one = page.locator("wire-trace").nth(number)
        one.get_by_role("button", name="Live").click()
        one.get_by_role("button", name="Connect").click()
        expect(one.locator(".wt-state")).to_have_text("open")
        expect(one.get_by_role("button", name="Channel layer: group_add cheers")).to_be_visible()
    expect(page.locator(".wt-lane-wire span")).to_have_count(0)
    first, second = page.locator("wire-trace").all()
    second.get_by_label("Text to send").fill("hurrah")
    second.get_by_role("button", name="Send", exact=True).click()
    expect(second.get_by_role("button", name="Channel layer: group_send")).to_have_count(1)
    expect(second.get_by_role("button", name="Server: from layer cheer")).to_have_count(1)
    expect(first.get_by_role("button", name="Server: from layer cheer")).to_be_visible()
    expect(first.get_by_role("button", name='Browser: message "hurrah"')).to_be_visible()
    expect(first.get_by_role("button", name="Channel layer: group_send")).to_have_count(0)


def test_live_pressed_twice_leaves_the_connection_as_it_is(inspect, step_server):
    server = step_server(3)
    page = inspect(element("step03-echo"), {"3": server.port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    press(page, "Live")
    expect(page.locator(".wt-state")).to_have_text("open")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    expect(page.locator(".wt-row")).not_to_have_count(0)
    page.get_by_label("my work folder").check()
    expect(page.locator(".wt-state")).to_have_text("not connected")
    server.wait_for(r"WSDISCONNECT /tap-\w+/ws/echo/")


def test_live_says_whose_connection_it_is_and_offers_what_the_recording_did(inspect):
    """Who was recorded had another cookie, or page, or token."""
    page = inspect(element("step03-close"))
    title = page.locator(".wt-title")
    expect(title).to_have_text("The page closes with 4001")
    press(page, "Live")
    expect(title).to_have_text("A connection of your own browser, live")
    expect(page.get_by_label("Close code")).to_have_value("4001")
    press(page, "Recording")
    expect(title).to_have_text("The page closes with 4001")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_goes_live_against_a_running_step(inspect, step_server, host):
    server = step_server(3)
    page = inspect(element("step03-echo"), {"3": server.port}, host)
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    expect(page.locator(".wt-foot")).to_contain_text(
        f"Live from step03_consumers on port {server.port}"
    )
    page.get_by_label("Text to send").fill("hello")
    page.keyboard.press("Enter")
    wire = [
        'browser send() "hello"',
        'server receive "hello"',
        'server send "hello"',
        'browser message "hello"',
    ]
    expect_words(page, *HANDSHAKE, *wire)
    page.get_by_role("button", name="scope /ws").click()
    expect(page.locator(".wt-detail:visible")).to_contain_text("raw_path")
    expect(page.locator(".wt-detail:visible")).not_to_contain_text("/tap-")
    page.get_by_label("Close code").fill("4001")
    press(page, "Close with")
    # Daphne answers a page's own 4001 by 1000: it is shown as it is.
    expect(page.locator(".wt-state")).to_have_text("closed 1000")
    ending = ["browser close() 4001", "browser close 1000", "server disconnect 4001"]
    expect_words(page, *HANDSHAKE, *wire, *ending)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()


@pytest.mark.slow
def test_an_effect_is_never_drawn_above_its_cause(inspect, step_server):
    page = inspect(element("step03-echo"), {"3": step_server(3).port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    for number in range(20):
        page.get_by_label("Text to send").fill(str(number))
        page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.wt-row').length === 5 + 4 * 20")
    said = words(page)
    for number in range(20):
        order = ["browser send()", "server receive", "server send", "browser message"]
        places = [said.index(f'{what} "{number}"') for what in order]
        assert places == sorted(places)


@pytest.mark.slow
def test_a_flood_keeps_the_handshake_and_the_newest(inspect, step_server):
    page = inspect(element("step03-echo"), {"3": step_server(3).port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    page.evaluate("""() => {
      const [input, send] = document.querySelectorAll(".wt-input[type=text], [type=submit]");
      for (let number = 0; number < 150; number += 1) {
        input.value = `message ${number}`;
        send.click();
      }
    }""")
    expect(page.get_by_role("button", name='Browser: message "message 149"')).to_be_visible()
    expect(page.locator(".wt-foot")).to_contain_text("only the newest of 400 events")
    expect(page.locator(".wt-row")).to_have_count(400)
    assert [word for word in words(page)[:8] if "message" not in word][:5] == list(HANDSHAKE)


@pytest.mark.slow
def test_it_goes_live_on_the_learners_own_folder(inspect, step_server, daphne, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(
        ROOT / "step03_consumers", work, ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__")
    )
    consumers = work / "echo/consumers.py"
    code = consumers.read_text(encoding="utf-8")
    plain = "await self.send(text_data=text_data, bytes_data=bytes_data)"
    assert plain in code
    changed = "await self.send(text_data=text_data.upper(), bytes_data=bytes_data)"
    consumers.write_text(code.replace(plain, changed), encoding="utf-8")
    mine = daphne(work, application="course.tap:application", env={"PYTHONPATH": str(ROOT)})
    ports = {"3": step_server(3).port, "work": mine.port}
    page = inspect(element("step03-echo"), ports)
    press(page, "Live")
    page.get_by_label("my work folder").check()
    press(page, "Connect")
    expect(page.locator(".wt-foot")).to_contain_text(f"Live from work on port {mine.port}")
    expect(page.locator(".wt-state")).to_have_text("open")
    press(page, "Send")
    expect_words(
        page,
        *HANDSHAKE,
        'browser send() "hi"',
        'server receive "hi"',
        'server send "HI"',
        'browser message "HI"',
    )


@pytest.mark.slow
def test_choosing_another_target_ends_the_connection_to_the_first(inspect, step_server):
    """Else "my work folder" would be marked while step 3 answers."""
    port = step_server(3).port
    page = inspect(element("step03-echo"), {"3": port, "work": port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    page.get_by_label("my work folder").check()
    expect(page.locator(".wt-state")).to_have_text("not connected")
    press(page, "Connect")
    expect(page.locator(".wt-state")).to_have_text("open")


def test_a_refusal_and_an_exception_are_shown_live(inspect, step_server):
    page = inspect(element("step03-refused"), {"3": step_server(3).port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("closed 1006")
    expect(page.locator(".wt-list")).to_contain_text("close 4403")
    page = inspect(element("step03-exception"), {"3": step_server(3).port})
    go_live(page)
    state = page.locator(".wt-state")
    for _ in range(3):
        expect(state).to_have_text("open")
        press(page, "Send")
        expect(state).to_contain_text("closed")
        if state.inner_text() != "closed 1006":
            break  # else the browser was busy: Daphne waits one second for its half of the close
        press(page, "Connect again")
    expect(state).to_have_text("closed 1011")
    expect(page.locator(".wt-list")).to_contain_text("RuntimeError")


@pytest.mark.slow
def test_a_server_that_dies_is_a_closed_connection(inspect, daphne):
    server = daphne(
        ROOT / "step03_consumers",
        application="course.tap:application",
        env={"PYTHONPATH": str(ROOT)},
    )
    page = inspect(element("step03-echo"), {"3": server.port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    server.process.kill()
    expect(page.locator(".wt-state")).to_have_text("closed 1006")
    press(page, "Connect again")
    expect(page.locator(".wt-state")).to_have_text("not running")


@pytest.mark.slow
def test_the_browsers_own_refusal_of_a_code_is_shown(inspect, step_server):
    page = inspect(element("step03-echo"), {"3": step_server(3).port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("open")
    page.get_by_label("Close code").fill("1011")
    press(page, "Close with")
    expect(page.locator(".wt-note")).to_contain_text("InvalidAccessError")
    expect(page.locator(".wt-state")).to_have_text("open")


def test_without_a_running_step_it_says_what_to_do(inspect, unused_port):
    page = inspect(element("step03-echo"), {"3": unused_port, "work": unused_port})
    go_live(page)
    expect(page.locator(".wt-state")).to_have_text("not running")
    expect(page.locator(".wt-note")).to_contain_text(f"127.0.0.1:{unused_port}")
    expect(page.locator(".wt-note")).to_contain_text("python3 -m course serve")
    page.get_by_label("my work folder").check()
    press(page, "Connect again")
    expect(page.locator(".wt-note")).to_contain_text("your work folder")
    press(page, "Recording")
    expect(page.locator(".wt-state")).to_have_text("recording")
    assert shown(page) == ECHO


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.slow
def test_connecting_again_and_going_back_leave_no_observer_behind(inspect, step_server):
    """More than the tap has room for, one after the other."""
    page = inspect(element("step03-echo"), {"3": step_server(3).port})
    press(page, "Live")
    for _ in range(25):
        page.evaluate("""async () => {
          const press = (name) => [...document.querySelectorAll(".wt-button")].find(
            (button) => button.textContent === name).click();
          const state = document.querySelector(".wt-state");
          const settled = new Promise((done) => new MutationObserver(() =>
            state.dataset.state !== "connecting" && done()).observe(state, {childList: true}));
          press("Connect");
          await settled;
        }""")
        expect(page.locator(".wt-state")).to_have_text("open")
        page.evaluate("""() => {
          const [recording, live] = document.querySelectorAll(".wt-modes button");
          recording.click();
          live.click();
        }""")


@pytest.mark.slow
def test_live_only_without_a_recording(inspect, step_server):
    html = """<wire-trace step="3" url="/ws/echo/json/" send='["{}"]'></wire-trace>"""
    page = inspect(html, {"3": step_server(3).port})
    expect(page.locator(".wt-empty")).to_contain_text("No connection yet")
    press(page, "Connect")
    expect(page.locator(".wt-state")).to_have_text("open")


# ---- How it looks to everybody ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "attribute", "background"),
    [
        ("light", "", "rgb(255, 255, 255)"),
        ("dark", "", "rgb(18, 24, 26)"),
        # Material's own switch wins over the system.
        ("dark", 'data-md-color-scheme="default"', "rgb(255, 255, 255)"),
        ("light", 'data-md-color-scheme="slate"', "rgb(18, 24, 26)"),
    ],
)
def test_the_scheme_is_the_pages(inspect, scheme, attribute, background):
    page = inspect(element("step03-echo"), body=attribute)
    page.emulate_media(color_scheme=scheme)
    colour = page.locator(".wt").first.evaluate("n => getComputedStyle(n).backgroundColor")
    assert colour == background


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(inspect, step_server, scheme):
    ports = {"3": step_server(3).port}
    page = inspect(element("step03-exception") + element("step03-refused"), ports)
    page.emulate_media(color_scheme=scheme)
    open_all(page)
    live = page.locator("wire-trace").first
    live.get_by_role("button", name="Live", exact=True).click()
    live.get_by_role("button", name="Connect", exact=True).click()
    expect(live.locator(".wt-state")).to_have_text("open")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


# ---- docs/first.html ----


def test_first_html_plays_from_the_disk_without_a_request(page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    first = (DOCS / "first.html").as_uri()
    page.goto(first)
    press(page, "Restart")
    press(page, "Next")
    assert shown(page) == ECHO[:1]
    press(page, "Play")
    assert shown(page) == ECHO
    page.get_by_role("button", name="scope").click()
    expect(page.locator(".wt-detail:visible")).to_contain_text("raw_path")
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_count(0)
    page.set_viewport_size({"width": 360, "height": 740})
    assert fits(page)
    assert requests == [first]
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
