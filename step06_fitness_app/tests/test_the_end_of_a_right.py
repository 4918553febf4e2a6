"""A socket does not outlive its right: whatever ends that ends the socket, at once."""

import asyncio
from datetime import datetime, timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from chat import services
from chat.models import Conversation
from tests.people import cookie_of, knock, losing_broadcasts, tokens_of, visit
from tests.talking import enter

OUT = (4401, "you are logged out")
BAD_TOKEN = "the token is not valid, or has expired"

pytestmark = pytest.mark.django_db(transaction=True)


def bearer(tokens: dict[str, str]) -> str:
    return f"bearer.{tokens['access']}"


def short_lived(access: str, seconds: int = 2) -> str:
    """That token, if it had been made to last so long; a second less where one has begun."""
    from rest_framework_simplejwt.tokens import AccessToken

    token = AccessToken(access)
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return str(token)


async def is_open(person) -> bool:
    """Whether the server still answers."""
    await person.say("authenticate", token="no token")
    answer = await person.get("error")
    return answer["code"] == "not_authenticated"


# Log-outs


# --8<-- [start:logout]
async def test_a_log_out_closes_the_sockets_of_that_log_in_at_once(people):
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.hear())["type"] == "whoami"
        await in_thread(ada.browser.post)("/logout/")
        code, _ = await ada.closed()
        assert code == 4401


# --8<-- [end:logout]


async def test_another_log_in_of_the_same_person_goes_on(people):
    async with visit("/ws/whoami/", "ada") as here, visit("/ws/whoami/", "ada") as there:
        await here.hear(), await there.hear()
        await in_thread(here.browser.post)("/logout/")
        assert await here.closed() == OUT
        assert await is_open(there)


async def test_each_socket_of_the_log_in_is_closed(talk):
    async with (
        enter("ada", talk) as chat,
        knock("/ws/whoami/", cookie=cookie_of(chat.browser)) as tab,
    ):
        assert (await tab.hear())["username"] == "ada"
        await in_thread(chat.browser.post)("/logout/")
        assert await chat.closed() == OUT
        assert await tab.closed() == OUT


async def test_a_tokens_log_out_closes_its_sockets(people):
    tokens = await in_thread(tokens_of)("ada")
    async with knock("/ws/whoami/", bearer(tokens)) as ada:
        await ada.hear()
        refresh = {"refresh": tokens["refresh"]}
        answer = await in_thread(Client().post)("/api/logout/", refresh, "application/json")
        assert answer.status_code == 204
        assert (await ada.closed())[0] == 4401


async def test_a_refresh_ends_nothing(people):
    """The log-in goes on, and so does what the old access token opened."""
    tokens = await in_thread(tokens_of)("ada")
    async with knock("/ws/whoami/", bearer(tokens)) as ada:
        await ada.hear()
        refresh = {"refresh": tokens["refresh"]}
        answer = await in_thread(Client().post)("/api/token/refresh/", refresh, "application/json")
        assert answer.status_code == 200
        await in_thread(tell)(people["ada"])
        assert await is_open(ada)


# Kicked, deactivated, deleted, another password


def kick(user):
    from accounts import services

    services.end_all(user.pk)


def deactivate(user):
    user.is_active = False
    user.save()


def change_password(user):
    user.set_password("another one")
    user.save()


def delete(user):
    user.delete()


@pytest.mark.parametrize("ending", [kick, deactivate, change_password, delete])
async def test_whatever_ends_the_right_closes_all_sockets_of_that_person(people, ending):
    tokens = await in_thread(tokens_of)("ada")
    async with (
        visit("/ws/whoami/", "ada") as by_page,
        knock("/ws/whoami/", bearer(tokens)) as by_token,
        visit("/ws/whoami/", "ben") as ben,
    ):
        for person in (by_page, by_token, ben):
            await person.hear()
        await in_thread(ending)(people["ada"])
        assert (await by_page.closed())[0] == 4401
        assert (await by_token.closed())[0] == 4401
        assert await is_open(ben)
    async with knock("/ws/whoami/", bearer(tokens)) as again:
        assert await again.closed() == (4401, BAD_TOKEN)


async def test_staff_see_themselves_as_they_are_now(people):
    """What a handler reads of the user is not older than the last recheck."""
    from accounts.consumers import WhoamiConsumer

    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        looked = asyncio.Event()
        look_again = WhoamiConsumer.look_again

        async def look(self):
            await look_again(self)
            assert self.user.first_name == "Ada"
            looked.set()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(WhoamiConsumer, "look_again", look)
            people["ada"].first_name = "Ada"
            await in_thread(people["ada"].save)()
            await asyncio.wait_for(looked.wait(), 5)
        assert await is_open(ada)


async def test_nothing_is_handled_after_the_closing_frame(talk):
    from chat.models import Message

    async with enter("ada", talk) as ada:
        await in_thread(ada.browser.post)("/logout/")
        await ada.say(message="one more")
        assert (await ada.closed())[0] == 4401
        await ada.say(message="and one more")
    assert not await Message.objects.filter(text="and one more").aexists()


# No longer theirs


async def test_who_lost_the_right_to_a_conversation_is_closed_with_4403_at_once(people, talk):
    """With the other one it is deleted; what else they have open stays."""
    async with enter("ben", talk) as ben, visit("/ws/whoami/", "ben") as elsewhere:
        await elsewhere.hear()
        await in_thread(people["ada"].delete)()
        await in_thread(tell)(people["ben"])
        assert await ben.closed() == (4403, "this is no conversation of yours")
        assert await is_open(elsewhere)


def tell(user) -> None:
    from accounts import services

    services.tell(user.pk)


async def test_who_is_logged_out_while_they_catch_up_reads_no_further(people, talk, monkeypatch):
    """They are not told by the group: on uvicorn, who reads slowly is still busy with a page."""
    read_page = services.page

    def log_out_before_the_second(*args, after=None):
        if after == 1:
            User.objects.filter(username="ada").update(is_active=False)
        return read_page(*args, after=after)

    for text in "abc":
        await in_thread(services.store)(talk, people["ben"], text, None)
    monkeypatch.setattr("realtime.pages.PAGE", 1)
    monkeypatch.setattr(services, "page", log_out_before_the_second)
    async with enter("ada", talk, after=0) as ada:
        assert [message["message"] for message in ada.first["messages"]] == ["a"]
        frame = await ada.hear()
        assert (frame["type"], frame["code"]) == ("closing", 4401)


# Expiry, and a fresh token


async def test_an_expired_token_closes_its_socket(people):
    tokens = await in_thread(tokens_of)("ada")
    async with knock("/ws/whoami/", f"bearer.{short_lived(tokens['access'])}") as ada:
        assert (await ada.hear())["username"] == "ada"
        code, reason = await ada.closed()
    assert code == 4401
    assert "expired" in reason


async def test_a_fresh_token_on_the_open_socket_takes_the_place_of_the_old(people):
    """The first log-in ends, and the socket does not: it is the second's now."""
    first, second = [await in_thread(tokens_of)("ada") for _ in range(2)]

    async def log_out(tokens):
        body = {"refresh": tokens["refresh"]}
        await in_thread(Client().post)("/api/logout/", body, "application/json")

    async with knock("/ws/whoami/", bearer(first)) as ada:
        await ada.hear()
        await ada.say("authenticate", token=second["access"])
        taken = await ada.hear()
        assert taken["type"] == "authenticated"
        left = datetime.fromisoformat(taken["expires_at"]) - datetime.now().astimezone()
        assert timedelta(minutes=4) < left <= timedelta(minutes=5)
        await log_out(first)
        assert await is_open(ada)
        await log_out(second)
        assert (await ada.closed())[0] == 4401


async def test_a_fresh_token_counts_until_it_expires_itself(people):
    tokens = await in_thread(tokens_of)("ada")
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await ada.say("authenticate", token=short_lived(tokens["access"]))
        assert (await ada.hear())["type"] == "authenticated"
        assert await ada.closed() == (4401, BAD_TOKEN)


async def test_a_refreshed_token_renews(people):
    tokens = await in_thread(tokens_of)("ada")
    async with knock("/ws/whoami/", bearer(tokens)) as ada:
        await ada.hear()
        body = {"refresh": tokens["refresh"]}
        answer = await in_thread(Client().post)("/api/token/refresh/", body, "application/json")
        await ada.say("authenticate", token=answer.json()["access"])
        assert (await ada.hear())["type"] == "authenticated"


@pytest.mark.parametrize("kind", ["refresh", "expired", "nonsense", "logged out"])
async def test_a_token_that_is_not_good_changes_nothing(people, kind):
    tokens = await in_thread(tokens_of)("ada")
    wrong = {
        "refresh": tokens["refresh"],
        "expired": short_lived(tokens["access"], -1),
        "nonsense": "a.b.c",
        "logged out": tokens["access"],
    }
    if kind == "logged out":
        headers = {"Authorization": f"Bearer {tokens['access']}"}
        answer = await in_thread(Client().post)(
            "/api/logout/", content_type="application/json", headers=headers
        )
        assert answer.status_code == 204
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await ada.say("authenticate", token=wrong[kind])
        assert await ada.hear() == {
            "type": "error",
            "code": "not_authenticated",
            "detail": BAD_TOKEN,
        }
        assert await is_open(ada)


async def test_a_token_of_somebody_else_ends_the_connection(people):
    bens = await in_thread(tokens_of)("ben")
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await ada.say("authenticate", token=bens["access"])
        assert await ada.closed() == (4403, "that token is somebody else's")


async def test_a_conversation_goes_on_after_a_renewal(talk):
    tokens = await in_thread(tokens_of)("ada")
    async with enter("ada", talk) as ada, enter("ben", talk) as ben:
        await ada.say("authenticate", token=tokens["access"])
        await ada.get("authenticated")
        assert await ada.said("still me") == 1
        assert (await ben.get("chat_message"))["username"] == "ada"


# A message may be lost


async def test_a_lost_log_out_is_seen_at_the_next_recheck(people, settings):
    settings.RECHECK_SECONDS = 0.05
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        with losing_broadcasts():
            await in_thread(ada.browser.post)("/logout/")
            assert await ada.closed() == OUT


async def test_what_no_signal_tells_of_is_seen_at_the_next_recheck(people, talk, settings):
    """A queryset's update() sends no post_save."""
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada", talk) as ada, enter("ben", talk) as ben:
        await type(people["ada"]).objects.filter(username="ada").aupdate(is_active=False)
        assert (await ada.closed())[0] == 4401
        await Conversation.objects.all().adelete()
        assert (await ben.closed())[0] == 4403


async def test_a_conversation_that_goes_during_a_recheck_is_no_outage(
    people, talk, settings, monkeypatch
):
    """It was there when the recheck looked, and is not when the same recheck reads."""
    settings.RECHECK_SECONDS, page = 0.05, services.page

    def too_late(*which, **bounds):
        Conversation.objects.all().delete()
        return page(*which, **bounds)

    async with enter("ben", talk) as ben:
        monkeypatch.setattr(services, "page", too_late)
        assert (await ben.closed())[0] == 4403


async def test_who_may_stay_stays_through_many_rechecks(people, settings, monkeypatch):
    from accounts.credentials import CookieCredential

    check, checks = CookieCredential.check, []

    def count(self):
        checks.append(self)
        if len(checks) == 10:
            done.set()
        return check(self)

    settings.RECHECK_SECONDS = 0.02
    monkeypatch.setattr(CookieCredential, "check", count)
    done = ThreadsafeEvent()
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await done.wait()
        assert await is_open(ada)


class ThreadsafeEvent:
    """An event that a thread sets and the loop waits for."""

    def __init__(self):
        self.loop, self.event = asyncio.get_running_loop(), asyncio.Event()

    def set(self) -> None:
        self.loop.call_soon_threadsafe(self.event.set)

    async def wait(self) -> None:
        await asyncio.wait_for(self.event.wait(), 5)


async def test_a_log_out_between_the_handshake_and_the_group_is_seen(people, monkeypatch):
    """The group is joined first, and only then is the log-in looked at again."""
    layer = get_channel_layer()
    group_add = layer.group_add

    async def log_out_first(group, channel):
        monkeypatch.setattr(layer, "group_add", group_add)
        await in_thread(kick)(people["ada"])
        await group_add(group, channel)

    monkeypatch.setattr(layer, "group_add", log_out_first)
    async with visit("/ws/whoami/", "ada") as ada:
        assert await ada.closed() == OUT


async def test_a_database_that_is_away_lets_nobody_stay(people, monkeypatch, caplog):
    """Nobody knows whether they may: 4013, try later, and not 4401, log in again."""
    from accounts.credentials import CookieCredential

    def fail(self):
        raise OperationalError("the database is away")

    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        monkeypatch.setattr(CookieCredential, "check", fail)
        await in_thread(tell)(people["ada"])
        code, reason = await ada.closed()
    assert code == 4013
    assert "database" not in reason
    assert "the database is away" in caplog.text


async def test_nothing_of_a_connection_is_left_running(talk):
    before = asyncio.all_tasks()
    async with enter("ada", talk), visit("/ws/whoami/", "ben") as ben:
        await ben.hear()
    left = [task.get_coro().__qualname__ for task in asyncio.all_tasks() - before]
    assert not [name for name in left if "watch" in name or "beat" in name]
