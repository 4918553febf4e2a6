"""Step 02's pages in a browser: the pushed heart rate, and a connection that shows itself."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parent.parent.parent
NUMBER = re.compile(r"^\s*\d+\s*$")

CLOSE_CODE = """([url, bytes]) => new Promise((done) => {
  const socket = new WebSocket(url);
  if (bytes) socket.onopen = () => socket.send(new Uint8Array(bytes));
  socket.onclose = (event) => done(event.code);
})"""


@pytest.fixture
def console(page):
    """Warnings and errors in the browser's console."""
    lines = []
    page.on(
        "console",
        lambda message: (
            lines.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    return lines


@pytest.mark.slow
def test_the_heart_rate_comes_by_itself(page, step_server, console):
    page.goto(step_server(2).http("/"))
    expect(page.locator(".status")).to_have_attribute("data-state", "open")
    expect(page.locator("#bpm")).to_have_text(NUMBER)
    expect(page.locator("#heard")).to_contain_text("Last heard at")
    expect(page.locator("#asked")).to_have_text(re.compile(r"^\s*[3-9]\s*$"))
    expect(page.locator("#saved")).to_have_text(re.compile(r"^\d+ %$"))
    assert console == []


def test_the_reader_can_hang_up(page, step_server, console):
    page.goto(step_server(2).http("/"))
    expect(page.locator(".status")).to_have_attribute("data-state", "open")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator(".status .word")).to_have_text("closed 1000")
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator(".status")).to_have_attribute("data-state", "open")
    assert console == []


def test_a_killed_server_is_admitted_and_can_be_tried_again(page, daphne, console):
    def serve(*options: str):
        application, env = "course.tap:application", {"PYTHONPATH": str(ROOT)}
        return daphne(ROOT / "step02_asgi", *options, application=application, env=env)

    server = serve()
    page.goto(server.http("/"))
    expect(page.locator("#bpm")).to_have_text(NUMBER)
    server.stop()
    word = page.locator(".status .word")
    expect(word).to_have_text("closed 1006: no word from the server")
    expect(page.locator("#heard")).to_contain_text("Last heard at")
    assert console == []

    page.get_by_role("button", name="Connect again").click()
    expect(page.get_by_role("button", name="Connect again")).to_be_visible()
    expect(word).to_have_text("closed 1006: no word from the server")
    assert ["ERR_CONNECTION_REFUSED" in line for line in console] == [True]

    serve("-p", str(server.port))
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator(".status")).to_have_attribute("data-state", "open")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path, size",
    [("/ws/refused/", 0), ("/ws/nowhere/", 0), ("/ws/silent/", 0), ("/ws/echo/", 1024 * 1024 + 1)],
)
def test_four_different_failures_look_alike_from_the_browser(page, step_server, path, size):
    server = step_server(2)
    page.goto(server.http("/"))
    assert page.evaluate(CLOSE_CODE, [server.ws(path), size]) == 1006


def entries(page, list_id: str) -> dict[str, str]:
    """The names and values of a list on the page."""
    cards = page.locator(f"{list_id} dl > div, dl{list_id} > div")
    return dict(card.locator("code").all_inner_texts() for card in cards.all())


def test_the_page_shows_the_handshake_of_its_own_connection(page, step_server, console):
    page.goto(step_server(2).http("/handshake/"))
    expect(page.locator("#accept")).not_to_have_text("–")
    headers = entries(page, "#request")
    assert headers["upgrade"] == "websocket"
    assert headers["origin"] == step_server(2).http("")
    answer = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(answer.encode()).digest()).decode()
    assert page.locator("#accept").inner_text() == accept
    assert page.locator("#request-line").inner_text() == "GET /ws/scope/ HTTP/1.1"
    assert console == []


def test_each_scope_key_stands_under_who_put_it_there(page, step_server):
    page.context.add_cookies([{"name": "theme", "value": "s3cret", "url": step_server(2).http()}])
    page.goto(step_server(2).http("/handshake/"))
    headings = page.locator("#scope h2")
    expect(headings).to_have_text(
        ["Scope: put there by the server (Daphne)", "Scope: put there by URLRouter"]
    )
    assert "user" not in entries(page, "#scope")
    page.get_by_role("button", name="Connect through AuthMiddlewareStack").click()
    expect(headings).to_have_count(5)
    scope = entries(page, "#scope")
    assert scope["user"] == "<AnonymousUser>"
    assert scope["cookies"] == '{"theme":"•••"}'
    assert "s3cret" not in page.locator("main").inner_text()
    expect(page.locator(".status .word")).to_have_text("open: /ws/scope/auth/")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/handshake/"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll(page, step_server, path, scheme):
    page.set_viewport_size({"width": 360, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(step_server(2).http(path))
    expect(page.locator(".status")).to_have_attribute("data-state", "open")
    expect(page.locator("main")).not_to_contain_text("–")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for button in page.locator("button").all():
        assert button.bounding_box()["height"] >= 44
