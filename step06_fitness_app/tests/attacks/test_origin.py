"""A page of somebody else's opens a socket in the victim's browser, with the victim's cookie."""

from contextlib import suppress
from unittest.mock import patch

import pytest
from channels.exceptions import StopConsumer
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from accounts.origin import SameOriginOnly
from tests.attacks import inside


def no_origin_check():
    return patch("accounts.origin.is_allowed", lambda scope: True)


FORGED = {
    "another-site": "http://evil.test",
    "another-port": "http://127.0.0.1:1",
    "no-port": "http://127.0.0.1",
    "another-subdomain": "http://other.pulse.test",
    "sandboxed": "null",
    "missing": None,
    "another-scheme": "ws://127.0.0.1:{port}",
    "with-a-path": "http://127.0.0.1:{port}/",
    "as-userinfo": "http://127.0.0.1:{port}@evil.test",
    "as-a-path": "http://evil.test/http://127.0.0.1:{port}",
}


# --8<-- [start:both]
@pytest.mark.parametrize("origin", FORGED.values(), ids=FORGED)
async def test_a_page_of_another_origin_gets_no_socket(target, someone, origin):
    username = someone()
    cookie = target.call(inside.cookie, username)
    way = {"cookie": cookie, "origin": origin and origin.format(port=target.port)}
    with pytest.raises(InvalidStatus) as refused:
        await target.first_frame("/ws/whoami/", **way)
    assert refused.value.response.status_code == 403
    with target.without(no_origin_check):
        assert (await target.first_frame("/ws/whoami/", **way))["username"] == username


# --8<-- [end:both]


async def test_the_same_origin_gets_one_in_any_spelling(target, someone):
    """So the refusals above are not those of a server that refuses everybody."""
    cookie = target.call(inside.cookie, someone())
    for origin in (target.origin, target.origin.upper()):
        frame = await target.first_frame("/ws/whoami/", cookie=cookie, origin=origin)
        assert frame["type"] == "whoami"


def https():
    return override_settings(HTTPS=True)


async def test_a_page_without_https_gets_no_socket_of_a_site_with_it(target, someone):
    """Whoever sits on the way can put any text into such a page."""
    username = someone()
    cookie = target.call(inside.cookie, username)
    with target.without(https):
        with pytest.raises(InvalidStatus, match="403"):
            await target.first_frame("/ws/whoami/", cookie=cookie)
        secure = {"cookie": cookie, "origin": f"https://127.0.0.1:{target.port}"}
        assert (await target.first_frame("/ws/whoami/", **secure))["username"] == username
    assert (await target.first_frame("/ws/whoami/", cookie=cookie))["username"] == username


def any_host():
    return patch("accounts.origin.validate_host", lambda host, allowed: True)


async def test_a_name_of_the_attackers_that_leads_here_is_not_ours(target, someone):
    """DNS rebinding: evil.test is given this server's address, so Host and Origin agree. Django's
    check of Host does not run on sockets."""
    username = someone()
    way = {
        "cookie": target.call(inside.cookie, username),
        "origin": "http://evil.test",
        "host": "evil.test",
    }
    with pytest.raises(InvalidStatus, match="403"):
        await target.first_frame("/ws/whoami/", **way)
    with target.without(any_host):
        assert (await target.first_frame("/ws/whoami/", **way))["username"] == username


async def lets_in(*headers: tuple[str, str]) -> bool:
    """Whether a handshake with these headers gets past the check, on a server that passes on
    whatever comes. Daphne's own handshake answers 400 to what is below; others need not."""
    events = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}]
    said = []

    async def consumer(scope, receive, send):
        said.append("let in")

    async def send(event):
        said.append(event["type"])

    async def receive():
        return events.pop(0)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "websocket", "path": "/", "headers": pairs}
    with override_settings(ALLOWED_HOSTS=["localhost"], HTTPS=False), suppress(StopConsumer):
        await SameOriginOnly(consumer)(scope, receive, send)
    assert said in (["let in"], ["websocket.close"])
    return said == ["let in"]


HOST, OURS, EVIL = ("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil")
ODD = {
    "no-origin": [HOST],
    "empty": [HOST, ("origin", "")],
    "no-scheme": [HOST, ("origin", "localhost")],
    "as-a-prefix": [HOST, ("origin", "http://localhost.evil")],
    "two-in-one": [HOST, ("origin", "http://localhost http://evil")],
    "with-a-comma": [HOST, ("origin", "http://localhost, http://evil")],
    "wide": [HOST, ("origin", "http://localhos\xa0")],
    "two-origins": [HOST, EVIL, OURS],
    "two-origins-ours-first": [HOST, OURS, EVIL],
    "two-hosts": [HOST, HOST, OURS],
    "no-host": [OURS],
    "userinfo-in-the-host": [("host", "localhost@evil"), ("origin", "http://localhost@evil")],
}


@pytest.mark.django_db  # Channels looks after the connection that an earlier test kept open
@pytest.mark.parametrize("headers", ODD.values(), ids=ODD)
async def test_an_odd_origin_gets_no_socket_on_any_server(headers):
    assert await lets_in(HOST, OURS)
    assert not await lets_in(*headers)
    with no_origin_check():
        assert await lets_in(*headers)


async def test_two_origins_do_not_get_past_daphne(target, someone):
    """Refused by Autobahn's handshake, before any application: so there is no other direction."""
    two = {"cookie": target.call(inside.cookie, someone()), "headers": {"oRIGIN": "http://evil"}}
    with pytest.raises(InvalidStatus) as refused:
        await target.first_frame("/ws/whoami/", **two)
    assert refused.value.response.status_code == 400
