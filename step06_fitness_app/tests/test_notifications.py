"""The bell, told through the socket: one's own only, in order, once each, read in every tab."""

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from tests.people import knock, losing_broadcasts, make_user, tokens_of, visit

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/ws/notifications/"


@pytest.fixture
def unlimited(settings) -> None:
    """Nobody is slowed down."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000


def tell(username: str, *names: str):
    """A friend request of each of these people, who are made if need be."""
    from notifications import services

    user = User.objects.get(username=username)
    return [
        services.notify(
            user,
            "friend_request",
            about=User.objects.filter(username=name).first() or make_user(name),
        )
        for name in names
    ]


@asynccontextmanager
async def listen(username: str, **query):
    """A person at their bell: the first frame is read."""
    async with visit(PATH, username, **query) as person:
        person.first = await person.hear()
        assert person.first["type"] == "notifications", person.first
        yield person


def numbers(frame: dict) -> list[int]:
    return [one["number"] for one in frame["notifications"]]


# Telling


@pytest.mark.task(
    title="Ring the bell of one person",
    hint="A Bell is the row that is locked, a Notification takes the next number under it; "
    "published to notifications.<user id> once the transaction is committed.",
    page="steps/step06_fitness_app/#chat-and-notifications-durable",
)
async def test_what_is_told_comes_at_once_to_every_tab_and_to_nobody_else(people):
    async with listen("ada") as here, listen("ada") as tab, listen("cleo") as other:
        await in_thread(tell)("ada", "ben")
        frame = await here.hear()
        assert await tab.hear() == frame
        told = datetime.fromisoformat(frame.pop("at"))
        assert told.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
        assert frame == {
            "type": "friend_request",
            "number": 1,
            "is_read": False,
            "username": "ben",
        }
        await in_thread(tell)("cleo", "dora")
        assert (await other.hear())["username"] == "dora"  # and nothing before it


async def test_a_person_who_has_had_none_gets_an_empty_page(people):
    async with listen("ada") as here:
        empty = {"type": "notifications", "notifications": [], "unread": 0, "as_of": 0}
        assert here.first == empty


async def test_every_kind_travels_as_it_was_told(people):
    from notifications import services

    data = {"rule": "streak", "title": "3 days in a row", "detail": "well"}
    end = {"challenge_id": 7, "name": "May", "winner": "ben", "place": 2}

    def tell_all():
        ada, ben = people["ada"], people["ben"]
        services.notify(ada, "achievement_notification", **data, workout_id=4)
        services.notify(ada, "friend_achievement", about=ben, **data)
        services.notify(ada, "friend_request", about=ben)
        services.notify(ada, "friend_accepted", about=ben)
        services.notify(ada, "challenge_ended", **end)

    common = {"at", "is_read", "number", "type"}
    expected = [{**data, "workout_id": 4}, {**data, "username": "ben"}]
    expected += [{"username": "ben"}, {"username": "ben"}, end]
    async with listen("ada") as here:
        await in_thread(tell_all)()
        live = [await here.hear() for _ in expected]
    assert [{key: one[key] for key in one if key not in common} for one in live] == expected
    async with listen("ada") as here:
        assert here.first["notifications"] == live


def test_a_kind_with_a_field_missing_is_told_to_nobody(people):
    from notifications import services
    from notifications.models import Notification

    with pytest.raises(TypeError):
        services.notify(people["ada"], "challenge_ended", name="May")
    assert not Notification.objects.exists()


def test_a_key_is_told_once(people):
    from notifications import services

    ada, ben = people["ada"], people["ben"]
    told = [services.notify(ada, "friend_request", key="one", about=ben) for _ in range(3)]
    assert [one and one.number for one in told] == [1, None, None]
    assert services.notify(ben, "friend_request", key="one", about=ada).number == 1
    assert services.notify(ada, "friend_request", key="two", about=ben).number == 2


def test_the_same_key_twice_in_one_go_is_told_once(people):
    from notifications import services
    from notifications.models import Notification

    fields = {"user": people["ada"], "kind": "friend_request", "about": people["ben"]}
    assert len(services.send([Notification(**fields, key="one") for _ in range(2)])) == 1


def test_the_database_itself_refuses_a_number_or_a_key_twice(people):
    from notifications.models import Notification

    ada = people["ada"]
    Notification.objects.create(user=ada, number=1, kind="friend_request", key="one")
    for number, key in [(1, None), (2, "one")]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Notification.objects.create(user=ada, number=number, kind="friend_request", key=key)


async def test_what_is_not_committed_is_told_to_nobody(people):
    from notifications import services
    from notifications.models import Bell

    def try_to_tell():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            services.notify(people["ada"], "friend_request", about=people["ben"])
            raise ZeroDivisionError

    async with listen("ada") as here:
        await in_thread(try_to_tell)()
        assert not await Bell.objects.filter(last_number__gt=0).aexists()
        await in_thread(tell)("ada", "cleo")
        assert (await here.hear())["username"] == "cleo"


async def test_many_at_once_are_numbered_without_a_gap_and_come_in_order(people):
    def many(names):
        try:
            tell("ada", *names)
        finally:
            connection.close()

    crowd = [[f"p{n}{letter}" for letter in "abcde"] for n in range(4)]
    # Not to_thread: what a thread publishes goes through its event loop, and that one has none.
    several = sync_to_async(many, thread_sensitive=False)
    async with listen("ada") as here:
        await asyncio.gather(*(several(names) for names in crowd))
        seen = []
        while len(seen) < 20:
            frame = await here.hear()
            seen += [one["number"] for one in frame.get("notifications", [frame])]
    assert seen == list(range(1, 21))


async def test_two_who_ring_the_same_bells_in_opposite_order_never_lock_each_other_out(people):
    from notifications import services
    from notifications.models import Bell, Notification

    def ring(names):
        try:
            rows = [Notification(user=people[name], kind="friend_request") for name in names]
            for row in rows:
                row.about = people["sam"]
            services.send(rows)
        finally:
            connection.close()

    names = ["ada", "ben", "cleo", "dora", "tom"]
    await asyncio.gather(*(asyncio.to_thread(ring, order) for order in [names, names[::-1]] * 4))
    assert [bell.last_number async for bell in Bell.objects.all()] == [8] * 5


def test_many_people_are_told_in_a_bounded_number_of_queries(people, django_assert_max_num_queries):
    from notifications import services
    from notifications.models import Notification

    crowd = User.objects.bulk_create([User(username=f"p{n}") for n in range(1_000)])
    with django_assert_max_num_queries(40):  # SQLite takes 999 values in one
        told = services.send(
            [Notification(user=one, kind="friend_request", about=people["ada"]) for one in crowd]
        )
    assert {one.number for one in told} == {1}
    assert Notification.objects.count() == 1_000


async def test_a_layer_that_is_away_loses_nothing_that_is_stored(people, monkeypatch):
    from channels.layers import get_channel_layer

    async def fail(group, event):
        raise ConnectionError("the layer is away")

    async with listen("ada") as here:
        with monkeypatch.context() as away:
            away.setattr(get_channel_layer(), "group_send", fail)
            await in_thread(tell)("ada", "ben")
        await in_thread(tell)("ada", "cleo")
        assert numbers(await here.hear()) == [1, 2]


# Resuming


async def test_after_gives_exactly_what_came_later(people):
    names = ["ben", "cleo", "dora", "tom"]
    await in_thread(tell)("ada", *names)
    for after in (0, 2, 4):
        async with listen("ada", after=after) as back:
            assert [one["username"] for one in back.first["notifications"]] == names[after:]
            assert back.first["unread"] == len(names)
            await in_thread(tell)("ada", "sam")
            names.append("sam")
            assert (await back.hear())["number"] == len(names)


async def test_history_is_the_newest_50_oldest_first_and_pages_go_back(people, unlimited):
    await in_thread(tell)("ada", *["ben"] * 55)
    async with listen("ada") as here:
        assert numbers(here.first) == list(range(6, 56))
        assert here.first["unread"] == here.first["as_of"] == 55
        await here.say("history", before=6)
        assert numbers(await here.hear()) == [1, 2, 3, 4, 5]
        await here.say("history", before=0)
        assert numbers(await here.hear()) == []


async def test_more_than_a_page_is_missed_and_all_of_it_comes(people):
    await in_thread(tell)("ada", *["ben"] * 102)
    async with visit(PATH, "ada", after=1) as back:
        await back.say("history", before=0)
        pages = await back.until("notifications", notifications=[])
    assert [number for page in pages for number in numbers(page)] == list(range(2, 103))


@pytest.mark.parametrize("after", ["", "-1", "1.0", "x", "²", "1" * 19])
async def test_after_that_is_no_number_is_4400(people, after):
    async with visit(PATH, "ada", after=after) as person:
        code, reason = await person.closed()
    assert code == 4400
    assert "after" in reason


async def test_a_lost_broadcast_is_caught_up_at_the_next_one(people):
    async with listen("ada") as here:
        with losing_broadcasts():
            await in_thread(tell)("ada", "ben", "cleo")
        await in_thread(tell)("ada", "dora")
        page = await here.hear()
        assert [one["username"] for one in page["notifications"]] == ["ben", "cleo", "dora"]
        await in_thread(tell)("ada", "tom")
        assert (await here.hear())["number"] == 4


async def test_a_lost_broadcast_is_caught_up_at_the_next_recheck(people, settings):
    settings.RECHECK_SECONDS = 0.05
    async with listen("ada") as here:
        with losing_broadcasts():
            await in_thread(tell)("ada", "ben")
            assert numbers(await here.get("notifications")) == [1]


async def test_what_was_about_somebody_goes_with_them_and_holds_nothing_up(people):
    await in_thread(tell)("ada", "ben", "cleo", "dora")
    await people["cleo"].adelete()
    async with listen("ada") as here:
        assert numbers(here.first) == [1, 3]
        assert (here.first["unread"], here.first["as_of"]) == (2, 3)
        with losing_broadcasts():
            await in_thread(tell)("ada", "ben")
        await people["ben"].adelete()
        await in_thread(tell)("ada", "tom")
        assert numbers(await here.hear()) == [5]


async def test_a_deleted_person_leaves_nothing(people):
    from notifications.models import Bell, Notification

    await in_thread(tell)("ada", "ben")
    await people["ada"].adelete()
    assert not await Bell.objects.aexists()
    assert not await Notification.objects.aexists()


# Reading


@pytest.mark.task(
    title="Read it in one tab, and it is read in all",
    hint="mark {numbers, is_read} changes the rows of its sender only, and tells the group "
    "how many are unread now.",
    page="steps/step06_fitness_app/#chat-and-notifications-durable",
)
async def test_what_is_read_in_one_tab_is_read_in_all(people):
    await in_thread(tell)("ada", "ben", "cleo", "dora")
    async with listen("ada") as here, listen("ada") as tab:
        for fields, unread in [
            ({"numbers": [1, 3], "is_read": True}, 1),
            ({"numbers": [3], "is_read": False}, 2),
        ]:
            await here.say("mark", **fields)
            marked = {"type": "marked", **fields, "up_to": None, "unread": unread, "as_of": 3}
            assert await here.hear() == await tab.hear() == marked
    async with listen("ada") as here:
        assert [one["is_read"] for one in here.first["notifications"]] == [True, False, False]
        assert here.first["unread"] == 2


async def test_all_up_to_a_number_are_read_and_what_came_meanwhile_is_not(people):
    await in_thread(tell)("ada", "ben", "cleo")
    async with listen("ada") as here, listen("ada") as tab:
        await in_thread(tell)("ada", "dora")
        await here.say("mark_all_read", up_to=2)
        marked = await tab.get("marked")
        assert (marked["up_to"], marked["is_read"], marked["unread"]) == (2, True, 1)
        await here.say("mark_all_read", up_to=2**63 - 1)
        assert (await tab.get("marked"))["unread"] == 0


async def test_of_two_who_mark_at_once_one_counts_with_the_others(people):
    """On PostgreSQL, without the lock, neither did in some of the rounds."""
    from notifications import services

    await in_thread(tell)("ada", "ben", "cleo")
    both = threading.Barrier(2)

    def mark(number, is_read):
        both.wait(10)
        try:
            return services.mark(people["ada"].pk, is_read, numbers=[number]).unread
        finally:
            connection.close()

    for is_read, unread in [(True, {0, 1}), (False, {1, 2})] * 20:
        counts = (asyncio.to_thread(mark, number, is_read) for number in (1, 2))
        assert {*await asyncio.gather(*counts)} == unread


async def test_to_mark_it_again_changes_nothing_but_is_answered(people):
    from notifications.models import Notification

    await in_thread(tell)("ada", "ben")
    async with listen("ada") as here:
        await here.say("mark", numbers=[1], is_read=True)
        await here.get("marked")
        read_at = (await Notification.objects.aget()).read_at
        await here.say("mark", numbers=[1, 99, 2**63 - 1], is_read=True)
        assert (await here.get("marked"))["unread"] == 0
        assert (await Notification.objects.aget()).read_at == read_at


# Who may


async def test_nobody_marks_or_reads_anothers(people):
    """No message names a person: a number is one's own."""
    from notifications.models import Notification

    await in_thread(tell)("ada", "ben", "dora")
    async with listen("cleo") as spy, listen("ada") as here:
        assert spy.first["notifications"] == []
        ada = people["ada"].pk
        claim = {"user": ada, "user_id": ada, "username": "ada", "group": f"notifications.{ada}"}
        await spy.say("mark", numbers=[1, 2], is_read=True, **claim)
        assert (await spy.hear())["unread"] == 0
        await spy.say("mark_all_read", up_to=9, **claim)
        await spy.hear()
        await spy.say("history", before=9, **claim)
        assert (await spy.hear())["notifications"] == []
        await in_thread(tell)("ada", "tom")
        assert (await here.hear())["username"] == "tom"  # and no `marked` before it
    assert not await Notification.objects.filter(read_at__isnull=False).aexists()


async def test_a_query_that_names_somebody_else_is_not_looked_at(people):
    await in_thread(tell)("ada", "ben")
    async with listen("cleo", user=people["ada"].pk, user_id=people["ada"].pk) as spy:
        assert spy.first["notifications"] == []


async def test_without_the_owner_in_the_filter_a_stranger_would_read_them(people, monkeypatch):
    from notifications import services
    from notifications.models import Notification

    await in_thread(tell)("ada", "ben")
    every = Notification.objects.select_related("about")

    def page(user_id, *, after):
        return list(every.filter(number__gt=after))

    monkeypatch.setattr(services, "page", page)
    async with visit(PATH, "cleo", after=0) as spy:
        assert numbers(await spy.hear()) == [1]


async def test_nobody_in_particular_is_4401(people, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock(PATH) as person:
        code, _ = await person.closed()
    assert code == 4401


async def test_who_logs_out_hears_no_more(people):
    async with listen("ada") as here:
        await in_thread(here.browser.post)("/logout/")
        code, _ = await here.closed()
        assert code == 4401
        await in_thread(tell)("ada", "ben")
        assert await here.communicator.receive_nothing()


async def test_a_fresh_token_is_taken_on_the_open_socket(people):
    async with listen("ada") as here:
        token = (await in_thread(tokens_of)("ada"))["access"]
        await here.say("authenticate", token=token)
        assert (await here.hear())["type"] == "authenticated"
