"""Step 04's pages: two people, one room, and a server that is killed under them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import NOT_COPIED, ROOT, Server, start_daphne
from playwright.sync_api import Page, expect

STEP = ROOT / "step04_groups"
STATIC = STEP / "static"

# What is looked at with axe: each width and each scheme once, since no colour depends on the width.
LOOKS = [(360, "dark"), (1280, "light")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the step with a database of its own, migrated."""
    copy = tmp_path_factory.mktemp("step04") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=copy, check=True, stdin=subprocess.DEVNULL)
    return copy


def start(folder: Path, *options: str) -> Server:
    tap = "course.tap:application"  # it serves the static files too
    return start_daphne(folder, *options, application=tap, env={"PYTHONPATH": str(ROOT)})


@pytest.fixture(scope="module")
def server(folder):
    """One server for all tests that leave it alive."""
    server = start(folder)
    yield server
    server.stop()


@pytest.fixture
def serve(folder):
    """A server of the test's own; `serve(port)` starts the next on the port of one that is gone."""
    servers = []

    def serve(port: int = 0) -> Server:
        servers.append(start(folder, *(["-p", str(port)] if port else [])))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture
def open_page(browser):
    """`open_page(url)`: a browser of somebody's own, watched for escaped exceptions."""
    contexts, uncaught = [], []

    def open_one(url: str, script: str = "", **options) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(30_000)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: uncaught.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not uncaught


@pytest.fixture
def make_room():
    """Make a room as the page's form does, without a browser; gives its address."""

    def make(server, name: str) -> str:
        with httpx.Client(base_url=server.http()) as client:
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', client.get("/").text)[1]
            made = client.post("/", data={"name": name, "csrfmiddlewaretoken": token})
        assert made.headers["location"] == f"/rooms/{name}/", made.text
        return server.http(made.headers["location"])

    return make


@pytest.fixture
def enter(open_page):
    """Somebody in a room, under a name of their own."""

    def enter(url: str, name: str, **options) -> Page:
        # As if the reader had chosen it here before; another name later stays.
        keep = f"sessionStorage.name ??= {json.dumps(name)}"
        page = open_page(url, f"if (location.protocol === 'http:') {keep};", **options)
        expect(page.locator("#people")).to_contain_text(f"{name} (you)")
        return page

    return enter


def is_open(page: Page) -> None:
    expect(page.locator("#status")).to_have_attribute("data-state", "open")


def rename(page: Page, name: str) -> None:
    is_open(page)
    page.locator("#who summary").click()
    page.get_by_label("Another name").fill(name)
    page.get_by_role("button", name="Use it").click()


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.get_by_role("button", name="Send").click()


def texts(page: Page):
    return page.locator("#messages .message .text")


@pytest.fixture
def two(server, make_room, enter, request):
    """Ann and Bob in a room of this test."""
    url = make_room(server, request.node.name.replace("_", "-")[:45].strip("-"))
    return enter(url, "Ann"), enter(url, "Bob")


# Two people


def test_a_room_is_made_on_the_page(server, open_page):
    page = open_page(server.http("/"))
    page.get_by_label("A new room").fill("made-here")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("made-here")
    is_open(page)


def test_two_people_see_each_others_messages_and_typing(two):
    ann, bob = two
    expect(ann.locator("#people button")).to_have_text(["Bob"])
    bob.locator("#text").press_sequentially("hel")
    expect(ann.locator("#typing")).to_have_text("Bob is typing …")
    expect(bob.locator("#typing")).to_be_empty()
    say(bob, "hello")
    expect(ann.locator("#typing")).to_be_empty()
    say(ann, "hi")
    for page in two:
        expect(texts(page)).to_have_text(["hello", "hi"])
    expect(ann.locator("[data-own] .text")).to_have_text(["hi"])
    expect(ann.locator("[data-own] .state")).to_have_text(["sent"])
    expect(bob.locator("[data-own] .text")).to_have_text(["hello"])
    year = re.compile(r"20\d\d.*\d:\d\d")
    expect(ann.locator(".message time").first).to_have_text(year)


@pytest.mark.slow
def test_who_stops_typing_is_off_the_line_even_when_nobody_says_so(two):
    """The one that says so may be lost, or its sender gone: the line empties by itself."""
    ann, bob = two
    ann.clock.install()
    bob.evaluate(
        """() => { const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) {
          if (!data.includes('"is_typing":false')) send.call(this, data);
        }; }"""
    )
    ann.reload()
    expect(ann.locator("#people button")).to_have_text(["Bob"])
    bob.locator("#text").press_sequentially("h")
    expect(ann.locator("#typing")).to_have_text("Bob is typing …")
    ann.clock.run_for(6_000)
    expect(ann.locator("#typing")).to_be_empty()


@pytest.mark.slow
def test_typing_is_told_once_in_a_while_not_at_every_key(two):
    ann, bob = two
    bob.evaluate(
        """() => { window.sent = []; const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) { sent.push(data); send.call(this, data); }; }"""
    )
    bob.locator("#text").press_sequentially("twelve keys!")
    say(bob, "twelve keys!")
    expect(texts(ann)).to_have_text(["twelve keys!"])
    told = [frame for frame in bob.evaluate("sent") if '"typing"' in frame]
    assert told == ['{"type":"typing","is_typing":true}', '{"type":"typing","is_typing":false}']


def test_a_private_message_reaches_one_only(two, enter):
    ann, bob = two
    cid = enter(ann.url, "Cid")
    ann.get_by_role("button", name="Bob").click()
    expect(ann.get_by_label("Private message to Bob")).to_be_focused()
    say(ann, "psst")
    expect(bob.locator("[data-private] .text")).to_have_text("psst")
    expect(bob.locator("[data-private] .mark")).to_have_text("privately to you")
    expect(ann.locator(".messages [data-private] .mark")).to_have_text("privately to Bob")
    ann.locator("#text").press("Escape")
    expect(ann.get_by_label("Message to everybody")).to_be_focused()
    say(ann, "for all")
    expect(texts(cid)).to_have_text(["for all"])
    expect(texts(bob)).to_have_text(["psst", "for all"])


@pytest.mark.slow
def test_a_private_message_to_somebody_who_left_comes_back_into_the_field(two):
    ann, bob = two
    ann.get_by_role("button", name="Bob").click()
    bob.goto("about:blank")
    expect(ann.locator(".note").last).to_have_text("Bob left")
    say(ann, "psst")
    expect(ann.get_by_role("alert").filter(has_text="Not sent")).to_contain_text("Bob is not in")
    expect(ann.locator("#text")).to_have_value("psst")


@pytest.mark.slow
def test_private_messages_to_somebody_who_left_do_not_take_the_place_of_what_is_typed(two):
    ann, bob = two
    ann.get_by_role("button", name="Bob").click()
    bob.goto("about:blank")
    expect(ann.locator(".note").last).to_have_text("Bob left")
    ann.evaluate(
        """() => { const field = document.querySelector("#text");
        for (const text of ["psst", "hey"]) {
          field.value = text;
          document.querySelector("#composer").requestSubmit();
        }
        field.value = "for all"; }"""
    )
    for text in ("psst", "hey"):
        told = ann.locator(".note").filter(has_text=f"Not sent to Bob: {text}")
        expect(told).to_be_visible()
    expect(ann.get_by_role("alert").filter(has_text="Bob is not in this room")).to_be_visible()
    expect(ann.locator("#text")).to_have_value("for all")


@pytest.mark.slow
def test_a_message_in_one_room_is_not_seen_in_another(server, make_room, enter):
    one, other = make_room(server, "one-of-two"), make_room(server, "other-of-two")
    ann, bob = enter(one, "Ann"), enter(other, "Bob")
    say(ann, "only here")
    expect(texts(ann)).to_have_text(["only here"])
    say(bob, "only there")
    expect(texts(bob)).to_have_text(["only there"])
    expect(bob.locator("#people li")).to_have_text(["Bob (you)"])
    expect(bob.locator("#alone")).to_be_visible()


def test_text_is_never_html(two):
    ann, bob = two
    nasty = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"
    say(bob, nasty)
    expect(texts(ann)).to_have_text([nasty])
    bob.get_by_role("button", name="Ann").click()
    say(bob, nasty)
    expect(texts(ann)).to_have_text([nasty, nasty])
    assert ann.locator("#room img, #room script").count() == 0
    assert ann.title() != "broken"


@pytest.mark.slow
def test_a_message_with_a_client_id_of_ones_own_is_not_ones_own(two):
    ann, bob = two
    say(ann, "mine")
    expect(texts(bob)).to_have_text(["mine"])
    bob.evaluate(
        """() => { const path = location.pathname.replace("rooms", "ws/chat");
        const socket = new WebSocket(`ws://${location.host}${path}?name=Eve`);
        socket.addEventListener("message", ({ data }) => {
          const { type, messages } = JSON.parse(data);
          if (type !== "chat_history") return;
          const client_id = messages[0].client_id.replace(/1$/, "2");  // Ann's next
          socket.send(JSON.stringify({ type: "chat_message", message: "not yours", client_id }));
        }); }"""
    )
    expect(texts(ann)).to_have_text(["mine", "not yours"])
    expect(ann.locator(".message strong")).to_have_text(["Ann (you)", "Eve"])


@pytest.mark.slow
def test_came_and_went_are_told(two, enter):
    ann, _ = two
    cid = enter(ann.url, "Cid")
    expect(ann.locator("#people button")).to_have_text(["Bob", "Cid"])
    cid.goto("about:blank")
    expect(ann.locator(".note").last).to_have_text("Cid left")
    expect(ann.locator("#people button")).to_have_text(["Bob"])


@pytest.mark.slow
def test_two_tabs_are_one_and_a_renamed_window_is_another(server, make_room, open_page):
    url = make_room(server, "tabs")
    first = open_page(url)
    is_open(first)
    second = first.context.new_page()
    second.goto(url)
    is_open(second)
    expect(first.locator("#people li")).to_have_text(["Guest 1 (you)"])
    expect(second.locator("#people li")).to_have_text(["Guest 1 (you)"])
    rename(second, "Zoë")
    expect(first.locator("#people button")).to_have_text(["Zoë"])
    second.reload()
    expect(second.locator("#people")).to_contain_text("Zoë (you)")


def test_a_name_that_is_taken_is_told_and_typed_text_stays(two):
    ann, bob = two
    bob.locator("#text").fill("half a thou")
    rename(bob, "Ann")
    expect(bob.locator("#taken")).to_contain_text("Somebody here is called Ann. Choose another")
    expect(bob.get_by_label("Another name")).to_be_focused()
    expect(bob.locator("#status")).to_have_attribute("data-state", "closed")
    bob.locator("#text").press("Enter")
    expect(bob.locator("#problem")).to_have_text("Not sent: there is no connection.")
    expect(bob.locator("#text")).to_have_value("half a thou")
    bob.get_by_label("Another name").fill("Bo")
    bob.get_by_label("Another name").press("Enter")
    expect(ann.locator("#people button")).to_have_text(["Bo"])
    expect(bob.locator("#text")).to_have_value("half a thou")
    expect(bob.locator("#text")).to_be_focused()
    bob.locator("#text").press("Enter")
    expect(texts(ann)).to_have_text(["half a thou"])


@pytest.mark.slow
def test_a_room_that_is_gone_says_so(two, folder):
    ann, _ = two
    gone = "from rooms.models import Room; Room.objects.filter(name='two-gone').delete()"
    make = gone.replace(".delete()", "") + " or Room.objects.create(name='two-gone')"
    for code in (make, gone):
        shell = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        subprocess.run(shell, cwd=folder, check=True, stdin=subprocess.DEVNULL)
        if code is make:
            ann.goto(re.sub("rooms/.*", "rooms/two-gone/", ann.url))
            is_open(ann)
    rename(ann, "Annie")
    expect(ann.locator("#problem")).to_have_text("There is no such room.")
    expect(ann.locator("#status .word")).to_have_text("closed 4404")


@pytest.mark.slow
def test_a_name_that_cannot_be_one_is_told_with_the_reason(two):
    ann, _ = two
    rename(ann, "<b>")
    expect(ann.locator("#taken")).to_contain_text("1 to 30 letters")


# The server is killed


@pytest.fixture
def kill_and_restart(serve):
    """Kill the server under the pages, do something, start it again on its port."""

    def run(server, pages, meanwhile):
        server._end(hard=True)
        server.process.wait(10)
        for page in pages:
            expect(page.locator("#status")).to_have_attribute("data-state", "connecting")
        meanwhile()
        again = serve(server.port)
        for page in pages:
            # Whoever does not want to wait for the next try presses the button.
            page.evaluate("document.getElementById('now').click()")
            expect(page.locator("#status")).to_have_attribute("data-state", "open", timeout=40_000)
        return again

    return run


def test_a_killed_server_nothing_is_missing_or_doubled(serve, make_room, enter, kill_and_restart):
    server = serve()
    url = make_room(server, "killed")
    ann, bob = enter(url, "Ann"), enter(url, "Bob")
    say(ann, "one")
    say(bob, "two")
    for page in (ann, bob):
        expect(texts(page)).to_have_text(["one", "two"])

    def meanwhile():
        expect(ann.locator("#here-heading")).to_have_text("Here when last heard of")
        for number in (3, 4):
            say(ann, f"while down {number}")
        expect(ann.locator('[data-state="sending"]')).to_have_count(2)
        ann.get_by_role("button", name="Bob").click()
        say(ann, "a secret")
        expect(ann.locator("#problem")).to_contain_text("a private message is not kept")
        ann.locator("#text").press("Escape")
        bob.locator("#text").fill("half a thou")

    kill_and_restart(server, (ann, bob), meanwhile)
    everything = ["one", "two", "while down 3", "while down 4"]
    for page in (ann, bob):
        expect(texts(page)).to_have_text(everything)
    expect(ann.locator('[data-state="sending"]')).to_have_count(0)
    expect(bob.locator("#text")).to_have_value("half a thou")
    expect(ann.locator("#text")).to_have_value("a secret")
    say(bob, "after")
    for page in (ann, bob):
        expect(texts(page)).to_have_text([*everything, "after"])
        expect(page.locator("#people li")).to_have_count(2)
    late = enter(url, "Cid")
    expect(texts(late)).to_have_text([*everything, "after"])


@pytest.mark.slow
def test_a_line_stands_where_one_left_off(serve, make_room, enter, kill_and_restart):
    server = serve()
    url = make_room(server, "left-off")
    ann, bob = enter(url, "Ann"), enter(url, "Bob")
    say(ann, "seen")
    expect(texts(bob)).to_have_text(["seen"])
    bob.clock.install()
    bob.reload()
    expect(texts(bob)).to_have_text(["seen"])
    bob.clock.pause_at(bob.evaluate("Date.now() + 1000"))  # Bob's next try waits for his button
    kill_and_restart(server, (ann,), lambda: None)
    tab = bob.context.new_page()
    tab.goto(bob.url)
    say(tab, "own")
    expect(texts(ann)).to_have_text(["seen", "own"])
    say(ann, "unseen")
    expect(ann.locator('#messages [data-state="sent"]')).to_have_count(2)
    bob.get_by_role("button", name="now").click()
    everything = ["seen", "own", "unseen"]
    expect(texts(bob)).to_have_text(everything)
    order = bob.locator("#messages > li:not(.note)").all_inner_texts()
    everything.insert(2, "You left off here")  # not above what he said himself, in another tab
    assert [line.split("\n")[-1] for line in order] == everything


# A long room


@pytest.mark.slow
def test_older_messages_are_loaded_without_losing_the_place(server, make_room, enter, folder):
    url = make_room(server, "long")
    fill = (
        "from rooms import services; from rooms.models import Room; "
        "room = Room.objects.get(name='long').pk; "
        "[services.store(room, 'Zoe', f'message {n}', None) for n in range(1, 121)]"
    )
    shell = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", fill]
    subprocess.run(shell, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    ann = enter(url, "Ann")
    expect(texts(ann)).to_have_count(50)
    expect(texts(ann).last).to_be_in_viewport()
    older = ann.get_by_role("button", name="Load older messages")
    for shown in (100, 120):
        older.scroll_into_view_if_needed()
        first = texts(ann).first.inner_text()
        place = texts(ann).first.bounding_box()["y"]
        older.click()
        expect(texts(ann)).to_have_count(shown)
        same = ann.locator("#messages .message").filter(has=ann.get_by_text(first, exact=True))
        moved = abs(same.locator(".text").bounding_box()["y"] - place)
        assert moved <= older_height(ann), f"the text being read moved by {moved} px"
    expect(older).to_be_hidden()
    assert texts(ann).all_inner_texts() == [f"message {n}" for n in range(1, 121)]


def older_height(page: Page) -> float:
    """The button itself goes when there is no more to load."""
    box = page.locator("#older").bounding_box()
    return 1 if box else 60


# Cheers


def test_cheers_say_who_is_who_in_two_windows(server, open_page):
    one, two = open_page(server.http("/cheers/")), open_page(server.http("/cheers/"))
    is_open(one), is_open(two)
    expect(one.locator("#channel")).to_have_text(re.compile("inmemory!"))
    tails = [page.locator("#tail").inner_text() for page in (one, two)]
    assert tails[0] != tails[1]
    one.get_by_role("button", name="Cheer").click()
    expect(one.locator("#cheers li")).to_have_text(f"Go! from {tails[0]} (this window)")
    expect(two.locator("#cheers li")).to_have_text(f"Go! from {tails[0]}")
    expect(two.locator("#empty")).to_be_hidden()


# For everybody


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_is_cut_off(server, make_room, enter, width, scheme):
    url = make_room(server, f"axe-{width}-{scheme}")
    ann, bob = (
        enter(url, name, viewport={"width": width, "height": 740}, color_scheme=scheme)
        for name in ("Ann", "Bob")
    )
    say(bob, "hello " + "long" * 40)
    say(ann, "hi")
    ann.get_by_role("button", name="Bob").click()
    say(ann, "psst")
    expect(texts(ann)).to_have_count(3)
    bob.locator("#text").press_sequentially("h")
    expect(ann.locator("#typing")).to_have_text("Bob is typing …")
    bob.locator("#text").press("Enter")
    expect(texts(ann)).to_have_count(4)
    rename(bob, "Ann")
    expect(bob.locator("#taken")).to_contain_text("is called Ann")
    check(ann), check(bob)
    ann.goto(server.http("/"))
    check(ann)
    ann.get_by_label("A new room").fill("é")
    ann.get_by_role("button", name="Make it").click()
    expect(ann.get_by_role("alert")).to_contain_text("no spaces, accents")
    check(ann)
    ann.goto(server.http("/cheers/"))
    is_open(ann)
    ann.get_by_role("button", name="Cheer").click()
    expect(ann.locator("#cheers li")).to_have_count(1)
    check(ann)


def check(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page scrolls sideways"


def test_a_room_is_usable_with_the_keyboard_alone(two):
    ann, bob = two
    ann.locator("body").press("Tab")
    seen = []
    for _ in range(12):
        focused = "document.activeElement.innerText || document.activeElement.id"
        seen.append(ann.evaluate(focused).split("\n")[0])
        if seen[-1] == "Bob":
            ann.keyboard.press("Enter")
            break
        ann.keyboard.press("Tab")
    expect(ann.get_by_label("Private message to Bob")).to_be_focused()
    ann.keyboard.type("psst")
    ann.keyboard.press("Enter")
    expect(texts(bob)).to_have_text(["psst"])


@pytest.mark.slow
def test_what_is_read_aloud_is_what_others_say_and_only_that(two):
    ann, bob = two
    live = (
        "[...document.querySelectorAll('[aria-live], [role=status], [role=log]')].map((e) => e.id)"
    )
    assert sorted(ann.evaluate(live)) == ["heard", "status"]
    say(bob, "hello")
    expect(ann.locator("#heard")).to_have_text("Bob: hello")
    say(ann, "own words are not news")
    expect(texts(bob)).to_have_count(2)
    expect(ann.locator("#heard")).to_have_text("Bob: hello")
    ann.reload()
    expect(texts(ann)).to_have_count(2)
    expect(ann.locator("#heard")).to_be_empty()
