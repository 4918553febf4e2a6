"""Step 05's pages: who is there, what they may do, and how a right ends, in real browsers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, Server, start_daphne, with_quick_passwords
from playwright.sync_api import Page, expect

from browser.conftest import manage
from browser.test_step04 import LOOKS, check, is_open, say, texts

STEP = ROOT / "step05_auth"
ROOMY = {"CONNECTS_PER_MINUTE": "10000", "USER_MESSAGES_PER_MINUTE": "10000"}
PRODUCTION = {"SECRET_KEY": "k" * 60, "DEBUG": "False", "HTTPS": "False", "ALLOWED_HOSTS": "*"}
NASTY = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
LIFE = 6  # seconds of a token at the server `quick`


@pytest.fixture(scope="module")
def folder(filled):
    """A copy of the step with a database of its own, and the demo's people in it."""
    return filled(STEP, "demo")


def start(folder: Path, *options: str, **settings: str) -> Server:
    environment = {"PYTHONPATH": str(ROOT), **with_quick_passwords(folder), **ROOMY, **settings}
    # The tap serves the static files too.
    return start_daphne(folder, *options, application="course.tap:application", env=environment)


@pytest.fixture(scope="module")
def server(folder):
    server = start(folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def quick(folder):
    """A server in production's settings, where a token lives for some seconds only."""
    server = start(folder, **PRODUCTION, ACCESS_TOKEN_SECONDS=str(LIFE))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def strict(folder):
    """A server that takes four messages at once, and one a second."""
    server = start(folder, MESSAGE_BURST="4", MESSAGES_PER_SECOND="1", TOO_FAST_WARNINGS="50")
    yield server
    server.stop()


@pytest.fixture
def open_page(browser):
    """`open_page(url)`: a browser of somebody's own, watched for escaped exceptions."""
    contexts, uncaught = [], []

    def open_one(url: str, **options) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(30_000)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: uncaught.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not uncaught


@pytest.fixture
def visit(open_page, server):
    """Somebody in a browser of their own, at a page that asked them to log in first."""

    def visit(path: str, name: str, at: Server = server, **options) -> Page:
        page = open_page(at.http(path), **options)
        log_in(page, name)
        expect(page).to_have_url(at.http(path))
        return page

    return visit


def log_in(page: Page, name: str, password: str = "") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password or f"{name}-demo")
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def make_room(page: Page, name: str, *members: str) -> str:
    """Make a room as whoever has the page; gives its path."""
    origin = re.match(r"http://[^/]+", page.url)[0]
    page.goto(f"{origin}/")
    page.get_by_label("A new room").fill(name)
    page.get_by_role("button", name="Make it").click()
    for member in members:
        add(page, member)
    return f"/rooms/{name}/"


def add(page: Page, member: str) -> None:
    form = page.locator("#add")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    page.get_by_label("Their name").fill(member)
    page.get_by_role("button", name="Add").click()


def word(page: Page, text: str | re.Pattern) -> None:
    expect(page.locator("#status .word")).to_have_text(text)


@pytest.fixture
def two(visit, request):
    """Ada and Ben in a room of this test."""
    ada = visit("/", "ada")
    path = make_room(ada, request.node.name.replace("_", "-")[5:50].strip("-"), "ben")
    is_open(ada)
    ben = visit(path, "ben")
    is_open(ben)
    return ada, ben


# Who says so?


def test_every_message_says_who_and_the_server_says_it(two):
    ada, ben = two
    expect(ada.locator("#log-out")).to_contain_text("You are ada")
    say(ada, "hello")
    say(ben, "hi")
    for page in two:
        expect(texts(page)).to_have_text(["hello", "hi"])
    expect(ada.locator(".message strong")).to_have_text(["ada (you)", "ben"])
    expect(ben.locator(".message strong")).to_have_text(["ada", "ben (you)"])
    expect(ada.locator("#people li")).to_have_text(["ada (you)", "ben"])
    assert ada.locator("#rename, [name=name]").count() == 0
    ben.get_by_role("button", name="ada").click()
    say(ben, "psst")
    expect(ada.locator("[data-private] .mark")).to_have_text("privately to you")


@pytest.mark.slow
def test_who_is_nobody_logs_in_and_comes_back_to_where_they_were(open_page, server):
    page = open_page(server.http("/rooms/lobby/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    log_in(page, "ada", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(page.get_by_label("Name")).to_have_value("ada")
    log_in(page, "ada")
    expect(page).to_have_url(server.http("/rooms/lobby/"))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    page.goto(server.http("/ways-in/?from=here"))
    page.locator("a.who").click()
    log_in(page, "ben")
    expect(page).to_have_url(server.http("/ways-in/?from=here"))


@pytest.mark.slow
def test_the_demos_names_are_shown_in_development_only(open_page, server, quick):
    expect(open_page(server.http("/login/")).get_by_text("ada-demo")).to_be_visible()
    page = open_page(quick.http("/login/"))
    expect(page.get_by_label("Name")).to_be_visible()
    expect(page.get_by_text("demo")).to_have_count(0)


# What they may do


def test_who_is_refused_reads_why(visit, server):
    cleo = visit("/", "cleo")
    cleo.goto(server.http("/rooms/lobby/"))
    expect(cleo.get_by_role("main")).to_contain_text("cleo, who is not a member of lobby")
    cleo.goto(server.http("/rooms/nowhere/"))
    expect(cleo.get_by_role("main")).to_contain_text("There is no room called nowhere")
    cleo.goto(server.http("/conversations/1/"))
    expect(cleo.get_by_role("main")).to_contain_text("This is no conversation of yours")
    cleo.goto(server.http("/conversations/999999999999999999999999/"))
    expect(cleo.get_by_role("main")).to_contain_text("This is no conversation of yours")


@pytest.mark.slow
def test_a_member_is_added_by_name_and_what_was_typed_stays(two, visit, server):
    ada, _ = two
    ada.locator("#text").fill("half a thou")
    add(ada, "nobody")
    expect(ada.get_by_role("alert").filter(has_text="nobody of that name")).to_be_visible()
    expect(ada.get_by_label("Their name")).to_have_value("nobody")
    expect(ada.locator("#text")).to_have_value("half a thou")
    add(ada, "cleo")
    is_open(visit(ada.url.removeprefix(server.http("")), "cleo"))


@pytest.mark.slow
def test_what_was_typed_outlives_a_tab_that_is_ended_in_the_background(two):
    ada, _ = two
    room = ada.url
    stop = "(event) => event.stopImmediatePropagation()"
    ada.add_init_script(f"addEventListener('pagehide', {stop})")  # before the page's own
    ada.reload()
    is_open(ada)
    ada.locator("#text").fill("half a thou")
    ada.evaluate(
        f"""() => {{
          Object.defineProperty(document, "visibilityState", {{ value: "hidden" }});
          document.dispatchEvent(new Event("visibilitychange"));
          addEventListener("visibilitychange", {stop}, true);  // leaving the page brings another
        }}"""
    )
    ada.goto("about:blank")  # after a reload the browser would fill the field in by itself
    ada.goto(room)
    expect(ada.locator("#text")).to_have_value("half a thou")


@pytest.mark.slow
def test_who_is_put_out_of_a_room_reads_why(two, visit, server):
    _, ben = two
    name = ben.get_by_role("heading", level=1).inner_text()
    sam = visit("/", "sam")
    sam.goto(server.http(f"/admin/rooms/room/?q={name}"))
    sam.get_by_role("link", name=name).click()
    sam.get_by_label("Members").select_option(label="ada")
    sam.get_by_role("button", name="Save", exact=True).click()
    word(ben, "closed 4403: you are not a member of this room")
    expect(ben.locator("#problem")).to_have_text("You are not a member of this room.")
    expect(ben.get_by_role("link", name="Log in")).to_be_hidden()


# The end of a right


def test_log_out_in_one_tab_closes_the_others_within_a_second(two):
    ada, ben = two
    tab = ada.context.new_page()
    tab.goto(ada.url)
    is_open(tab)
    ada.locator("#text").fill("half a thou")
    tab.get_by_role("button", name="Log out").click()
    expect(ada.locator("#status")).to_have_attribute("data-state", "closed", timeout=1_000)
    word(ada, "closed 4401: log in again")
    expect(ada.locator("#problem")).to_have_text("You are logged out.")
    expect(ben.locator("#people li")).to_have_text(["ben (you)"])
    is_open(ben)
    # Logged in again, everything is as it was, but for what nobody was here to send.
    say(ada, "half a thou")
    expect(ada.locator("#problem")).to_have_text("Not sent: there is no connection.")
    here = ada.url
    ada.get_by_role("link", name="Log in").click()
    log_in(ada, "ada")
    expect(ada).to_have_url(here)
    is_open(ada)
    expect(ada.locator("#text")).to_have_value("half a thou")
    ada.locator("#text").press("Enter")
    expect(texts(ben)).to_have_text(["half a thou"])


@pytest.mark.slow
def test_a_kick_closes_every_page_of_one_person(two, visit, server):
    ada, ben = two
    alerts = ben.context.new_page()
    alerts.goto(server.http("/alerts/"))
    is_open(alerts)
    sam = visit("/", "sam")
    sam.goto(server.http("/admin/auth/user/?q=ben"))
    sam.locator("#result_list input[type=checkbox]").first.check()
    sam.locator("select[name=action]").select_option("kick")
    sam.get_by_role("button", name=re.compile("Run|Go")).click()
    for page in (ben, alerts):
        word(page, "closed 4401: log in again")
        expect(page.get_by_role("link", name="Log in")).to_be_visible()
    is_open(ada)
    ben.reload()
    expect(ben.get_by_role("heading", level=1)).to_have_text("Log in")


# Ways in


def get_tokens(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(f"{name}-demo")
    page.get_by_role("button", name="Get tokens").click()
    expect(page.locator("#who")).to_have_text(f"You have the tokens of {name}.")


def tried(page: Page, way: str, button: str | None = None):
    """Press a way's button; gives what the server says and what a log has."""
    page.locator(f'[data-try="{button or way}"]').click()
    card = page.locator(f'[data-way="{way}"]')
    return card.locator(".answer"), card.locator(".log")


def test_the_same_socket_in_each_way(open_page, server):
    page = open_page(server.http("/ways-in/"))
    expect(page.locator('[data-try="ticket"]')).to_be_disabled()
    get_tokens(page, "ben")
    says, log = tried(page, "ticket")
    expect(says).to_have_text(re.compile(r"ben, user \d+, via ticket"))
    expect(log).to_have_text(re.compile(r"pulse\.v1, ticket\."))
    expect(page.locator("#uses")).to_have_text("1")
    says, _ = tried(page, "ticket", "again")
    expect(says).to_have_text("closed 4401: the ticket is unknown, used, or has expired")
    expect(page.locator("#uses")).to_have_text("2")
    says, log = tried(page, "subprotocol")
    expect(says).to_have_text(re.compile(r"ben, user \d+, via subprotocol"))
    expect(log).to_have_text(re.compile(r"pulse\.v1, bearer\."))
    says, log = tried(page, "message")
    expect(says).to_have_text(re.compile(r"ben, user \d+, via message"))
    expect(log).to_have_text("GET /ws/whoami/\nSec-WebSocket-Protocol: pulse.v1")
    says, log = tried(page, "query")
    expect(says).to_have_text("closed 4401: tokens in the query string are not taken here")
    expect(log).to_have_text(re.compile(r"\?token=eyJ"))
    says, _ = tried(page, "session")  # nobody is logged in on this page
    expect(says).to_have_text("closed 4401: log in, or send a token as the first message")


@pytest.mark.slow
def test_a_token_counts_before_the_cookie_and_the_cookie_before_a_message(visit):
    page = visit("/alerts/", "ada")
    page.get_by_role("link", name="Ways in").click()
    get_tokens(page, "ben")
    says, log = tried(page, "session")
    expect(says).to_have_text(re.compile(r"ada, user \d+, via session"))
    expect(log).to_have_text("GET /ws/whoami/")
    says, _ = tried(page, "subprotocol")
    expect(says).to_have_text(re.compile(r"ben, user \d+, via subprotocol"))
    says, _ = tried(page, "message")
    expect(says).to_have_text(re.compile("ada.*via session: your cookie came before"))
    page.get_by_role("button", name="Log out, come back here").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ways in")
    get_tokens(page, "ben")
    says, _ = tried(page, "message")
    expect(says).to_have_text(re.compile(r"ben, user \d+, via message"))


@pytest.mark.slow
def test_a_query_is_taken_where_the_setting_says_so(open_page, folder):
    server = start(folder, WS_TOKEN_IN_QUERY="True")
    try:
        page = open_page(server.http("/ways-in/"))
        get_tokens(page, "ada")
        says, _ = tried(page, "query")
        expect(says).to_have_text(re.compile(r"ada, user \d+, via query"))
        page.goto("about:blank")
    finally:
        server.stop()
    assert re.search(r"/ws/whoami/\?token=eyJ", server.output) is None  # Daphne logs the path alone


@pytest.mark.slow
def test_a_wrong_password_is_told_and_gives_no_token(open_page, server):
    page = open_page(server.http("/ways-in/"))
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Get tokens").click()
    expect(page.get_by_role("alert").first).to_contain_text("No active account")
    expect(page.get_by_role("button", name="Open and keep it")).to_be_disabled()


def keep_open(page: Page, server: Server) -> None:
    page.goto(server.http("/ways-in/"))
    get_tokens(page, "ada")
    page.get_by_role("button", name="Open and keep it").click()
    is_open(page)


@pytest.mark.slow
def test_a_token_is_renewed_without_a_drop(page, quick):
    keep_open(page, quick)
    # Three times: twice as long as the first token was good for.
    expect(page.locator("#renewals")).to_have_text("3", timeout=3 * LIFE * 1000)
    expect(page.locator("#said")).to_contain_text("authenticated")
    expect(page.locator("#connections")).to_have_text("1")
    is_open(page)


@pytest.mark.slow
def test_who_stops_renewing_is_put_out(page, quick):
    keep_open(page, quick)
    page.get_by_role("button", name="Stop renewing").click()
    expect(page.locator("#keep")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status .word")).to_have_text(
        "closed 4401: log in again", timeout=(LIFE + 5) * 1000
    )
    expect(page.locator("#connections")).to_have_text("1")
    expect(page.locator("#renewals")).to_have_text("0")


@pytest.mark.slow
def test_logging_out_the_token_closes_its_socket_within_a_second(page, server):
    keep_open(page, server)
    page.get_by_role("button", name="Renew now").click()
    expect(page.locator("#said")).to_contain_text("authenticated")
    page.get_by_role("button", name="Log out the token").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "closed", timeout=1_000)
    word(page, "closed 4401: log in again")
    expect(page.locator("#connections")).to_have_text("1")
    expect(page.locator("#who")).to_have_text("You have no token: log in above.")


@pytest.mark.slow
@pytest.mark.parametrize("by", ["the server", "its owner"])
def test_a_log_in_that_ends_while_the_connection_is_gone_is_told(page, server, by):
    lines = []

    def pass_on(line):
        line.connect_to_server()
        lines.append(line)

    page.route_web_socket("**/ws/whoami/", pass_on)
    keep_open(page, server)
    if by == "the server":
        for path in ("ws-ticket", "token/refresh"):
            page.route(f"**/api/{path}/", lambda route: route.fulfill(status=401, json={}))
    else:
        page.route("**/api/ws-ticket/", lambda route: route.abort())
    lines[0].close(code=4012)
    if by == "its owner":
        word(page, re.compile("connecting, try"))
        page.get_by_role("button", name="Log out the token").click()
    word(page, "closed 4401: log in again")
    expect(page.locator("#who")).to_have_text("You have no token: log in above.")
    assert len(lines) == 1


# Conversations


@pytest.fixture
def pair(visit, server):
    """Ada and Ben, each at their conversation, which may have been used before."""

    def pair(at: Server = server) -> tuple[Page, Page]:
        ada = visit("/conversations/", "ada", at=at)
        ada.get_by_label("Talk to").fill("ben")
        ada.get_by_role("button", name="Begin").click()
        is_open(ada)
        return ada, visit(ada.url.removeprefix(at.http("")), "ben", at=at)

    return pair


@pytest.mark.slow
def test_a_receipt_says_who_has_read_what(visit, server):
    ada = visit("/conversations/", "ada")
    ada.get_by_label("Talk to").fill("ada")
    ada.get_by_role("button", name="Begin").click()
    expect(ada.get_by_role("alert")).to_have_text("That is you.")
    ada.get_by_label("Talk to").fill("sam")
    ada.get_by_role("button", name="Begin").click()
    is_open(ada)
    say(ada, "one")
    say(ada, "two")
    expect(ada.locator(".state")).to_have_text(["sent", "sent"])
    sam = visit("/conversations/", "sam")
    line = sam.locator(".rooms li").filter(has_text="ada")
    expect(line).to_contain_text("2 unread")
    expect(line).to_contain_text("ada: two")
    line.get_by_role("link").click()
    is_open(sam)
    expect(texts(sam)).to_have_text(["one", "two"])
    expect(ada.locator(".state")).to_have_text(["", "read by sam"])
    say(sam, "three")
    say(ada, "four")
    expect(ada.locator("[data-own] .state")).to_have_text(["", "", "read by sam"])
    expect(sam.locator("[data-own] .state")).to_have_text(["read by ada"])
    sam.goto(server.http("/conversations/"))
    expect(line).not_to_contain_text("unread")
    ada.reload()
    expect(ada.locator("[data-own] .state")).to_have_text(["", "", "read by sam"])


@pytest.mark.slow
def test_what_nobody_sees_is_not_read(pair):
    ada, ben = pair()
    is_open(ben)
    ben.evaluate(
        """() => { Object.defineProperty(document, "visibilityState",
          { configurable: true, get: () => "hidden" }); }"""
    )
    say(ada, "unseen")
    expect(texts(ben).last).to_have_text("unseen")
    say(ben, "not looking")
    expect(texts(ada).last).to_have_text("not looking")  # a receipt would have come before it
    expect(ada.locator("[data-own] .state").last).to_have_text("sent")
    ben.evaluate(
        """() => { delete document.visibilityState;
          document.dispatchEvent(new Event("visibilitychange")); }"""
    )
    expect(ada.locator("[data-own] .state").last).to_have_text("read by ben")


@pytest.mark.slow
def test_a_conversation_goes_on_when_the_server_was_killed(pair, folder):
    first = start(folder)
    again = None
    try:
        ada, ben = pair(at=first)
        is_open(ben)
        say(ada, "before")
        expect(texts(ben).last).to_have_text("before")
        first._end(hard=True)
        first.process.wait(10)
        expect(ada.locator("#status")).to_have_attribute("data-state", "connecting")
        say(ada, "while down")
        ada.locator("#text").fill("half a thou")
        again = start(folder, "-p", str(first.port))
        for page in (ada, ben):
            page.evaluate("document.getElementById('now').click()")
            expect(page.locator("#status")).to_have_attribute("data-state", "open", timeout=40_000)
        for page in (ada, ben):
            expect(texts(page).last).to_have_text("while down")
            assert texts(page).all_inner_texts().count("before") == 1
        expect(ada.locator("[data-own] .state").last).to_have_text("read by ben")
        expect(ada.locator("#text")).to_have_value("half a thou")
    finally:
        first.stop()
        if again:
            again.stop()


# Too much


@pytest.mark.slow
def test_what_was_too_fast_is_marked_and_sent_again(visit, strict):
    ada = visit("/", "ada", at=strict)
    path = make_room(ada, "too-fast", "ben")
    ben = visit(path, "ben", at=strict)
    is_open(ada), is_open(ben)
    ada.evaluate(
        """() => { const field = document.querySelector("#text");
        const form = document.querySelector("#composer");
        for (let number = 1; number <= 8; number += 1) {
          field.value = `message ${number}`;
          form.requestSubmit();
        } }"""
    )
    expect(ada.locator("#problem")).to_have_text("Too fast: what waits is sent again in a moment.")
    expect(ada.locator('[data-state="waiting"]').first).to_contain_text("waiting, too fast")
    everything = [f"message {number}" for number in range(1, 9)]
    for page in (ada, ben):
        expect(texts(page)).to_have_text(everything, timeout=25_000)
    expect(ada.locator('[data-state="waiting"], [data-state="sending"]')).to_have_count(0)
    expect(ada.locator("#problem")).to_be_empty()
    is_open(ada)


@pytest.mark.slow
def test_private_messages_to_somebody_who_left_do_not_take_the_place_of_what_is_typed(two):
    ada, ben = two
    ada.locator("#people").get_by_role("button", name="ben").click()
    ben.goto("about:blank")
    expect(ada.locator(".note").last).to_have_text("ben left")
    ada.evaluate(
        """() => { const field = document.querySelector("#text");
        for (const text of ["psst", "hey"]) {
          field.value = text;
          document.querySelector("#composer").requestSubmit();
        }
        field.value = "for all"; }"""
    )
    for text in ("psst", "hey"):
        told = ada.locator(".note").filter(has_text=f"Not sent to ben: {text}")
        expect(told).to_be_visible()
    expect(ada.get_by_role("alert").filter(has_text="ben is not in this room")).to_be_visible()
    expect(ada.locator("#text")).to_have_value("for all")


@pytest.mark.slow
def test_a_private_message_that_was_too_fast_comes_back_into_the_field(visit, strict):
    ada, ben = (visit("/rooms/lobby/", name, at=strict) for name in ("ada", "ben"))
    is_open(ben)
    ada.locator("#people").get_by_role("button", name="ben").click()
    ada.evaluate(
        """() => { const send = WebSocket.prototype.send; let many = 0;
        WebSocket.prototype.send = function (data) {
          while (many < 6) { many += 1; send.call(this, '{"type":"typing","is_typing":false}'); }
          send.call(this, data);
        }; }"""
    )
    say(ada, "psst")
    expect(ada.locator("#problem")).to_have_text("Not sent: wait a moment.")
    expect(ada.locator("#text")).to_have_value("psst")


# HTML in every text field


@pytest.mark.slow
def test_text_is_never_html(visit, folder, server):
    make = (
        "from django.contrib.auth.models import User; from rooms.models import Room; "
        f"nasty = User.objects.create_user({NASTY!r}, password='nasty-demo', is_staff=True); "
        "ben = User.objects.get(username='ben'); room = Room.objects.create(name='nasty'); "
        "room.members.add(nasty, ben); from alerts.models import Team; "
        f"Team.objects.create(name={NASTY!r}).members.add(ben, nasty); "
        "from conversations.services import start; print(start(nasty, ben).pk)"
    )
    manage(folder, "shell", "--verbosity", "0", "-c", make)
    nasty, ben = visit_as(visit, server, NASTY, "nasty-demo"), visit("/rooms/nasty/", "ben")
    ran = "document.title === 'broken' || document.querySelector('main img, main script') !== null"

    def both_show(*pages: Page) -> None:
        for page in pages:
            expect(page.get_by_text(NASTY).first).to_be_visible()
            assert not page.evaluate(ran), page.url

    nasty.goto(server.http("/rooms/nasty/"))
    say(nasty, NASTY)
    expect(texts(ben)).to_have_text([NASTY])
    ben.locator("#people button").click()
    say(ben, NASTY)
    expect(texts(nasty)).to_have_text([NASTY, NASTY])
    nasty.locator("#text").press_sequentially("h")
    expect(ben.locator("#typing")).to_contain_text("is typing")
    both_show(nasty, ben)
    add(nasty, NASTY + "x")
    both_show(nasty)
    nasty.goto(server.http("/"))
    nasty.get_by_label("A new room").fill(NASTY[:50])
    nasty.get_by_role("button", name="Make it").click()
    both_show(nasty)
    ben.goto(server.http("/conversations/"))
    both_show(ben)
    ben.get_by_role("link", name=NASTY).click()
    is_open(ben)
    nasty.goto(ben.url)
    is_open(nasty)
    say(nasty, NASTY)
    expect(texts(ben)).to_have_text([NASTY])
    say(ben, "seen")
    expect(ben.locator(".state").last).to_have_text(f"read by {NASTY}")
    both_show(nasty, ben)
    ben.goto(server.http("/conversations/"))
    ben.get_by_label("Talk to").fill(NASTY + "x")
    ben.get_by_role("button", name="Begin").click()
    both_show(ben)
    ben.goto(server.http("/alerts/"))
    is_open(ben)
    ben.locator("#groups input").last.check()
    expect(ben.locator("#hears")).to_contain_text(NASTY)
    nasty.goto(server.http("/alerts/"))
    nasty.get_by_label("Text").fill(NASTY)
    nasty.get_by_label("To", exact=False).last.select_option(label=NASTY)
    nasty.get_by_role("main").get_by_role("button", name="Send").click()
    expect(ben.locator("#alerts p")).to_have_text([NASTY])
    both_show(nasty, ben)
    for path in ("/login/", "/ways-in/", "/rooms/lobby/", "/conversations/1/"):
        nasty.goto(server.http(path))
        both_show(nasty)


def visit_as(visit, server: Server, name: str, password: str) -> Page:
    page = visit("/", "cleo")
    page.get_by_role("button", name="Log out").click()
    log_in(page, name, password)
    expect(page.locator("#me")).to_have_text(name)
    return page


# For everybody


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_is_cut_off(visit, open_page, server, width, scheme):
    options = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    ada = visit("/", "ada", **options)
    path = make_room(ada, f"axe-{width}-{scheme}", "ben")
    ben = visit(path, "ben", **options)
    is_open(ada), is_open(ben)
    say(ada, "hello " + "long" * 40)
    expect(texts(ben)).to_have_count(1)
    check(ada)
    add(ada, "nobody")
    expect(ada.get_by_role("alert").first).to_be_visible()
    check(ada)
    ada.goto(server.http("/"))
    check(ada)
    for address in ("/conversations/", "/rooms/nowhere/", "/conversations/99999/", "/alerts/"):
        ada.goto(server.http(address))
        check(ada)
    ada.goto(server.http("/conversations/"))
    ada.get_by_role("link", name="ben").click()
    is_open(ada)
    say(ada, "word" * 100)
    expect(ada.locator(".state").last).to_have_text("sent")
    check(ada)
    tab = ada.context.new_page()
    tab.goto(server.http("/ways-in/"))
    check(tab)
    get_tokens(tab, "ada")
    for way in ("session", "ticket", "subprotocol", "message", "query"):
        says, _ = tried(tab, way)
        expect(says).to_have_text(re.compile("via|closed"))
    tab.get_by_role("button", name="Open and keep it").click()
    is_open(tab)
    check(tab)
    tab.get_by_role("banner").locator("#status").scroll_into_view_if_needed()
    tab.get_by_role("button", name="Log out", exact=True).click()
    word(ada, "closed 4401: log in again")
    check(ada)
    log_in(tab, "ada", "wrong")
    expect(tab.get_by_role("alert")).to_be_visible()
    check(tab)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name or text has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const it = document.activeElement;
            return [it.innerText, it.labels?.[0]?.innerText, it.id].filter(Boolean); }"""
        )
        if any(text.split("\n")[0].strip() == name for text in focused):
            return
    pytest.fail(f"Tab does not lead to {name}")


@pytest.mark.slow
def test_the_keyboard_is_enough(open_page, server):
    page = open_page(server.http("/ways-in/"))
    for name, text in (("Name", "ada"), ("Password", "ada-demo")):
        tab_to(page, name)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.locator("#who")).to_have_text("You have the tokens of ada.")
    tab_to(page, "Get a ticket and open")
    page.keyboard.press("Enter")
    expect(page.locator('[data-way="ticket"] .answer')).to_contain_text("via ticket")
    tab_to(page, "Use it again")
    page.keyboard.press("Enter")
    # Not the code: Daphne ends a line after a second, and a busy browser has not read it by then.
    expect(page.locator('[data-way="ticket"] .answer')).to_contain_text("used, or has expired")
    page.goto(server.http("/rooms/lobby/"))
    expect(page.get_by_label("Name")).to_be_focused()  # autofocus comes with the first picture
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("ada-demo")
    page.keyboard.press("Enter")
    is_open(page)
    tab_to(page, "Message to everybody")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(texts(page).last).to_have_text("by keyboard")
    page.reload()
    tab_to(page, "Log out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
