"""A socket that outlives its right: each end of it must end the socket, within a second."""

import asyncio
import threading
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from unittest.mock import patch

import httpx
import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User
from django.test import override_settings
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services
from accounts.api import RefreshSerializer
from accounts.credentials import TokenCredential
from realtime import limits, messages
from realtime.consumers import PersonConsumer
from tests.attacks import inside
from tests.attacks.inside import all_of
from tests.attacks.test_tokens import any_kind, any_login, no_clock, no_signature

WHOAMI = "/ws/whoami/"
OUT = (4401, "you are logged out")
INVALID = (4401, "the token is not valid, or has expired")
AT_ONCE = 1  # seconds


class Victim:
    """Whose right ends: a cookie, tokens, and who they are."""

    def __init__(self, target, username: str):
        self.username, self.pk = username, target.call(pk_of, username)
        self.cookie = target.call(inside.cookie, username)
        self.tokens = target.call(inside.tokens, username)

    def way(self, via: str) -> tuple[list[str], dict]:
        if via == "cookie":
            return [], {"cookie": self.cookie}
        return [f"bearer.{self.tokens['access']}"], {}


def pk_of(username: str) -> int:
    return User.objects.get(username=username).pk


async def log_out_by_page(victim, staff):
    csrf = staff.headers["X-CSRFToken"]
    cookie = {"Cookie": staff.headers["Cookie"].split("; ")[1] + "; " + victim.cookie}
    answer = await staff.post("/logout/", headers={**cookie, "X-CSRFToken": csrf})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


async def log_out_by_api(victim, staff):
    answer = await staff.post("/api/logout/", json={"refresh": victim.tokens["refresh"]})
    assert answer.status_code == 204, answer.text


async def admin(staff, path: str, **fields):
    answer = await staff.post(f"/admin/auth/user/{path}", data=fields)
    assert answer.status_code == 302, answer.text


async def kick(victim, staff):
    await admin(staff, "", action="kick", _selected_action=victim.pk)


async def deactivate(victim, staff):
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "12:00"}
    await admin(staff, f"{victim.pk}/change/", username=victim.username, **joined)


async def change_password(victim, staff):
    new = {"password1": "another-demo", "password2": "another-demo", "usable_password": "true"}
    await admin(staff, f"{victim.pk}/password/", **new)


async def delete(victim, staff):
    await admin(staff, f"{victim.pk}/delete/", post="yes")


ENDS = {
    "log-out-by-page": (log_out_by_page, "cookie", OUT),
    "log-out-by-api": (log_out_by_api, "token", INVALID),
    "kick-cookie": (kick, "cookie", OUT),
    "kick-token": (kick, "token", INVALID),
    "deactivation-cookie": (deactivate, "cookie", OUT),
    "deactivation-token": (deactivate, "token", INVALID),
    "password-cookie": (change_password, "cookie", OUT),
    "password-token": (change_password, "token", INVALID),
    "deletion-cookie": (delete, "cookie", OUT),
    "deletion-token": (delete, "token", INVALID),
}
each_end = pytest.mark.parametrize("end, via, told", ENDS.values(), ids=ENDS)


def nobody_is_told():
    return patch("accounts.services.tell_group")


@each_end
async def test_the_end_of_a_right_ends_its_sockets_at_once(
    target, someone, browser, own_talk, end, via, told
):
    async def attack(lost: list) -> tuple | str:
        """What the victim's socket hears last: why it ends, or what was said after the end."""
        victim, friend = Victim(target, someone()), Victim(target, someone())
        path = own_talk(victim.username, friend.username)
        offered, sent = victim.way(via)
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            staff = await enter(browser("sam"))
            listener = await enter(target.socket(path, *offered, **sent))
            speaker = await enter(target.socket(path, cookie=friend.cookie))
            await listener.get("chat_history"), await speaker.get("chat_history")
            for removal in lost:
                stack.enter_context(target.without(removal))
            await end(victim, staff)
            if lost and end is delete:  # the conversation is gone, and the socket is still there
                await listener.say("authenticate", token="x")
                return (await listener.get("error"))["code"]
            if lost:
                await speaker.said("between you and me")
                return (await listener.get("chat_message"))["message"]
            async with asyncio.timeout(AT_ONCE):
                return await listener.closed()

    assert await attack([]) == told
    heard = "not_authenticated" if end is delete else "between you and me"
    assert await attack([nobody_is_told]) == heard


def messages_get_lost(recheck_seconds: float):
    """The layer delivers nothing to any group."""

    async def lose(self, group, message):
        pass

    return all_of(
        patch.object(InMemoryChannelLayer, "group_send", lose),
        override_settings(RECHECK_SECONDS=recheck_seconds),
    )


@pytest.mark.parametrize("via, told", [("cookie", OUT), ("token", INVALID)])
async def test_a_lost_message_only_delays_the_end(target, someone, browser, own_talk, via, told):
    async def attack(recheck_seconds: float) -> tuple | int:
        victim = Victim(target, someone())
        offered, sent = victim.way(via)
        path = own_talk(victim.username)
        with target.without(messages_get_lost, recheck_seconds):
            async with browser("sam") as staff, target.socket(path, *offered, **sent) as socket:
                await socket.get("chat_history")
                await kick(victim, staff)
                if recheck_seconds < 1:
                    return await socket.closed()
                return await socket.said("still here")

    assert await attack(0.2) == told
    assert await attack(3600) == 1  # no recheck: a message of theirs is stored


# A right that ends while somebody comes in


def log_out_in_between(can_be_told=True):
    """The log-in ends after it was looked at, and before the person is in."""
    take = limits.take_slot

    def end_then_take(user_id):
        services.end_all(user_id)
        return take(user_id)

    contexts = [patch("realtime.limits.take_slot", end_then_take)]
    if not can_be_told:  # as if it joined its group only after that
        contexts.append(nobody_is_told())
    return all_of(*contexts)


async def test_a_log_out_during_the_handshake_is_seen(target, someone, own_talk):
    username = someone()
    path = own_talk(username)
    with target.without(log_out_in_between):
        way = (path, f"bearer.{target.call(inside.access, username)}")
        async with target.socket(*way) as socket:
            assert await socket.closed() == INVALID
    with target.without(log_out_in_between, False):
        way = (path, f"bearer.{target.call(inside.access, username)}")
        async with target.socket(*way) as socket:
            await socket.get("chat_history")
            assert await socket.said("still here")


# What is left of a log-in after its end


async def test_after_a_log_out_the_access_token_is_no_token(target, someone, browser):
    """simplejwt's blacklist has the refresh token only: our `sid` ends its access tokens."""
    victim = Victim(target, someone())
    async with browser("sam") as staff:
        await log_out_by_api(victim, staff)
    way = (WHOAMI, f"bearer.{victim.tokens['access']}")
    assert await target.refusal(*way) == INVALID
    with target.without(any_login):
        assert (await target.first_frame(*way))["username"] == victim.username


@pytest.fixture
async def client(target):
    async with httpx.AsyncClient(base_url=target.url("")) as client:
        yield client


async def refresh(client, token: str) -> httpx.Response:
    return await client.post("/api/token/refresh/", json={"refresh": token})


async def test_after_a_kick_the_refresh_token_is_spent(target, someone, browser, client):
    victim = Victim(target, someone())
    async with browser("sam") as staff:
        await kick(victim, staff)
    answer = await refresh(client, victim.tokens["refresh"])
    assert (answer.status_code, answer.json()["detail"]) == (401, "you are logged out")
    with target.without(any_login):
        answer = await refresh(client, victim.tokens["refresh"])
        assert (answer.status_code, sorted(answer.json())) == (200, ["access", "refresh"])


def no_blacklist():
    return patch("rest_framework_simplejwt.tokens.RefreshToken.check_blacklist")


async def test_after_a_log_out_the_refresh_token_is_spent(target, someone, browser, client):
    """Twice: by simplejwt's blacklist, and by the `sid`."""
    victim = Victim(target, someone())
    async with browser("sam") as staff:
        await log_out_by_api(victim, staff)
    answer = await refresh(client, victim.tokens["refresh"])
    assert (answer.status_code, answer.json()["detail"]) == (401, "Token is blacklisted")
    with target.without(no_blacklist):
        answer = await refresh(client, victim.tokens["refresh"])
        assert (answer.status_code, answer.json()["detail"]) == (401, "you are logged out")
        with target.without(any_login):
            answer = await refresh(client, victim.tokens["refresh"])
            assert answer.status_code == 200


def not_spent():
    return patch.object(api_settings, "BLACKLIST_AFTER_ROTATION", False)


async def test_a_refresh_token_is_good_once(target, someone, client):
    username = someone()
    token = target.call(inside.tokens, username)["refresh"]
    rotated = await refresh(client, token)
    assert rotated.status_code == 200
    again = await refresh(client, token)
    assert (again.status_code, again.json()["detail"]) == (401, "Token is blacklisted")
    way = (WHOAMI, f"bearer.{rotated.json()['access']}")
    assert (await target.first_frame(*way))["username"] == username  # the honest one's is good
    token = target.call(inside.tokens, username)["refresh"]
    with target.without(not_spent):
        assert [(await refresh(client, token)).status_code for _ in range(2)] == [200, 200]


def meet_at_the_blacklist(in_turn=True):
    """Two requests wait for each other (0.5 s) where the token is about to be spent."""
    met, blacklist = threading.Barrier(2), RefreshToken.blacklist

    def meet(self):
        with suppress(threading.BrokenBarrierError):
            met.wait(0.5)
        return blacklist(self)

    contexts = [patch.object(RefreshToken, "blacklist", meet)]
    if not in_turn:
        contexts.append(
            patch.object(RefreshSerializer, "validate", TokenRefreshSerializer.validate)
        )
    return all_of(*contexts)


async def test_a_refresh_token_is_good_once_for_two_at_once_too(target, someone, client):
    """simplejwt looks, and then notes: the lock around both is ours."""

    async def two() -> list[int]:
        token = target.call(inside.tokens, someone())["refresh"]
        answers = await asyncio.gather(refresh(client, token), refresh(client, token))
        return sorted(answer.status_code for answer in answers)

    with target.without(meet_at_the_blacklist):
        assert await two() == [200, 401]
    with target.without(meet_at_the_blacklist, False):
        assert await two() == [200, 200]


async def test_after_a_kick_the_pages_are_closed_too(target, someone, browser):
    victim = Victim(target, someone())
    async with browser("sam") as staff:
        await kick(victim, staff)
        with target.without(any_login):
            page = await staff.get("/chat/", headers={"Cookie": victim.cookie})
            assert (page.status_code, victim.username in page.text) == (200, True)
        page = await staff.get("/chat/", headers={"Cookie": victim.cookie})
        assert (page.status_code, page.headers["Location"]) == (302, "/login/?next=/chat/")


# Expiry, and a fresh token


def no_watch():
    return patch.object(PersonConsumer, "watch")


async def test_an_expired_tokens_socket_ends_unless_it_is_renewed(target, someone, own_talk):
    """Three sockets of one token: one is renewed, one has lost its watcher, one has neither."""
    username = someone()
    path = own_talk(username)
    token = target.call(inside.access, username, {"exp": int(time.time()) + 3})
    fresh = target.call(inside.access, username)
    way = (path, "pulse.v1", f"bearer.{token}")
    async with target.socket(*way) as renewed, target.socket(*way) as plain:
        await plain.get("chat_history")
        await renewed.say("authenticate", token=fresh)
        ends = (await renewed.get("authenticated"))["expires_at"]
        assert (datetime.fromisoformat(ends) - datetime.now(UTC)).total_seconds() > 200
        with target.without(no_watch):
            async with target.socket(*way) as unwatched:
                await unwatched.get("chat_history")
                assert await plain.closed() == INVALID
                assert await renewed.said("renewed") == 1
                assert await unwatched.said("expired") == 2


BAD = {"garbage": no_signature, "expired": no_clock, "refresh": any_kind}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_token_renews_nothing(target, someone, own_talk, what):
    """The socket lives on with what it has, for as long as that is good."""
    username = someone()
    token = target.call(inside.access, username, {"exp": int(time.time()) + 2})
    bad = {
        "garbage": target.call(inside.access, username)[:-20] + "A" * 20,
        "expired": target.call(inside.access, username, {"exp": 1}),
        "refresh": target.call(inside.tokens, username)["refresh"],
    }[what]
    async with target.socket(own_talk(username), f"bearer.{token}") as socket:
        await socket.get("chat_history")
        await socket.say("authenticate", token=bad)
        error = await socket.get("error")
        assert (error["code"], error["detail"]) == ("not_authenticated", INVALID[1])
        assert await socket.closed() == INVALID
    good = target.call(inside.access, username)
    with target.without(BAD[what]):
        async with target.socket(WHOAMI, f"bearer.{good}") as socket:
            await socket.say("authenticate", token=bad)
            await socket.get("authenticated")


def become_whoever():
    """PersonConsumer.renew, without asking whose token that is."""

    async def renew(self, raw):
        fresh = TokenCredential.read(raw, "message")
        self.user = self.scope["user"] = await sync_to_async(fresh.check)()
        self.scope["credential"] = fresh
        await self.reply(messages.Authenticated(datetime.fromtimestamp(fresh.expires, UTC)))

    return patch.object(PersonConsumer, "renew", renew)


async def test_a_socket_does_not_become_somebody_elses(target, someone, own_talk):
    first, other = someone(), someone()
    path = own_talk(first)  # the other is no member
    fresh = target.call(inside.access, other)
    way = (path, f"bearer.{target.call(inside.access, first)}")
    async with target.socket(*way) as socket:
        await socket.get("chat_history")
        await socket.say("authenticate", token=fresh)
        assert await socket.closed() == (4403, "that token is somebody else's")
    with target.without(become_whoever):
        async with target.socket(*way) as socket:
            await socket.get("chat_history")
            await socket.say("authenticate", token=fresh)
            await socket.get("authenticated")
            await socket.say("typing", is_typing=True)
            await socket.get("typing", username=other)  # in a conversation that is not theirs


# When nobody can tell


def often():
    return override_settings(RECHECK_SECONDS=0.1)


rechecks = []


def stay_whatever_happens():
    """A recheck that fails tells nothing, so nothing is done."""

    async def recheck(self, event=None):
        try:
            await self.look_again()
        except Exception as problem:
            rechecks.append(type(problem).__name__)

    return all_of(often(), patch.object(PersonConsumer, "recheck", recheck))


def failed_recheck() -> str | None:
    """The first failure, waited for."""
    deadline = time.monotonic() + 5
    while not rechecks and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return rechecks[0] if rechecks else None


async def test_who_cannot_be_rechecked_has_to_go(target, someone):
    way = (WHOAMI, f"bearer.{target.call(inside.access, someone())}")
    with target.without(often):
        async with target.socket(*way) as socket:
            await socket.get("whoami")
            target.order("remove", inside.database_is_away)
            refused = (4013, "the server cannot tell who you are; try again later")
            assert await socket.closed() == refused
    with target.without(stay_whatever_happens):
        async with target.socket(*way) as socket:
            await socket.get("whoami")
            target.order("remove", inside.database_is_away)
            assert target.call(failed_recheck) == "OperationalError"
            target.order("restore")
            await socket.say("authenticate", token="x")
            assert (await socket.hear())["type"] == "error"  # it is there, and talks
