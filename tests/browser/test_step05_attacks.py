"""Step 05 attacked from a real browser: pages of a sibling host, another site, another port.

The server is the one of the step's own attack suite (production's settings, DEBUG off), which can
lose one defence at run time: each attack must fail, and succeed without it.
"""

from __future__ import annotations

import functools
import http.server
import itertools
import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import NOT_COPIED, OURS, ROOT, QuietHandler, Server
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from course.needs import chromium

pytestmark = pytest.mark.slow  # like the attacks of the step itself

STEP = ROOT / "step05_auth"
NUMBERS = itertools.count(1)
PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": ".pulse.test",
    "HTTPS": "False",  # no certificate here
}
# Names that lead to this machine, for this browser alone: hosts of one site, and another site.
NAMES = "MAP *.pulse.test 127.0.0.1, MAP evil.test 127.0.0.1"
CHROMIUM = {
    "executable_path": chromium(),
    "args": ["--no-sandbox", "--disable-background-networking", f"--host-resolver-rules={NAMES}"],
}

# What the attacker's page does: open a socket and see what comes.
ATTACK = """(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  const frames = [];
  socket.onmessage = ({ data }) => {
    frames.push(JSON.parse(data));
    if (frames[0].type === "whoami") done({ frames, code: null });
  };
  socket.onclose = ({ code }) => done({ frames, code });
})"""
BARE_403 = {"frames": [], "code": 1006}  # all that a page learns of a refused handshake


class Target(Server):
    """The server under attack; its standard input takes orders."""

    stdin = subprocess.PIPE

    def order(self, do: str, function: str = "", *args: str):
        name, file = f"browser.step05_server:{function}", f"answer{next(NUMBERS)}.json"
        order = {"do": do, "function": name, "args": args, "answer": file}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.wait_for(rf"(?m) {file}$")
        answer = json.loads((self.folder / file).read_text(encoding="utf-8"))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    @contextmanager
    def without(self, removal: str) -> Iterator[None]:
        """While this lasts, the defence that this function of step05_server.py removes is gone."""
        self.order("remove", removal)
        try:
            yield
        finally:
            self.order("restore")


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Target]:
    """A copy of the step with the demo's people, in production's settings."""
    copy = tmp_path_factory.mktemp("attacked") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    development = {**OURS, **PRODUCTION, "DEBUG": "True"}  # where the demo may make its people
    for arguments in (["migrate", "--verbosity", "0"], ["demo", "--verbosity", "0"]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=copy, env=development, check=True, stdin=subprocess.DEVNULL)
    application = "browser.step05_server:application"
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "0", application]
    server = Target(command, copy, {**PRODUCTION, "PYTHONPATH": str(ROOT / "tests")})
    try:
        server.port = int(server.wait_for(r"Listening on TCP address 127\.0\.0\.1:(\d+)")[1])
        yield server
    finally:
        server.stop()
        server.process.stdin.close()


@pytest.fixture(scope="module")
def attackers_port(tmp_path_factory) -> Iterator[int]:
    """The port of another web server on this machine: the attacker's, with one empty page."""
    folder = tmp_path_factory.mktemp("attacker")
    (folder / "index.html").write_text("<!doctype html><title>A prize!</title>", encoding="utf-8")
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def named(browser: Browser) -> Iterator[Browser]:
    """A second Chromium, in which those names are hosts."""
    second = browser.browser_type.launch(**CHROMIUM)
    yield second
    second.close()


@pytest.fixture
def victim(named: Browser) -> Iterator[BrowserContext]:
    """Somebody's browser, with nothing in it yet."""
    context = named.new_context(reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield context
    context.close()


def log_in(context: BrowserContext, site: str, username: str = "ada") -> Page:
    page = context.new_page()
    page.goto(f"{site}/login/")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(f"{username}-demo")
    with page.expect_navigation():
        page.locator("[name=password]").press("Enter")
    assert "/login/" not in page.url
    return page


def attack(context: BrowserContext, page_at: str, site: str) -> tuple[dict, str]:
    """The victim opens a page of the attacker's: what it sees of /ws/whoami/, and the console."""
    page = context.new_page()
    console = []
    page.on("console", lambda message: console.append(message.text))
    page.goto(page_at)
    seen = page.evaluate(ATTACK, site.replace("http", "ws", 1) + "/ws/whoami/")
    page.close()
    return seen, "\n".join(console)


def got_the_name(seen: dict) -> bool:
    (frame,) = seen["frames"]
    return (frame["username"], frame["via"]) == ("ada", "session")


def test_the_victims_own_page_gets_the_victims_socket(target, victim):
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    seen, _ = attack(victim, f"{site}/", site)
    assert got_the_name(seen)


def test_a_page_of_a_sibling_host_gets_no_socket(target, victim, attackers_port):
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    seen, console = attack(victim, f"http://evil.pulse.test:{attackers_port}/", site)
    assert seen == BARE_403
    assert "Unexpected response code: 403" in console


def test_without_the_check_a_sibling_host_gets_the_victims_socket(target, victim, attackers_port):
    """SameSite is no help: both hosts are one site, pulse.test."""
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    with target.without("no_origin_check"):
        seen, _ = attack(victim, f"http://evil.pulse.test:{attackers_port}/", site)
    assert got_the_name(seen)


def test_a_page_of_another_site_gets_no_socket(target, victim, attackers_port):
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    seen, console = attack(victim, f"http://evil.test:{attackers_port}/", site)
    assert seen == BARE_403
    assert "Unexpected response code: 403" in console


def test_without_the_check_another_site_is_nobody(target, victim, attackers_port):
    """SameSite=Lax, Django's default, keeps the cookie at home: the socket opens for nobody."""
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    (session,) = [c for c in victim.cookies(site) if c["name"].endswith("sessionid")]
    assert session["sameSite"] == "Lax"
    with target.without("no_origin_check"):
        seen, _ = attack(victim, f"http://evil.test:{attackers_port}/", site)
    assert seen["code"] == 4401
    assert [frame["type"] for frame in seen["frames"]] == ["closing"]


def test_a_page_of_another_port_gets_no_socket(target, victim, attackers_port):
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    seen, console = attack(victim, f"http://www.pulse.test:{attackers_port}/", site)
    assert seen == BARE_403
    assert "Unexpected response code: 403" in console


def test_by_channels_own_check_another_port_gets_the_victims_socket(target, victim, attackers_port):
    """AllowedHostsOriginValidator compares hosts, not ports; the cookie goes to every port."""
    site = f"http://www.pulse.test:{target.port}"
    log_in(victim, site)
    with target.without("the_check_of_channels"):
        seen, _ = attack(victim, f"http://www.pulse.test:{attackers_port}/", site)
        other_host, _ = attack(victim, f"http://evil.test:{attackers_port}/", site)
    assert got_the_name(seen)
    assert other_host == BARE_403


# HTML in every text field


MARKUP = "<img src=x onerror=\"ran.push('a script')\">"
OWN = "<img src=x onerror='ran.push({})'>"  # one that no other test has stored


def type_in_the_lobby(reader: Page, writer: Page, site: str, text: str) -> Locator:
    for page in (reader, writer):
        page.goto(f"{site}/rooms/lobby/")
    send(writer, text)
    return reader.locator("#messages .text").last


def whisper(reader: Page, writer: Page, site: str, text: str) -> Locator:
    for page in (reader, writer):
        page.goto(f"{site}/rooms/lobby/")
    writer.locator("#people").get_by_role("button", name="ada").click()
    send(writer, text)
    return reader.locator("#messages [data-private] .text").last


def write_to_one(reader: Page, writer: Page, site: str, text: str) -> Locator:
    for page, other in ((reader, "ben"), (writer, "ada")):
        page.goto(f"{site}/conversations/")
        page.get_by_role("link", name=other, exact=True).click()
    send(writer, text)
    return reader.locator("#messages .text").last


def send(writer: Page, text: str) -> None:
    expect(writer.locator("#status")).to_have_attribute("data-state", "open")
    writer.locator("#text").fill(text)
    writer.locator("#text").press("Enter")


def alert(reader: Page, writer: Page, site: str, text: str) -> Locator:
    reader.goto(f"{site}/alerts/")
    expect(reader.locator("#status")).to_have_attribute("data-state", "open")
    writer.context.clear_cookies()  # of ben
    log_in(writer.context, site, "sam").close()
    writer.goto(f"{site}/alerts/")
    writer.locator("[name=text]").fill(text)
    writer.locator("[name=group]").select_option(label="ada")
    writer.get_by_role("button", name="Send").click()
    return reader.locator("#alerts p").first


@pytest.fixture
def another(named: Browser, target) -> Iterator[BrowserContext]:
    """The attacker's browser, logged in as ben."""
    context = named.new_context(reduced_motion="reduce")
    context.set_default_timeout(30_000)
    log_in(context, f"http://www.pulse.test:{target.port}", "ben")
    yield context
    context.close()


def with_inner_html(context: BrowserContext) -> None:
    """The step's own scripts, but for one word."""

    def serve(route: Route) -> None:
        file = STEP / "static/js" / route.request.url.rsplit("/", 1)[1]
        script = file.read_text(encoding="utf-8").replace(".textContent = ", ".innerHTML = ")
        route.fulfill(body=script, content_type="text/javascript")

    context.route("**/static/js/*.js", serve)


def reading(context: BrowserContext, site: str) -> Page:
    """A page of ada's that takes note of scripts that should not run, in `ran`."""
    context.add_init_script("window.ran = []; window.alert = (text) => ran.push(text);")
    log_in(context, site).close()
    return context.new_page()


def nothing_ran(reader: Page) -> bool:
    return reader.evaluate("ran") == [] and reader.locator("img").count() == 0


TYPED = [type_in_the_lobby, whisper, write_to_one, alert]


@pytest.mark.parametrize("attack_by", TYPED)
def test_markup_that_is_sent_is_shown_as_text(target, victim, another, attack_by):
    site = f"http://www.pulse.test:{target.port}"
    reader = reading(victim, site)
    text = OWN.format(next(NUMBERS))
    expect(attack_by(reader, another.new_page(), site, text)).to_have_text(text)
    assert nothing_ran(reader)


@pytest.mark.parametrize("attack_by", TYPED)
def test_with_inner_html_what_is_sent_runs(target, victim, another, attack_by):
    site = f"http://www.pulse.test:{target.port}"
    with_inner_html(victim)
    reader = reading(victim, site)
    number = next(NUMBERS)
    attack_by(reader, another.new_page(), site, OWN.format(number))
    reader.wait_for_function(f"ran.includes({number})")


def test_no_username_holds_markup(target):
    name = f"{MARKUP} new"
    assert not target.order("call", "staff_adds", name)
    with target.without("any_username"):
        assert target.order("call", "staff_adds", name)


def test_a_username_with_markup_would_be_shown_as_text(target, victim):
    """One that came in by another way: an import, a sign-up of one's own."""
    name = f"{MARKUP} in the room"
    target.order("call", "say_as", name)
    site = f"http://www.pulse.test:{target.port}"
    reader = reading(victim, site)
    reader.goto(f"{site}/rooms/lobby/")
    expect(reader.locator("#messages strong").last).to_have_text(name)
    assert nothing_ran(reader)
    with_inner_html(victim)
    reader.reload()
    reader.wait_for_function("ran.length > 0")


def test_a_teams_name_is_text_to_the_page_and_to_its_script(target, victim):
    name = f"{MARKUP} team"
    target.order("call", "make_team", name)
    site = f"http://www.pulse.test:{target.port}"
    reader = reading(victim, site)
    reader.goto(f"{site}/alerts/")
    reader.get_by_label(name).check()
    expect(reader.locator("#hears")).to_contain_text(name)
    assert nothing_ran(reader)
    with_inner_html(victim)
    reader.reload()  # it is still ticked, and so named again
    reader.wait_for_function("ran.length > 0")


SHOWN = {"conversations": "/conversations/", "alerts": "/alerts/"}


@pytest.mark.parametrize("path", SHOWN.values(), ids=SHOWN)
def test_templates_show_markup_as_text(target, victim, path):
    name = f"{MARKUP} {path}"
    if path == "/alerts/":
        target.order("call", "make_team", name)
    else:
        target.order("call", "write_to_ada", name, MARKUP)
    site = f"http://www.pulse.test:{target.port}"
    reader = reading(victim, site)
    reader.goto(site + path)
    expect(reader.get_by_text(name).first).to_be_visible()
    assert nothing_ran(reader)
    with target.without("no_escaping"):
        reader.goto(site + path)
        reader.wait_for_function("ran.length > 0")


FORMS = {"a-rooms-name": ("/", "name"), "a-members-name": ("/rooms/lobby/", "user")}


@pytest.mark.parametrize(("path", "field"), FORMS.values(), ids=FORMS)
def test_what_a_form_refuses_it_shows_as_text(target, victim, path, field):
    """Out of the attribute, and into the page."""
    site = f"http://www.pulse.test:{target.port}"
    reader = reading(victim, site)

    def submit() -> None:
        reader.goto(site + path)
        reader.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        reader.locator(f"[name={field}]").evaluate("field => field.removeAttribute('maxlength')")
        reader.locator(f"[name={field}]").fill(f'">{MARKUP}')
        with reader.expect_navigation():
            reader.locator(f"[name={field}]").press("Enter")

    submit()
    expect(reader.locator(f"[name={field}]")).to_have_value(f'">{MARKUP}')
    assert nothing_ran(reader)
    with target.without("no_escaping"):
        submit()
        reader.wait_for_function("ran.length > 0")
