"""A socket does not outlive its right: whatever ends that ends the socket, at once."""

import asyncio
from datetime import datetime, timedelta
from importlib import import_module

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from tests.people import cookie_of, enter, knock, losing_broadcasts, tokens_of, visit
from tests.talking import path, start

PAGE = "steps/step05_auth/#d-the-end-of-a-right"
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


@pytest.mark.task(
    title="Close the sockets of who logs out",
    hint="Each socket of a person is in one group, person.<id>. user_logged_out sends that group "
    "a message; its handler reads the session again and closes with 4401.",
    page=PAGE,
)
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


async def test_each_socket_of_the_log_in_is_closed(lobby):
    async with enter("ben") as ben:
        async with (
            enter("ada") as room,
            knock("/ws/whoami/", cookie=cookie_of(room.browser)) as tab,
        ):
            assert (await tab.hear())["username"] == "ada"
            await in_thread(room.browser.post)("/logout/")
            assert await room.closed() == OUT
            assert await tab.closed() == OUT
        await ben.get("user_left", username="ada")


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
        await get_channel_layer().group_send(f"person.{people['ada'].pk}", {"type": "recheck"})
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


async def test_nothing_is_handled_after_the_closing_frame(lobby):
    from rooms.models import Message

    async with enter("ada") as ada:
        await in_thread(ada.browser.post)("/logout/")
        await ada.say(message="one more")
        assert (await ada.closed())[0] == 4401
        await ada.say(message="and one more")
    assert not await Message.objects.filter(text="and one more").aexists()


# No longer a member


def remove(room, user):
    room.members.remove(user)


def clear(room, user):
    room.members.clear()


def remove_from_the_other_side(room, user):
    user.rooms.remove(room)


def clear_from_the_other_side(room, user):
    user.rooms.clear()


def set_others(room, user):
    room.members.set(room.members.exclude(pk=user.pk))


@pytest.mark.parametrize(
    "way", [remove, clear, remove_from_the_other_side, clear_from_the_other_side, set_others]
)
async def test_who_is_put_out_of_a_room_is_closed_with_4403_at_once(people, lobby, way):
    async with enter("ben") as ben, visit("/ws/whoami/", "ben") as elsewhere:
        await elsewhere.hear()
        await in_thread(way)(lobby, people["ben"])
        assert await ben.closed() == (4403, "you are not a member of this room")
        assert await is_open(elsewhere)


async def test_who_is_out_hears_nothing_more(people, lobby):
    async with enter("ada") as ada:
        async with enter("ben") as ben:
            await in_thread(remove)(lobby, people["ben"])
            assert (await ben.closed())[0] == 4403
            await ada.said("without him")
            await ben.say("history", before=9)
            assert await ben.communicator.receive_nothing()
        await ada.get("user_left", username="ben")


async def test_what_waited_while_somebody_was_put_out_is_not_handled(people, settings, monkeypatch):
    """The watcher looks again, a message comes meanwhile, and the look says: out."""
    from accounts.consumers import Refused, WhoamiConsumer

    looked, arrived, go_on, handled = *(asyncio.Event() for _ in range(3)), []
    dispatch, look_again = WhoamiConsumer.dispatch, WhoamiConsumer.look_again

    async def slow_look(self):
        if not self.watcher:
            return await look_again(self)
        looked.set()
        await go_on.wait()
        raise Refused(4403, "no longer")

    async def noting(self, message):
        if message["type"] == "websocket.receive":
            arrived.set()  # goes on at once, up to where it waits for its turn
        await dispatch(self, message)

    async def receive(self, text_data=None, bytes_data=None):
        handled.append(text_data)

    settings.RECHECK_SECONDS = 0.1
    for name, method in [("look_again", slow_look), ("dispatch", noting), ("receive", receive)]:
        monkeypatch.setattr(WhoamiConsumer, name, method)
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await asyncio.wait_for(looked.wait(), 5)
        await ada.say("authenticate", token="too late")
        await asyncio.wait_for(arrived.wait(), 5)
        go_on.set()
        assert await ada.closed() == (4403, "no longer")
    assert not handled


async def end_while_reading(path: str, monkeypatch, read: str) -> tuple[list[str], int]:
    """What ada reads of a stream of three pages, while the second is read and she is logged out.

    She is not told by the group: on uvicorn, who reads slowly is still busy with the first page.
    """
    module, name = read.rsplit(".", 1)
    services = import_module(module)
    read_page = getattr(services, name)

    def log_out_before_the_second(*args, **options):
        if 1 in (args[-1], options.get("after")):
            User.objects.filter(username="ada").update(is_active=False)
        return read_page(*args, **options)

    monkeypatch.setattr(services, "PAGE", 1)
    monkeypatch.setattr(services, name, log_out_before_the_second)
    got = []
    async with visit(path, "ada", after=0) as ada:
        while (frame := await ada.hear())["type"] != "closing":
            got += [message["message"] for message in frame.get("messages", [])]
    return got, frame["code"]


async def test_who_is_logged_out_while_they_catch_up_reads_no_further(lobby, monkeypatch):
    async with enter("ben") as ben:
        for text in "abc":
            await ben.said(text)
    read = "rooms.services.after"
    assert await end_while_reading("/ws/chat/lobby/", monkeypatch, read) == (["a"], 4401)


async def test_nor_in_a_conversation(people, monkeypatch):
    from conversations import services

    talk = await in_thread(start)("ada", "ben")
    for text in "abc":
        await in_thread(services.store)(talk, people["ben"], text, None)
    read = "conversations.services.page"
    assert await end_while_reading(path(talk), monkeypatch, read) == (["a"], 4401)


# Expiry, and a fresh token


@pytest.mark.task(
    title="Close when the token expires",
    hint="A task of the connection sleeps until the token's exp, then looks again, and closes with "
    "4401. It ends with the connection.",
    page=PAGE,
)
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


async def test_a_room_goes_on_after_a_renewal(lobby):
    tokens = await in_thread(tokens_of)("ada")
    async with enter("ada") as ada, enter("ben") as ben:
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


async def test_what_no_signal_tells_of_is_seen_at_the_next_recheck(people, lobby, settings):
    """A queryset's update() sends no post_save."""
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada") as ada, enter("ben") as ben:
        await type(people["ada"]).objects.filter(username="ada").aupdate(is_active=False)
        assert (await ada.closed())[0] == 4401
        await lobby.members.through.objects.filter(user=people["ben"]).adelete()
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
        await get_channel_layer().group_send(f"person.{people['ada'].pk}", {"type": "recheck"})
        code, reason = await ada.closed()
    assert code == 4013
    assert "database" not in reason
    assert "the database is away" in caplog.text


async def test_nothing_of_a_connection_is_left_running(lobby):
    before = asyncio.all_tasks()
    async with enter("ada"), visit("/ws/whoami/", "ben") as ben:
        await ben.hear()
    left = [task.get_coro().__qualname__ for task in asyncio.all_tasks() - before]
    assert not [name for name in left if "watch" in name or "beat" in name]
