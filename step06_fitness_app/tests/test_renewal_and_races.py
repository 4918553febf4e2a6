"""What must hold when a client renews all the time, or does one thing twice at once."""

import threading
from unittest.mock import patch

from channels.db import database_sync_to_async as in_thread
from django.db import connection
from django.test import Client

from tests.people import knock, tokens_of
from tests.talking import path


async def test_who_renews_is_asked_again_and_keeps_the_slot(people, talk):
    """Each renewal begins the wait for the timer anew: without this, it would never come."""
    access = (await in_thread(tokens_of)("ada"))["access"]
    async with knock(path(talk), "pulse.v1", f"bearer.{access}") as ada:
        await ada.get("chat_history")
        with patch("realtime.limits.keep_slot", side_effect=lambda slot: slot) as keep:
            await ada.say("authenticate", token=access)
            await ada.get("authenticated")
        assert keep.called
        with patch("accounts.services.tell"):  # the message that says "look" is lost
            await people["ben"].adelete()
        await ada.say("authenticate", token=access)
        assert await ada.closed() == (4403, "this is no conversation of yours")


def test_one_refresh_token_at_the_same_moment_gives_one_pair(people):
    for _ in range(4):
        sent = {"refresh": tokens_of("ada")["refresh"]}
        together, answers = threading.Barrier(2), []

        def refresh(sent=sent, together=together, answers=answers):
            together.wait(20)
            path = "/api/token/refresh/"
            answers.append(Client().post(path, sent, content_type="application/json").status_code)
            connection.close()

        threads = [threading.Thread(target=refresh) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(answers) == [200, 401]


def test_all_sockets_share_one_client_of_redis_and_its_connections():
    from realtime.redis import Cache

    here, there = (Cache(f"redis://127.0.0.1:1/{number}", {})._cache for number in (0, 1))
    assert Cache("redis://127.0.0.1:1/0", {})._cache is here is not there
    assert here.get_client("a", write=True) is here.get_client("b")
    pools = [client.get_client().connection_pool for client in (here, there)]
    assert pools[0] is not pools[1]
