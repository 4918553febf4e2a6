"""The entries of docs/troubleshooting.md that only a browser shows."""

import re

import pytest

pytestmark = pytest.mark.slow

CLOSED = """([url, protocols]) => new Promise((done) => {
  new WebSocket(url, protocols).onclose = (event) => done(event.code);
})"""


@pytest.fixture
def console(page):
    """What the browser's console says, as one text."""
    lines = []
    page.on("console", lambda message: lines.append(message.text))
    return lines


def thrown(page, url: str, script: str) -> str:
    """The message of what `script` throws, with `socket` open or still connecting to `url`."""
    return page.evaluate(
        """([url, script]) => new Promise((done) => {
          const socket = new WebSocket(url);
          const attempt = () => {
            try { new Function("socket", script)(socket); done("nothing"); }
            catch (error) { done(error.message); }
          };
          if (script.includes("send")) attempt(); else socket.onopen = attempt;
        })""",
        [url, script],
    )


def test_sent_non_empty_subprotocol(page, site, console, project, daphne, entry):
    page.goto(site)
    server = daphne(project(consumers=entry.wrong[0]))
    assert page.evaluate(CLOSED, [server.ws("/ws/"), ["echo.v2"]]) == 1006
    assert any(re.search(entry.message, line) for line in console)
    # The remedy: the same close arrives when the accept names a subprotocol that was offered.
    named = entry.wrong[0].replace("accept()", 'accept(subprotocol=self.scope["subprotocols"][0])')
    server = daphne(project(consumers=named))
    assert page.evaluate(CLOSED, [server.ws("/ws/"), ["echo.v2"]]) == 4401


def test_code_not_allowed_in_browser(page, site, project, daphne, entry):
    page.goto(site)
    url = daphne(project()).ws("/ws/")
    assert re.search(entry.message, thrown(page, url, "socket.close(1001)"))
    assert thrown(page, url, "socket.close(4001)") == "nothing"


def test_reason_too_long(page, site, project, daphne, entry):
    page.goto(site)
    url = daphne(project()).ws("/ws/")
    # 62 letters, 124 bytes.
    assert re.search(entry.message, thrown(page, url, "socket.close(4001, 'é'.repeat(62))"))
    assert thrown(page, url, "socket.close(4001, 'é'.repeat(61))") == "nothing"


def test_still_connecting(page, site, project, daphne, entry):
    page.goto(site)
    url = daphne(project()).ws("/ws/")
    assert re.search(entry.message, thrown(page, url, "socket.send('early')"))
    # After the close there is no exception, and nothing is sent.
    after = page.evaluate(
        """(url) => new Promise((done) => {
          const socket = new WebSocket(url);
          socket.onopen = () => socket.close();
          socket.onclose = () => { try { socket.send("late"); done("nothing"); }
            catch (error) { done(error.message); } };
        })""",
        url,
    )
    assert after == "nothing"
