"""The entries of docs/troubleshooting.md that only a browser shows."""

import re

import pytest
from conftest import ASGI, SETTINGS, make_project

pytestmark = pytest.mark.slow

CLOSED = """([url, protocols]) => new Promise((done) => {
  new WebSocket(url, protocols).onclose = (event) => done(event.code);
})"""

HEARD = """(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send("hi");
  socket.onmessage = ({ data }) => done(data);
  socket.onclose = ({ code }) => done(code);
})"""
LOGIN_URLS = """
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import path


def log_in(request):
    call_command("migrate", verbosity=0)
    login(request, User.objects.get_or_create(username="ada")[0], BACKEND)
    return HttpResponse("logged in")


BACKEND = "django.contrib.auth.backends.ModelBackend"
urlpatterns = [path("login/", log_in)]
"""
LOGIN_CONSUMERS = """
from channels.generic.websocket import AsyncWebsocketConsumer


class Consumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        if not self.scope["user"].is_authenticated:
            await self.close(4401)

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(f"you are {self.scope['user'].username}")
"""


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


def test_origin_403(page, site, console, project, daphne, entry):
    page.goto(site)
    checked = entry.wrong[0] + (
        "\nfrom channels.routing import ProtocolTypeRouter\n"
        'application = ProtocolTypeRouter({"websocket": websocket_application})\n'
    )
    before = "import os, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
    server = daphne(project(asgi=before + "django.setup()\n" + checked))
    assert page.evaluate(CLOSED, [server.ws("/ws/"), []]) == 1006
    assert any(re.search(entry.message, line) for line in console)
    server.wait_for('"WSREJECT /ws/"')
    # The remedy: the origin that this page really has.
    own = checked.replace("http://localhost:8000", page.evaluate("location.origin"))
    server = daphne(project(asgi=before + "django.setup()\n" + own))
    assert page.evaluate(HEARD, server.ws("/ws/")) == "hi"


def test_cookies_ignore_ports(page, daphne, tmp_path):
    def serve(name: str, more: str = ""):
        settings = SETTINGS.replace("only for this test", name) + (
            'INSTALLED_APPS += ["django.contrib.sessions"]\n'
            'MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]\n'
        )
        with_users = ASGI.replace(
            '"websocket": URLRouter(websocket_urlpatterns)',
            '"websocket": AuthMiddlewareStack(URLRouter(websocket_urlpatterns))',
        ).replace(
            "from config.routing",
            "from channels.auth import AuthMiddlewareStack\nfrom config.routing",
        )
        return daphne(
            make_project(
                tmp_path / name,
                settings=settings + more,
                urls=LOGIN_URLS,
                asgi=with_users,
                consumers=LOGIN_CONSUMERS,
            )
        )

    def log_in(server):
        page.goto(server.http("/login/"))
        assert page.inner_text("body") == "logged in"

    first, second = serve("first"), serve("second")
    log_in(first)
    assert page.evaluate(HEARD, first.ws("/ws/")) == "you are ada"
    log_in(second)
    assert page.evaluate(HEARD, first.ws("/ws/")) == 4401
    assert page.evaluate(HEARD, second.ws("/ws/")) == "you are ada"
    # The remedy: a third one that calls its cookie something else.
    third = serve("third", 'SESSION_COOKIE_NAME = "third_sessionid"\n')
    log_in(third)
    for server in (second, third):
        assert page.evaluate(HEARD, server.ws("/ws/")) == "you are ada"
