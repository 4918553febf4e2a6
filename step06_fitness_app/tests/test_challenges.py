"""A challenge through its socket: the board, progress, rights, and the end."""

import asyncio
from datetime import timedelta
from time import monotonic
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from people.models import Block
from realtime import groups
from tests.challenging import NONE, board, did, enter, make, names, path, refused
from tests.people import knock, losing_broadcasts, make_user, visit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def race(people) -> int:
    """Ada's public challenge; she and Ben take part, she joined first."""
    return make("ada", "ada", "ben")


# The board


async def test_the_first_frame_tells_all(race):
    async with enter("ben", race) as ben:
        first = ben.first
    about = first.pop("challenge")
    assert timezone.datetime.fromisoformat(about.pop("ends_at")) > timezone.now()
    assert timezone.datetime.fromisoformat(about.pop("starts_at")) < timezone.now()
    assert about == {
        "id": race,
        "name": "Long way",
        "metric": "distance_m",
        "goal": None,
        "made_by": "ada",
        "is_public": True,
        "is_over": False,
    }
    assert first == {
        "type": "challenge_state",
        "version": 3,
        "top": [
            {"place": 1, "username": "ada", "progress": 0.0},
            {"place": 2, "username": "ben", "progress": 0.0},
        ],
        "participants": 2,
        "winner": None,
        "you": {"place": 2, "progress": 0.0},
    }


async def test_progress_is_shown_to_all_and_to_each_their_own_place(race):
    async with enter("ada", race) as ada, enter("ben", race) as ben, enter("cleo", race) as cleo:
        version = await did(ben, 1500)
        boards = [await board(person, version=version) for person in (ada, ben, cleo)]
        assert [frame.pop("you") for frame in boards] == [
            {"place": 2, "progress": 0.0},
            {"place": 1, "progress": 1500.0},
            None,
        ]
        assert boards[0] == boards[1] == boards[2]
        assert names(boards[0]) == ["ben", "ada"]


async def test_of_two_with_the_same_who_was_there_first_is_first(race):
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        await did(ben, 1000)
        version = await did(ada, 1000)
        assert names(await board(ada, version=version)) == ["ben", "ada"]
        version = await did(ada, 1000.5)
        assert names(await board(ada, version=version)) == ["ada", "ben"]


async def test_ten_are_shown_and_who_is_behind_sees_their_own_place(race):
    def crowd():
        from challenges.models import Participant

        for number in range(12):
            Participant.objects.create(
                challenge_id=race,
                user=make_user(f"m{number}"),
                progress=100 + number,
                reached=10 + number,
            )

    await in_thread(crowd)()
    async with enter("ada", race) as ada:
        assert len(ada.first["top"]) == 10
        assert ada.first["participants"] == 14
        assert ada.first["you"] == {"place": 13, "progress": 0.0}
        version = await did(ada, 105.5)
        frame = await board(ada, version=version)
        assert frame["you"] == {"place": 7, "progress": 105.5}
        assert names(frame)[6] == "ada"


async def test_a_burst_of_200_is_five_boards_a_second_and_the_last_is_right(
    race, no_limits, settings
):
    settings.MESSAGES_PER_SECOND = 100_000
    async with enter("ada", race) as ada, enter("ben", race) as ben, enter("cleo", race) as cleo:
        begun = monotonic()
        for value in range(1, 101):
            await ada.say("progress_update", value=value, client_id=f"a{value}")
            await ben.say("progress_update", value=value + 0.5, client_id=f"b{value}")
        last = max([await did(ada, 101), await did(ben, 101.5)])
        seen = []
        while not seen or seen[-1]["version"] < last:
            seen.append(await board(cleo))
        took = monotonic() - begun
    versions = [frame["version"] for frame in seen]
    assert versions == sorted(set(versions))
    assert len(seen) <= 5 * took + 1, (len(seen), took)
    assert [(line["username"], line["progress"]) for line in seen[-1]["top"]] == [
        ("ben", 101.5),
        ("ada", 101.0),
    ]
    assert last == 3 + 202  # each was stored, whatever was shown


async def test_without_coalescing_more_boards_would_come_than_a_tick_of_a_second_lets_through(
    race, no_limits, settings, monkeypatch
):
    """A second, not TICK: a busy machine may be too slow to make more than five boards in one."""
    from challenges import boards, services

    settings.MESSAGES_PER_SECOND = 100_000
    monkeypatch.setattr(services, "TICK", 0)
    monkeypatch.setattr(boards.changed, "seconds", 0)
    async with enter("ada", race) as ada, enter("cleo", race) as cleo:
        begun = monotonic()
        for value in range(1, 21):
            await did(ada, value)
        seen = [await board(cleo)]
        while seen[-1]["top"][0]["progress"] < 20:
            seen.append(await board(cleo))
        took = monotonic() - begun
    assert len(seen) > took + 1, (len(seen), took)


async def test_an_older_board_is_never_shown_after_a_newer_one(race):
    group = f"challenge.{race}"
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        version = await did(ada, 10)
        await board(ben, version=version)
        for late in (version - 1, version, 0):
            await get_channel_layer().group_send(
                group, {"type": "show", "group": group, "version": late}
            )
        newer = await did(ada, 11)
        assert (await ben.hear())["version"] == newer


async def test_a_board_that_is_read_once_is_handed_to_all(race, monkeypatch):
    from challenges import services

    read, reads = services.read, []
    monkeypatch.setattr(services, "read", lambda pk: reads.append(pk) or read(pk))
    async with (
        enter("ada", race) as ada,
        enter("ben", race) as ben,
        enter("cleo", race) as cleo,
        enter("tom", race) as tom,
    ):
        reads.clear()
        version = await did(ada, 10)
        for person in (ada, ben, cleo, tom):
            await board(person, version=version)
    assert len(reads) == 1


async def test_a_board_that_the_layer_lost_is_shown_at_the_next_recheck(race, settings):
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        with losing_broadcasts():
            version = await did(ada, 10)
            await board(ben, version=version)


async def test_an_end_while_somebody_comes_is_shown(race, monkeypatch):
    from challenges import services
    from challenges.consumers import ChallengeConsumer

    join = ChallengeConsumer.join

    async def late(self, group):
        """What they may see was read, and is running; what goes on there is still to be read."""
        if group == groups.challenge(race):
            await in_thread(lambda: services.end(race, User.objects.get(username="ada")))()
        await join(self, group)

    monkeypatch.setattr(ChallengeConsumer, "join", late)
    async with enter("ben", race) as ben:
        assert ben.first["challenge"]["is_over"]


async def test_what_changes_while_somebody_comes_is_shown(race, monkeypatch):
    from challenges import services

    read = services.read
    async with enter("ada", race) as ada:

        def late(pk):
            """What is read is old before it is sent."""
            monkeypatch.undo()
            found = read(pk)
            services.progress(race, User.objects.get(username="ada"), 5, "meanwhile")
            return found

        monkeypatch.setattr(services, "read", late)
        async with enter("cleo", race) as cleo:
            assert cleo.first["top"][0]["progress"] == 0
            version = await did(ada, 6)
            assert (await board(cleo, version=version))["top"][0]["progress"] == 6


# Progress


async def test_progress_is_checked(race):
    async with enter("ada", race) as ada:
        assert await did(ada, 100) == 4
        await ada.say("progress_update", value=99.9, client_id="less")
        error = await ada.get("error")
        assert (error["code"], error["detail"]) == (
            "conflict",
            "that is less than the 100 m you have already",
        )
        assert await did(ada, 100, "the same again") == 4
        assert await did(ada, 1e7) == 5


async def test_an_update_that_is_sent_twice_counts_once(race):
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        first = await did(ada, 10, "one")
        second = await did(ada, 20, "two")
        assert await did(ada, 10, "one") == first  # no conflict: it was taken
        assert await did(ada, 20, "two") == second
        assert await did(ben, 5, "one") == second + 1  # hers are not his


@pytest.mark.parametrize(
    "begins, lasts, detail",
    [(60, 60, "the challenge has not begun"), (-60, 30, "the challenge is over")],
)
async def test_outside_of_its_time_nothing_counts(people, begins, lasts, detail):
    challenge = await in_thread(make)("ada", "ada", begins=begins, lasts=lasts)
    async with enter("ada", challenge) as ada:
        await ada.say("progress_update", value=1, client_id="a")
        error = await ada.get("error")
        assert (error["code"], error["detail"]) == ("conflict", detail)


@pytest.mark.parametrize("type", ["progress_update", "challenge_join", "challenge_leave"])
async def test_too_many_updates_are_too_fast(race, settings, type):
    settings.USER_MESSAGES_PER_MINUTE = 2
    async with enter("ada", race) as ada:
        await did(ada, 1)
        await did(ada, 2)
        await ada.say(type, value=3, client_id="c")
        assert (await ada.get("error"))["code"] == "too_fast"


# Who may


async def test_who_takes_no_part_makes_no_progress(race):
    async with enter("cleo", race) as cleo:
        await cleo.say("progress_update", value=1, client_id="a")
        assert (await cleo.get("error"))["code"] == "not_allowed"
        assert cleo.first["you"] is None


async def test_progress_is_ones_own_whatever_a_client_claims(race):
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        claims = {
            "username": "ben",
            "user_id": 2,
            "challenge_id": race + 1,
            "version": 99,
            "place": 1,
        }
        await ada.say("progress_update", value=7, client_id="a", **claims)
        frame = await board(ben, version=4)
        assert [(line["username"], line["progress"]) for line in frame["top"]] == [
            ("ada", 7.0),
            ("ben", 0.0),
        ]


async def test_who_joins_is_on_the_board_and_who_leaves_is_not(race):
    async with enter("ada", race) as ada, enter("cleo", race) as cleo:
        await cleo.say("challenge_join", client_id="j")
        version = (await cleo.get("ack", client_id="j"))["number"]
        assert names(await board(ada, version=version)) == ["ada", "ben", "cleo"]
        await cleo.say("challenge_join")
        assert (await cleo.get("ack", client_id=None))["number"] == version
        await did(cleo, 500)
        await cleo.say("challenge_leave", client_id="l")
        version = (await cleo.get("ack", client_id="l"))["number"]
        frame = await board(ada, version=version)
        assert names(frame) == ["ada", "ben"]
        assert (await board(cleo, version=version))["you"] is None
        await cleo.say("challenge_join", client_id="again")
        await cleo.get("ack", client_id="again")
    async with enter("cleo", race) as cleo:
        assert cleo.first["you"] == {"place": 3, "progress": 0.0}


@pytest.mark.parametrize(
    "who, is_public, may",
    [
        ("ada", False, True),
        ("ben", False, True),  # her friend
        ("tom", False, False),  # her trainer
        ("cleo", False, False),
        ("dora", False, False),  # blocked by her
        ("tom", True, True),
        ("cleo", True, True),
        ("dora", True, False),
    ],
)
async def test_who_may_look_at_it(people, who, is_public, may):
    challenge = await in_thread(make)("ada", is_public=is_public)
    if not may:
        assert await refused(who, challenge) == NONE
        return
    async with enter(who, challenge) as person:
        await person.say("progress_update", value=1, client_id="a")
        assert (await person.get("error"))["code"] == "not_allowed"
        await person.say("challenge_join", client_id="b")
        await person.get("ack", client_id="b")
        await did(person, 1)
        await person.say("challenge_leave", client_id="c")
        await person.get("ack", client_id="c")
        await person.say("progress_update", value=2, client_id="d")
        assert (await person.get("error"))["code"] == "not_allowed"


MESSAGES = {
    "progress_update": {"value": 5, "client_id": "a"},
    "challenge_join": {},
    "challenge_leave": {},
}


@pytest.mark.parametrize("who", ["cleo", "tom", "dora", None])
@pytest.mark.parametrize("type", MESSAGES)
async def test_who_may_not_look_does_nothing_either(people, who, type):
    """dora took part before she was blocked; None has not logged in."""
    from challenges.models import Participant

    challenge = await in_thread(make)("ada", "ada", "dora", is_public=False)
    way = visit(path(challenge), who) if who else knock(path(challenge))
    async with way as person:
        await person.say(type, **MESSAGES[type])
        code, _ = await person.closed()
    assert code == (4403 if who else 4401)
    rows = Participant.objects.filter(challenge=challenge).order_by("pk")
    assert [row async for row in rows.values_list("user__username", "progress")] == [
        ("ada", 0.0),
        ("dora", 0.0),
    ]


async def test_a_stranger_would_look_on_if_nobody_asked_whose_it_is(people, monkeypatch):
    from challenges import services
    from challenges.models import Challenge

    challenge = await in_thread(make)("ada", "ada", is_public=False)
    monkeypatch.setattr(services, "visible_to", lambda user: Challenge.objects.all())
    async with enter("cleo", challenge) as spy:
        assert names(spy.first) == ["ada"]


async def test_who_takes_part_may_see_a_private_one_until_they_leave(people):
    challenge = await in_thread(make)("ada", "cleo", is_public=False)
    async with enter("cleo", challenge) as cleo:
        await cleo.say("challenge_leave", client_id="l")
        assert await cleo.closed() == NONE
    assert await refused("cleo", challenge) == NONE


async def test_who_is_blocked_while_looking_is_put_out_and_off_the_board(people, race, settings):
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada", race) as ada, enter("ben", race) as ben:
        await Block.objects.acreate(blocker=people["ada"], blocked=people["ben"])
        assert await ben.closed() == NONE
        assert names(await board(ada)) == ["ada"]


@pytest.mark.parametrize(
    "asked",
    ["0", "-1", "x", "1.0", "a/b", "..", "%00", "%0A", "%20", "٣", "%C2%B2", "1%00"]
    + ["9" * 18, "9" * 19, "9" * 5000, ""],
)
async def test_what_cannot_be_an_id_is_refused_like_what_is_not_there(people, asked):
    assert await refused("ada", quote(asked, safe="%/.")) == NONE


async def test_nobody_in_particular_is_4401(race, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    code, _ = await refused(None, race)
    assert code == 4401


async def test_a_deleted_member_is_off_the_board(people, race):
    async with enter("ada", race) as ada:
        await people["ben"].adelete()
        assert names(await board(ada)) == ["ada"]


async def test_a_challenge_goes_with_its_maker(people, race):
    async with enter("ben", race) as ben:
        await people["ada"].adelete()
        assert await ben.closed() == NONE


# The end


async def to_the_group(race: int) -> None:
    """Something for each who is in the group of a challenge."""
    group = f"challenge.{race}"
    event = {
        "type": "frame",
        "group": group,
        "text": '{"type":"ack","client_id":"forged","number":0}',
        "number": None,
    }
    await get_channel_layer().group_send(group, event)


async def test_while_it_runs_there_is_a_group(race):
    async with enter("ada", race) as ada:
        await to_the_group(race)
        assert (await ada.hear())["client_id"] == "forged"


async def told(username: str) -> list[dict]:
    from notifications.models import Notification

    rows = Notification.objects.filter(user__username=username, kind="challenge_ended")
    return [row.data async for row in rows]


async def test_at_its_end_all_are_told_and_the_group_is_dissolved(people):
    race = await in_thread(make)("ada", "ada", "ben", lasts=66)
    async with enter("ben", race) as ben, enter("cleo", race) as cleo:
        await did(ben, 3000)
        for person, you in ((ben, {"place": 1, "progress": 3000.0}), (cleo, None)):
            frame = await person.get("challenge_ended")
            assert (frame["winner"], names(frame), frame["you"]) == ("ben", ["ben", "ada"], you)
        await ben.say("progress_update", value=4000, client_id="late")  # the socket is still there
        assert (await ben.get("error"))["code"] == "conflict"
        await ben.say("challenge_leave", client_id="late")
        assert (await ben.get("error"))["code"] == "conflict"
        await to_the_group(race)
        await ben.say("challenge_join", client_id="and")  # its answer comes next, and alone
        assert (await ben.hear())["type"] == "error"
    data = {"challenge_id": race, "name": "Long way", "winner": "ben"}
    assert await told("ada") == [{**data, "place": 2}]
    assert await told("ben") == [{**data, "place": 1}]
    assert await told("cleo") == []
    async with enter("cleo", race) as late:
        assert late.first["winner"] == "ben"
        assert late.first["challenge"]["is_over"]
        await to_the_group(race)
        await late.say("challenge_join", client_id="and")
        assert (await late.hear())["type"] == "error"


async def test_an_end_that_was_put_off_is_carried_out_then(people):
    from accounts.services import tell
    from challenges.models import Challenge

    race = await in_thread(make)("ada", "ada", lasts=66)
    async with enter("ada", race) as ada:
        later = timezone.now() + timedelta(seconds=8)
        await Challenge.objects.filter(pk=race).aupdate(ends_at=later)
        await in_thread(tell)(people["ada"].pk)
        await ada.get("challenge_ended")
        assert timezone.now() >= later


async def test_its_maker_ends_it_early_and_nobody_else_does(people, race):
    from challenges import services

    with pytest.raises(services.NotAllowed):
        await in_thread(services.end)(race, people["ben"])
    assert not await in_thread(services.end)(race)  # it is not due
    async with enter("ben", race) as ben:
        await did(ben, 10)
        assert await in_thread(services.end)(race, people["ada"])
        assert (await ben.get("challenge_ended"))["winner"] == "ben"
    assert not await in_thread(services.end)(race, people["ada"])
    assert len(await told("ben")) == 1


async def test_where_nobody_did_anything_there_is_no_winner(people, race):
    from challenges import services

    async with enter("ben", race) as ben:
        await in_thread(services.end)(race, people["ada"])
        assert (await ben.get("challenge_ended"))["winner"] is None
    assert (await told("ada"))[0]["winner"] is None


async def test_an_end_that_fell_in_a_downtime_is_carried_out_by_who_comes_first(people):
    race = await in_thread(make)("ada", "ada", "ben", begins=-60, lasts=30)
    assert await told("ben") == []
    async with enter("cleo", race) as cleo:
        assert cleo.first["challenge"]["is_over"]
    assert len(await told("ben")) == len(await told("ada")) == 1


async def test_or_by_the_command(people, capsys):
    race = await in_thread(make)("ada", "ben", begins=-60, lasts=30)
    await in_thread(make)("ada", "ben")
    await in_thread(call_command)("end_challenges")
    await in_thread(call_command)("end_challenges")
    assert capsys.readouterr().out == "1 ended\n0 ended\n"
    assert (await told("ben"))[0]["challenge_id"] == race
    assert len(await told("ben")) == 1


async def test_an_end_that_the_layer_lost_is_told_at_the_next_recheck(people, race, settings):
    from challenges import services

    settings.RECHECK_SECONDS = 0.05
    async with enter("ben", race) as ben:
        with losing_broadcasts():
            await in_thread(services.end)(race, people["ada"])
            await ben.get("challenge_ended")


async def test_a_thousand_who_notice_the_end_ask_the_database_once(people, monkeypatch):
    from challenges import boards, services

    asked = []
    monkeypatch.setattr(services, "end", lambda pk: asked.append(pk))
    for _ in range(1000):
        boards.due.poke(7)
    monkeypatch.setattr(boards.due, "seconds", 0)
    await boards.due.tasks[7]
    assert asked == [7]


async def test_a_socket_that_goes_takes_its_timer_along(race):
    before = asyncio.all_tasks()
    async with visit(path(race), "ada") as ada:
        await ada.get("challenge_state")
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not [task for task in left if "wait_for_the_end" in repr(task)]


async def test_a_crash_in_the_middle_of_the_end_leaves_it_due(people, monkeypatch):
    from challenges import services
    from challenges.models import Challenge

    race = await in_thread(make)("ada", "ada", begins=-60, lasts=30)
    with monkeypatch.context() as crashing:
        crashing.setattr(services, "send_on_commit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await in_thread(services.end)(race)
    assert (await Challenge.objects.aget(pk=race)).dissolved_at is None
    assert await told("ada") == []
    assert await in_thread(services.end)(race)
    assert len(await told("ada")) == 1


def test_the_database_refuses_an_end_before_the_start(people):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        make("ada", lasts=-1)


async def test_the_clock_of_the_last_board_may_be_ahead(people, race):
    """Another host's clock: nobody waits for it."""
    from challenges import services
    from challenges.models import Challenge

    ahead = timezone.now() + timedelta(minutes=5)
    await Challenge.objects.filter(pk=race).aupdate(shown_at=ahead)
    assert await in_thread(services.claim)(race) == (3, False)
