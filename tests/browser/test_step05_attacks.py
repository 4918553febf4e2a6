"""Step 05 attacked from a real browser: pages of a sibling host, another site, another port.

The server is the one of the step's own attack suite (production's settings, DEBUG off), which can
lose one defence at run time: each attack must fail, and succeed without it.
"""

from __future__ import annotations

import functools
import http.server
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
from playwright.sync_api import Browser, BrowserContext, Page

STEP = ROOT / "step05_auth"
PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": ".pulse.test",
    "HTTPS": "False",  # no certificate here
}
# Names that lead to this machine, for this browser alone: hosts of one site, and another site.
NAMES = "MAP *.pulse.test 127.0.0.1, MAP evil.test 127.0.0.1"
CHROMIUM = {
    "executable_path": shutil.which("chromium"),
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

    def order(self, do: str, function: str = "") -> None:
        since = len(self.lines)
        order = {"do": do, "function": f"browser.step05_server:{function}", "args": []}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.wait_for(r"(?m)^@@ (.*)$", since=since)[1])
        assert "error" not in answer, answer["error"]

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
    server.port = int(server.wait_for(r"Listening on TCP address 127\.0\.0\.1:(\d+)")[1])
    yield server
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
    chromium = browser.browser_type.launch(**CHROMIUM)
    yield chromium
    chromium.close()


@pytest.fixture
def victim(named: Browser) -> Iterator[BrowserContext]:
    """Somebody's browser, with nothing in it yet."""
    context = named.new_context(reduced_motion="reduce")
    context.set_default_timeout(10_000)
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
