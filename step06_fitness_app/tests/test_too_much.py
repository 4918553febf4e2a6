"""Who sends too much, too long, too often: told first, then closed, and never for good."""

import asyncio
import json

import pytest
from channels.db import database_sync_to_async as in_thread

from tests.people import browser_of, cookie_of, knock, visit
from tests.talking import enter, refused

pytestmark = pytest.mark.django_db(transaction=True)


async def wait_until_free(user_id: int, number: int = 0) -> None:
    """Wait for a slot to be given back. The cache has no event to wait for: ask again and again."""
    from django.core.cache import cache

    async with asyncio.timeout(20):
        while cache.get(f"limits.slot.{user_id}.{number}") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# Messages of one connection


async def test_who_sends_too_fast_is_told_and_then_closed(talk, settings):
    settings.MESSAGE_BURST, settings.MESSAGES_PER_SECOND = 3, 0.001
    settings.TOO_FAST_WARNINGS = 2
    async with enter("ada", talk) as ada:
        assert [await ada.said(text) for text in "abc"] == [1, 2, 3]
        await ada.say(message="d")
        assert (await ada.get("error"))["code"] == "too_fast"
        await ada.say(message="e")
        assert (await ada.get("error"))["code"] == "too_fast"
        assert (await ada.closed())[0] == 4429
    async with enter("ada", talk) as ada:
        assert [message["message"] for message in ada.first["messages"]] == ["a", "b", "c"]


async def test_frames_that_are_no_messages_count_too(people, settings):
    settings.MESSAGE_BURST, settings.MESSAGES_PER_SECOND = 3, 0.001
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        for frame in ("{", b"\0", json.dumps({"type": "authenticate", "token": "x"})):
            await ada.send(frame)
        await ada.send("{")
        codes = [(await ada.hear())["code"] for _ in range(4)]
    assert codes == ["invalid_message", "invalid_message", "not_authenticated", "too_fast"]


async def test_a_flood_is_closed_and_not_answered_frame_by_frame(people, settings):
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        for _ in range(1000):
            await ada.say("ping")
        frames = [one for one in await ada.until("closing") if one["type"] != "pong"]
        assert frames[-1]["code"] == 4429
        assert len(frames) == settings.TOO_FAST_WARNINGS + 1
        await ada.say("ping")
        with pytest.raises(Exception, match="4429"):
            await ada.hear()
        assert await ada.communicator.receive_nothing()


async def test_another_connection_is_not_slower_for_it(talk, settings):
    settings.MESSAGE_BURST, settings.MESSAGES_PER_SECOND = 2, 0.001
    async with enter("ada", talk) as ada, enter("ben", talk) as ben:
        for _ in range(5):
            await ada.say("typing", is_typing=True)
        await ada.get("error", code="too_fast")
        assert await ben.said("hello") == 1


async def test_bad_messages_again_and_again_are_4400(people):
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        for _ in range(20):
            await ada.send("{")
        frames = await ada.until("closing")
    assert [frame["type"] for frame in frames] == ["error"] * 20 + ["closing"]
    assert frames[-1]["code"] == 4400


async def test_bad_messages_now_and_then_are_not(people, monkeypatch):
    """Twenty, but the first of them more than ten seconds before the last."""
    now = [1000.0]
    monkeypatch.setattr("realtime.limits.monotonic", lambda: now[0])
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        for _ in range(25):
            await ada.send("{")
            assert (await ada.hear())["code"] == "invalid_message"
            now[0] += 0.6


async def test_a_message_that_is_too_long_is_told_its_bound(talk, settings):
    settings.MAX_MESSAGE_LENGTH = 100
    async with enter("ada", talk) as ada:
        await ada.say(message="x" * 100)
        error = await ada.get("error")
        assert (error["code"], error["detail"]) == (
            "invalid_message",
            "longer than 100 characters",
        )
        assert await ada.said("short") == 1


# Messages of one person


async def test_a_persons_messages_a_minute_are_not_reset_by_a_new_connection(talk, settings):
    settings.USER_MESSAGES_PER_MINUTE = 3
    async with enter("ada", talk) as ada, enter("ben", talk) as ben:
        assert [await ada.said(text) for text in "ab"] == [1, 2]
        async with enter("ada", talk) as tab:
            assert await tab.said("c") == 3
            await tab.say(message="d")
            error = await tab.get("error")
        assert error["code"] == "too_fast"
        assert error["detail"] == "no more than 3 messages a minute"
        await ada.say(message="e")
        assert (await ada.get("error"))["code"] == "too_fast"
        assert await ben.said("f") == 4


async def test_a_new_minute_is_a_new_count(talk, settings, monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr("realtime.limits.time", lambda: now[0])
    settings.USER_MESSAGES_PER_MINUTE = 1
    async with enter("ada", talk) as ada:
        assert await ada.said("a") == 1
        await ada.say(message="b")
        assert (await ada.get("error"))["code"] == "too_fast"
        now[0] += 60
        assert await ada.said("c") == 2


async def test_a_renewal_is_taken_even_from_who_said_too_much(talk, settings):
    """Else a busy person would lose the connection when the token expires."""
    from tests.people import tokens_of

    settings.USER_MESSAGES_PER_MINUTE = 1
    access = (await in_thread(tokens_of)("ada"))["access"]
    async with enter("ada", talk) as ada:
        await ada.said("a")
        await ada.say(message="b")
        assert (await ada.get("error"))["code"] == "too_fast"
        await ada.say("authenticate", token=access)
        await ada.get("authenticated")


async def test_who_renews_again_and_again_has_to_wait(talk, monkeypatch):
    """Each asks the database, on the thread that all sockets share; a bad token counts, too."""
    from tests.people import tokens_of

    monkeypatch.setattr("realtime.rights.RENEWALS_PER_MINUTE", 2)
    access = (await in_thread(tokens_of)("ada"))["access"]
    async with enter("ada", talk) as ada, enter("ada", talk) as tab:
        await ada.say("authenticate", token=access)
        await ada.get("authenticated")
        await tab.say("authenticate", token="none")
        assert (await tab.get("error"))["code"] == "not_authenticated"
        await ada.say("authenticate", token=access)
        error = await ada.get("error")
        assert (error["code"], error["detail"]) == (
            "too_fast",
            "no more than 2 renewals a minute",
        )
        assert await ada.said("a message") == 1


# Connections


async def test_no_more_connections_at_once_than_allowed(people, settings):
    settings.CONNECTIONS_PER_USER = 2
    async with visit("/ws/whoami/", "ada") as one, visit("/ws/whoami/", "ada") as two:
        await one.hear(), await two.hear()
        async with visit("/ws/whoami/", "ada") as three:
            assert await three.closed() == (4429, "no more than 2 connections at once")
        async with visit("/ws/whoami/", "ben") as ben:
            assert (await ben.hear())["username"] == "ben"
    async with visit("/ws/whoami/", "ada") as again:
        assert (await again.hear())["username"] == "ada"


async def test_a_refused_connection_gives_its_slot_back(people, settings):
    settings.CONNECTIONS_PER_USER = 1
    for _ in range(3):
        assert (await refused("ada", "nowhere"))[0] == 4403
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.hear())["username"] == "ada"


async def test_a_connection_that_was_put_out_gives_its_slot_back(people, settings):
    settings.CONNECTIONS_PER_USER = 1
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await in_thread(ada.browser.post)("/logout/")
        assert (await ada.closed())[0] == 4401
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.hear())["username"] == "ada"


async def test_a_crash_gives_its_slot_back(talk, people, settings, monkeypatch):
    settings.CONNECTIONS_PER_USER = 1

    def crash(*args):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with enter("ada", talk) as ada:
            monkeypatch.setattr("chat.services.store_all", crash)
            await ada.say(message="this crashes")
            await ada.ended()
    monkeypatch.undo()
    async with enter("ada", talk) as ada:
        assert await ada.said("here again") == 1


async def test_a_crash_at_the_end_gives_its_slot_back_too(people, settings, monkeypatch):
    from accounts.consumers import WhoamiConsumer

    settings.CONNECTIONS_PER_USER = 1

    async def crash(self):
        raise ZeroDivisionError

    monkeypatch.setattr(WhoamiConsumer, "leave", crash)
    with pytest.raises(ZeroDivisionError):
        async with visit("/ws/whoami/", "ada") as ada:
            await ada.hear()
    monkeypatch.undo()
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.hear())["username"] == "ada"


async def test_a_cancelled_connection_gives_its_slot_back(people, settings):
    """What Daphne does at its end, and to who takes too long to go."""
    settings.CONNECTIONS_PER_USER = 1
    cookie = cookie_of(await in_thread(browser_of)("ada"))
    with pytest.raises(asyncio.CancelledError):
        async with knock("/ws/whoami/", cookie=cookie) as ada:
            await ada.hear()
            ada.communicator.future.cancel()
            await wait_until_free(people["ada"].pk)
            await asyncio.wait([ada.communicator.future])
    async with knock("/ws/whoami/", cookie=cookie) as ada:
        assert (await ada.hear())["username"] == "ada"


async def test_a_slot_is_kept_for_as_long_as_the_connection_lives(people, settings, monkeypatch):
    """It was about to run out, and a recheck came first."""
    from realtime import limits

    settings.CONNECTIONS_PER_USER = 1
    kept, keep = asyncio.Event(), limits.keep_slot
    loop = asyncio.get_running_loop()

    def keep_and_tell(slot):
        loop.call_soon_threadsafe(kept.set)
        return keep(slot)

    monkeypatch.setattr(limits, "keep_slot", keep_and_tell)
    settings.RECHECK_SECONDS = 0.05
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        from django.core.cache import cache

        cache.delete(f"limits.slot.{people['ada'].pk}.0")  # as if it had run out
        await asyncio.wait_for(kept.wait(), 5)
        async with visit("/ws/whoami/", "ada") as two:
            assert (await two.closed())[0] == 4429


async def test_no_more_new_connections_a_minute_than_allowed(people, settings):
    settings.CONNECTS_PER_MINUTE = 3
    for _ in range(3):
        async with visit("/ws/whoami/", "ada") as ada:
            await ada.hear()
    async with visit("/ws/whoami/", "ada") as ada:
        assert await ada.closed() == (4429, "no more than 3 connections a minute")
    async with visit("/ws/whoami/", "ben") as ben:
        assert (await ben.hear())["username"] == "ben"
