"""Group commit: many share a transaction, each gets its own answer, after the commit."""

import asyncio
import threading

import pytest
from channels.db import database_sync_to_async as in_thread
from django.db import IntegrityError, OperationalError, transaction

from chat import consumers, services
from chat.models import Conversation, Message
from realtime.batch import MOST, Batch
from tests.people import make_user
from tests.talking import enter, start

pytestmark = pytest.mark.django_db(transaction=True)


def recording(lists: list, work=services.store_all):
    """The work, and how many calls it was given each time."""

    def record(said):
        lists.append(len(said))
        return work(said)

    return record


async def test_what_queues_up_shares_a_transaction_and_keeps_its_order(people, talk):
    lists: list[int] = []
    store = Batch(recording(lists))
    said = [(talk, people["ada" if i % 2 else "ben"], f"{i}", None) for i in range(250)]
    stored = await asyncio.gather(*(store(*each) for each in said))
    assert [message.number for message in stored] == list(range(1, 251))
    assert [message.text for message in stored] == [f"{i}" for i in range(250)]
    assert sum(lists) == 250 and len(lists) <= 4 and max(lists) <= MOST
    rows = Message.objects.order_by("number").values_list("number", "text")
    assert [row async for row in rows] == [(i + 1, f"{i}") for i in range(250)]


async def test_one_by_one_each_has_a_transaction_of_its_own(people, talk):
    """The other way: what is awaited before the next is asked shares nothing."""
    lists: list[int] = []
    store = Batch(recording(lists))
    for i in range(5):
        await store(talk, people["ada"], f"{i}", None)
    assert lists == [1] * 5


async def test_who_was_just_answered_shares_the_next_one(people, talk, monkeypatch):
    """Twenty who talk on, one after the other: without the wait the first would have it alone."""
    monkeypatch.setattr("realtime.batch.PAUSE", 0.2)
    monkeypatch.setattr("realtime.batch.WAIT", 10)
    lists: list[int] = []
    store = Batch(recording(lists))

    async def speak(number: int) -> None:
        await store(talk, people["ada"], "first", None)
        for _ in range(number):  # later than the one before, by a turn of the event loop
            await asyncio.sleep(0)
        await store(talk, people["ada"], "second", None)

    await asyncio.gather(*map(speak, range(20)))
    assert lists[-1] == 20 and sum(lists) == 40


async def test_nobody_waits_for_long_because_more_and_more_come(
    people, talk, monkeypatch, no_limits
):
    """With no bound on a list, so that it is the time which ends the wait."""
    monkeypatch.setattr("realtime.batch.MOST", 10**6)
    lists: list[int] = []
    store = Batch(recording(lists))
    asked = [asyncio.create_task(store(talk, people["ada"], "one", None)) for _ in range(2)]
    async with asyncio.timeout(20):
        while len(lists) < 3:  # they come until there were three transactions
            asked.append(asyncio.create_task(store(talk, people["ada"], "more", None)))
            await asyncio.sleep(0.001)
    await asyncio.gather(*asked)
    assert sum(lists) == len(asked)


async def test_who_comes_alone_never_waits(people, talk, monkeypatch):
    monkeypatch.setattr("realtime.batch.PAUSE", 3600)
    store = Batch(services.store_all)
    for number in range(1, 4):
        assert (await store(talk, people["ada"], "on and on", None)).number == number


async def test_who_may_not_fails_alone(people, talk):
    store = Batch(services.store_all)
    asked = [
        store(talk, people["ada"], "yes", "c"),
        store(talk, people["cleo"], "no", "c"),
        store(talk + 1000, people["ada"], "nowhere", None),
        store(talk, people["ben"], "yes too", "c"),
        store(talk, people["ada"], "yes", "c"),
    ]
    ada, cleo, nowhere, ben, again = await asyncio.gather(*asked, return_exceptions=True)
    assert (ada.number, ben.number, again.number) == (1, 2, 1)
    assert isinstance(cleo, Conversation.DoesNotExist)
    assert isinstance(nowhere, Conversation.DoesNotExist)
    assert await Message.objects.acount() == 2


async def test_what_the_database_refuses_fails_alone(people, talk):
    """A sender whose row went in between."""
    gone = await in_thread(make_user)("gone")
    pk = gone.pk
    await gone.adelete()
    gone.pk = pk
    work = services.store_all

    def unchecked(said):
        with transaction.atomic():
            if any(sender == gone for _, sender, *_ in said):
                raise IntegrityError
            return work(said)

    store = Batch(unchecked)
    asked = [store(talk, user, "x", None) for user in (people["ada"], gone, people["ben"])]
    ada, refused, ben = await asyncio.gather(*asked, return_exceptions=True)
    assert (ada.number, ben.number) == (1, 2)
    assert isinstance(refused, IntegrityError)


async def test_if_the_commit_fails_nobody_is_told_it_was_stored(people, talk):
    @transaction.atomic
    def fails(said):
        services.store_all(said)
        raise OperationalError("disk full")

    store = Batch(fails)
    asked = [store(talk, people["ada"], f"{i}", None) for i in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, OperationalError) for answer in answers)
    assert await Message.objects.acount() == 0
    works = Batch(services.store_all)
    assert (await works(talk, people["ada"], "after it", None)).number == 1


@pytest.mark.parametrize("is_late", [True, False], ids=["after", "before"])
async def test_an_answer_comes_after_the_commit(people, talk, is_late):
    """A crash loses nothing that was acknowledged: who has an answer finds the row from outside."""

    def seen_outside() -> int:
        count = []
        thread = threading.Thread(target=lambda: count.append(counted()))
        thread.start()
        thread.join()
        return count[0]

    def counted() -> int:
        from django.db import connection

        try:
            return Message.objects.count()
        finally:
            connection.close()

    seen: list[int] = []

    def work(said):
        if is_late:
            return services.store_all(said)
        with transaction.atomic():  # an answer given in here would be too early
            outcomes = services.store_all(said)
            seen.append(seen_outside())
            return outcomes

    await Batch(work)(talk, people["ada"], "hello", None)
    if is_late:
        seen.append(await in_thread(seen_outside)())
    assert seen == [1 if is_late else 0]


async def test_who_goes_away_meanwhile_takes_nothing_from_the_others(people, talk):
    begun, go_on = threading.Event(), threading.Event()

    def slowly(said):
        begun.set()
        go_on.wait(20)
        return services.store_all(said)

    store = Batch(slowly)
    first = asyncio.create_task(store(talk, people["ada"], "first", None))
    await asyncio.to_thread(begun.wait, 5)
    gone = asyncio.create_task(store(talk, people["ada"], "gone", None))
    last = asyncio.create_task(store(talk, people["ben"], "last", None))
    await asyncio.sleep(0)
    gone.cancel()
    go_on.set()
    assert (await first).number == 1
    assert (await last).number == 3  # it was asked for, and is stored


async def test_chats_share_transactions(people, talk, monkeypatch, no_limits, settings):
    """Through the sockets: two conversations, four people, all at once."""
    settings.MESSAGES_PER_SECOND = 100_000
    lists: list[int] = []
    monkeypatch.setattr(services, "store_all", recording(lists))
    other = await in_thread(start)("ada", "cleo")
    async with enter("ada", talk) as ada, enter("ben", talk) as ben, enter("cleo", other) as cleo:

        async def speak(person) -> None:
            for i in range(10):
                await person.say(message=f"{i}", client_id=f"{i}")
            await person.get("ack", client_id="9")

        await asyncio.gather(*map(speak, (ada, ben, cleo)))
    assert sum(lists) == 30 and len(lists) < 30
    for conversation, total in ((talk, 20), (other, 10)):
        rows = Message.objects.filter(conversation=conversation).order_by("number")
        numbers = [number async for number in rows.values_list("number", flat=True)]
        assert numbers == list(range(1, total + 1))
    await asyncio.gather(*consumers.store.running)
    assert consumers.store.waiting[asyncio.get_running_loop()] == []
