"""What the server says when things go wrong: to whom it refuses, and to its own log."""

import json
import re
from unittest.mock import patch

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from rest_framework.parsers import JSONParser
from websockets.exceptions import InvalidStatus

from accounts.consumers import PersonConsumer
from accounts.credentials import NotAuthenticated
from accounts.parsers import BoundedJSONParser
from tests.attacks import inside
from tests.people import Closed

WHOAMI = "/ws/whoami/"
PASSWORD = "correct-horse-battery-staple"


def with_password(username: str) -> None:
    user = User.objects.get(username=username)
    user.set_password(PASSWORD)
    user.save()


def crash():
    """A bug in a handler, with the message in its traceback's neighbourhood."""

    async def handle(self, message):
        raise RuntimeError("a bug in a handler")

    return patch.object(PersonConsumer, "handle", handle)


def tell_what_was_sent():
    """As `raise NotAuthenticated(f"bad token {raw}")` would, meant to help."""

    def read(raw, via):
        raise NotAuthenticated(f"bad token {raw}")

    return patch("accounts.credentials.TokenCredential.read", read)


def log_the_scope():
    """As a `print(scope)` left in would."""
    from accounts import carriers

    find = carriers.find

    def find_and_tell(scope):
        print(scope)
        return find(scope)

    return patch("accounts.carriers.find", find_and_tell)


class Failures:
    """Everything that goes wrong with secrets in it; what the server answered, all together."""

    def __init__(self, target, username: str):
        self.target, self.username, self.answers = target, username, []
        self.since = len(target.output)
        target.call(with_password, username)
        pair = target.call(inside.tokens, username)
        self.access, self.refresh = pair["access"], pair["refresh"]
        self.expired = target.call(inside.access, username, {"exp": 1})
        self.ticket = target.call(inside.ticket, username)
        self.cookie = target.call(inside.cookie, username)
        self.bad = self.access[:-20] + "A" * 20
        session = self.cookie.partition("=")[2]
        self.secrets = [self.access, self.refresh, self.expired, self.bad, self.ticket, session]
        self.secrets.append(PASSWORD)

    async def socket(self, path: str, *offered: str, say=(), **sent) -> None:
        try:
            async with self.target.socket(path, *offered, **sent) as attacker:
                for text in say:
                    await attacker.send(text)
                while True:
                    self.answers.append(await attacker.receive())
                    if json.loads(self.answers[-1])["type"] == "whoami" and not say:
                        return
        except Closed:
            pass
        except InvalidStatus as refused:
            self.answers += [str(refused.response.headers), refused.response.body.decode()]

    async def all(self) -> None:
        """Sockets first, then HTTP."""
        bearer = f"bearer.{self.access}"
        await self.socket(WHOAMI, f"bearer.{self.bad}")
        await self.socket(WHOAMI, f"bearer.{self.expired}")
        await self.socket(WHOAMI, f"bearer.{self.refresh}")
        await self.socket(WHOAMI, bearer, bearer + "x")
        await self.socket(WHOAMI, bearer, origin="http://evil.test")
        await self.socket(WHOAMI, cookie=self.cookie, origin="http://evil.test")
        await self.socket(f"{WHOAMI}?token={self.access}")
        await self.socket("/ws/nowhere/", bearer)
        await self.socket("/ws/nowhere/", cookie=self.cookie)
        await self.socket("/ws/chat/lobby/", bearer)
        await self.socket(WHOAMI, f"ticket.{self.ticket}")
        await self.socket(WHOAMI, f"ticket.{self.ticket}")
        first = [json.dumps({"type": "authenticate", "token": self.bad})]
        await self.socket(WHOAMI, say=first)
        await self.socket(WHOAMI, say=[json.dumps({"type": "Authenticate", "token": self.access})])
        bad = [json.dumps({"type": "authenticate", "token": self.bad, "x": self.access})]
        await self.socket(WHOAMI, bearer, say=bad * 2 + ["{" + self.access] * 20)
        await self.socket(WHOAMI, bearer, say=[json.dumps({"type": self.access})] * 20)
        with self.target.without(crash):
            await self.socket(WHOAMI, bearer, say=['{"type": "nothing"}'])
        with self.target.without(inside.database_is_away):
            await self.socket(WHOAMI, bearer)
            await self.socket(WHOAMI, cookie=self.cookie)
        async with httpx.AsyncClient(base_url=self.target.url("")) as client:
            for path, body in [
                ("/api/token/", {"username": self.username, "password": PASSWORD + "!"}),
                ("/api/token/", {"username": [self.username], "password": [PASSWORD]}),
                ("/api/token/refresh/", {"refresh": self.bad}),
                ("/api/token/refresh/", {"refresh": self.access}),
                ("/api/logout/", {"refresh": self.bad}),
                ("/api/ws-ticket/", {"token": self.access}),
                ("/login/", {"username": self.username, "password": PASSWORD + "!"}),
            ]:
                answer = await client.post(path, json=body)
                assert 400 <= answer.status_code < 500, (path, answer.text)
                self.answers.append(f"{answer.headers} {answer.text}")
            for headers in {"Authorization": f"Bearer {self.bad}"}, {"Cookie": self.cookie + "x"}:
                for path in ("/api/conversations/", "/nowhere/", "/ws/whoami/"):
                    answer = await client.get(path, headers=headers)
                    assert 400 <= answer.status_code < 500
                    self.answers.append(f"{answer.headers} {answer.text}")
            with self.target.without(inside.database_is_away):
                for headers in {"Authorization": f"Bearer {self.access}"}, {"Cookie": self.cookie}:
                    answer = await client.get("/api/conversations/", headers=headers)
                    assert answer.status_code == 500
                    self.answers.append(f"{answer.headers} {answer.text}")

    def found(self) -> set[str]:
        """Where a secret, or most of one, can be read."""
        places = {"log": self.target.output[self.since :], "answer": "\n".join(self.answers)}
        parts = [secret[-40:] for secret in self.secrets]
        return {place for place, text in places.items() for part in parts if part in text}


async def test_no_failure_tells_a_secret(target, someone):
    failures = Failures(target, someone())
    await failures.all()
    log, answers = target.output[failures.since :], "\n".join(failures.answers)
    assert "a bug in a handler" in log  # so this log is one that tells what goes wrong
    assert "OperationalError" in log
    assert answers.count('"closing"') >= 9
    assert failures.found() == set()
    for text in (answers, log):
        assert "hash_password" not in text
    assert "Traceback" not in answers
    with target.without(tell_what_was_sent):
        await failures.socket(WHOAMI, f"bearer.{failures.bad}")
    assert failures.found() == {"answer"}
    with target.without(log_the_scope):
        await failures.socket(WHOAMI, f"bearer.{failures.bad}")
    assert failures.found() == {"answer", "log"}


async def test_a_credential_does_not_show_what_it_holds(target, someone):
    """In the traceback of a reporting tool, or in a log line of one's own."""
    shown = target.call(credentials_shown, someone())
    assert shown == {"token": "TokenCredential(via='ticket')", "cookie": "session"}


def credentials_shown(username: str) -> dict[str, str]:
    from accounts.credentials import CookieCredential, TokenCredential

    cookie = CookieCredential("a-session-key")
    assert "a-session-key" not in repr(cookie)
    token = TokenCredential.read(inside.access(username), "ticket")
    return {"token": repr(token), "cookie": cookie.via}


# Pages


def debug():
    return override_settings(DEBUG=True)


TELLING = {
    "/nowhere/": (404, r"urlpatterns|URLconf|Using the URLconf"),
    "/rooms/no such/": (404, r"urlpatterns|URLconf|Using the URLconf"),
}


@pytest.mark.parametrize("path", TELLING)
async def test_a_page_that_is_not_there_tells_nothing_of_the_others(target, path):
    status, telling = TELLING[path]
    async with httpx.AsyncClient(base_url=target.url("")) as client:
        answer = await client.get(path)
        assert answer.status_code == status
        assert not re.search(telling, answer.text)
        with target.without(debug):
            answer = await client.get(path)
            assert answer.status_code == status
            assert re.search(telling, answer.text)


def outage(in_debug=False):
    contexts = [inside.database_is_away()] + ([debug()] if in_debug else [])
    return inside.all_of(*contexts)


async def test_an_error_page_tells_nothing_of_the_code(target, someone):
    headers = {"Cookie": target.call(inside.cookie, someone())}
    telling = r"Traceback|OperationalError|site-packages|SECRET_KEY"
    async with httpx.AsyncClient(base_url=target.url(""), headers=headers) as client:
        with target.without(outage):
            answer = await client.get("/")
            assert answer.status_code == 500
            assert not re.search(telling, answer.text)
        with target.without(outage, True):
            answer = await client.get("/")
            assert answer.status_code == 500
            assert re.search(telling, answer.text)


BODIES = [
    b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff", b"NaN", b"[" * 100_000,
    b'{"a":' + b"9" * 5000, b'{"refresh":null}', b'{"refresh":[]}', b'{"refresh":{}}',
    b'{"refresh":"\\ud800"}',
    b'{"refresh":"a\\u0000"}', b'{"username":{},"password":[]}', b'{"username":"\\ud800"}',
]  # fmt: skip
API = ["token/", "token/refresh/", "logout/", "ws-ticket/", "conversations/"]


def parse_as_drf_does():
    return patch.object(BoundedJSONParser, "parse", JSONParser.parse)


@pytest.mark.parametrize("path", API)
async def test_no_body_of_a_request_is_a_crash(target, someone, path):
    headers = {"Authorization": f"Bearer {target.call(inside.access, someone())}"}
    async with httpx.AsyncClient(base_url=target.url("/api/")) as client:
        for body in BODIES:
            for kind in ("application/json", "text/plain", "application/json; charset=x", ""):
                sent = {"Content-Type": kind}
                answer = await client.post(path, content=body, headers=sent)
                assert 400 <= answer.status_code < 500, (body[:50], kind, answer.text)
        if path == "token/":
            with target.without(parse_as_drf_does):
                sent = {"Content-Type": "application/json"}
                answer = await client.post(path, content=b"[" * 100_000, headers=sent)
                assert answer.status_code == 500
        if path == "conversations/":
            for body in BODIES:
                sent = {**headers, "Content-Type": "application/json"}
                answer = await client.post(path, content=body, headers=sent)
                assert answer.status_code == 400, (body[:50], answer.text)


SESSION = settings.SESSION_COOKIE_NAME
ODD_HEADERS = [
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer a b"},
    {"Authorization": "Bearer \xff"},
    {"Authorization": "bearer x"},
    {"Authorization": "Basic eDp5"},
    {"Cookie": "x"},
    {"Cookie": f"{SESSION}="},
    {"Cookie": f"{SESSION}=\xff\xfe"},
    {"Cookie": f"{SESSION}=" + "x" * 5000},
    {"Cookie": f"{SESSION}=%00; {SESSION}=' OR 1=1"},
    {"Cookie": "=;=;;\x7f"},
]


def split_carelessly():
    take = lambda self, header: header.split()[1]  # noqa: E731
    return patch("accounts.authentication.TokenAuthentication.get_raw_token", take)


@pytest.mark.parametrize("headers", ODD_HEADERS)
async def test_no_header_is_a_crash(target, headers):
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with httpx.AsyncClient(base_url=target.url("")) as client:
        assert (await client.get("/api/conversations/", headers=raw)).status_code in (401, 403)
        assert (await client.get("/", headers=raw)).status_code == 302
        if headers == {"Authorization": "Bearer"}:
            with target.without(split_carelessly):
                answer = await client.get("/api/conversations/", headers=raw)
                assert answer.status_code == 500
    if "Cookie" in headers:
        async with target.socket(WHOAMI, headers=headers) as attacker:
            await attacker.send("{")
            first = (4401, "the first message is not an `authenticate`")
            assert await attacker.closed() == first
