"""Achievements: rules over plain facts, given once, told to whom they concern."""

import asyncio
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from tests.people import befriend
from tests.test_notifications import listen

database = pytest.mark.django_db(transaction=True)
DAY = date(2026, 2, 27)


# The rules


def fact(id: int, day: int = 0, kind: str = "running", **fields):
    from notifications.achievements import Fact

    return Fact(id, kind, DAY + timedelta(days=day), **fields)


def due(*facts, rule: str) -> dict[str, tuple]:
    """What these are worth by one rule: keys, each with the detail and the workout's id."""
    from notifications.achievements import due

    return {one.key: (one.detail, one.workout_id) for one in due([*facts]) if one.rule == rule}


def keys(*facts) -> set[str]:
    from notifications.achievements import due

    return {one.key for one in due([*facts])}


def test_no_workout_is_worth_nothing():
    assert keys() == set()


def test_the_first_workout_is_one_and_only_that():
    first = {"first_workout": ("running, 32 min", 7)}
    assert due(fact(7, duration_seconds=1_899), rule="first_workout") == first
    facts = [fact(7, duration_seconds=1_899), fact(8, duration_seconds=9_999)]
    assert due(*facts, rule="first_workout") == first


def test_many_exercises_are_not_each_looked_for_in_every_workout():
    looks = []

    class Weights(dict):
        def __getitem__(self, exercise):
            looks.append(exercise)
            return super().__getitem__(exercise)

        def get(self, exercise, default=None):
            looks.append(exercise)
            return super().get(exercise, default)

    facts = [fact(id, weights=Weights({f"{id}-{n}": 1 for n in range(50)})) for id in range(50)]
    assert keys(*facts) == {"first_workout"}
    assert len(looks) < 10 * 50 * 50  # 125,000, were each looked for in each


@pytest.mark.parametrize(
    "days, streaks",
    [
        ([], []),
        ([0, 1], []),
        ([0, 1, 3], []),
        ([0, 0, 0], []),
        ([0, 1, 2], [3]),
        ([0, 2, 1], [3]),  # one was imported later
        ([0, 0, 1, 1, 2], [3]),
        ([0, 1, 3, 4, 5], [3]),
        ([*range(6), *range(7, 13)], [3]),
        ([*range(7)], [3, 7]),
        ([*range(29)], [3, 7]),
        ([*range(30)], [3, 7, 30]),
        ([*range(100)], [3, 7, 30]),
    ],
)
def test_streaks_are_days_in_a_row(days, streaks):
    facts = [fact(number, day) for number, day in enumerate(days)]
    assert [*due(*facts, rule="streak")] == [f"streak.{length}" for length in streaks]


def test_a_streak_comes_from_the_first_workout_of_its_last_day():
    facts = [fact(id, day) for id, day in [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3)]]
    expected = {"streak.3": ("a workout on each day to 01 March 2026", 3)}
    assert due(*facts, rule="streak") == expected


def test_a_longest_distance_beats_one_of_its_kind():
    rides = [fact(1, distance_m=5_000), fact(2, kind="cycling", distance_m=40_000)]
    assert due(*rides, rule="distance") == {}  # there was none to beat
    best = {"distance.running.3": ("6.25 km", 3)}
    assert due(*rides, fact(3, distance_m=6_250), rule="distance") == best
    shorter = [fact(4, distance_m=6_000), fact(5, distance_m=6_250), fact(6)]
    assert due(*rides, fact(3, distance_m=6_250), *shorter, rule="distance") == best


def test_a_better_one_is_new():
    first = [fact(1, distance_m=1_000), fact(2, distance_m=2_000)]
    assert [*due(*first, fact(3, distance_m=3_000), rule="distance")] == ["distance.running.3"]


def test_a_longest_workout_is_of_any_kind():
    facts = [fact(1, duration_seconds=1_800), fact(2, kind="cycling", duration_seconds=5_100)]
    assert due(*facts, rule="duration") == {"duration.2": ("1 h 25 min of cycling", 2)}


def test_a_heaviest_weight_is_of_an_exercise():
    facts = [
        fact(1, weights={"squat": 100, "bench press": 80}),
        fact(2, weights={"squat": 102.5, "bench press": 80, "curl": 20}),
    ]
    assert due(*facts, rule="weight") == {"weight.squat.2": ("102.5 kg", 2)}


FACTS = st.lists(
    st.builds(
        dict,
        day=st.integers(0, 40),
        kind=st.sampled_from(["running", "cycling"]),
        distance_m=st.floats(0, 1e6),
        duration_seconds=st.floats(0, 1e6),
        weights=st.dictionaries(st.sampled_from("abc"), st.floats(0, 1_000)),
    ),
    max_size=40,
)


@given(FACTS)
def test_whatever_was_done_has_one_of_each_key_and_comes_from_one_of_the_workouts(many):
    from notifications.achievements import due

    facts = [fact(number, **fields) for number, fields in enumerate(many)]
    awards = due(facts)
    assert len({one.key for one in awards}) == len(awards)
    assert {one.workout_id for one in awards} <= {one.id for one in facts}
    assert all(one.title and one.detail for one in awards)
    assert all(len(one.key) <= 300 and len(one.title) <= 120 for one in awards)


# Given once


def work_out(user: User, day: int = 0, privacy: str = "friends", **fields):
    """A finished workout."""
    from workouts.models import Workout

    fields = {"kind": "running", "duration_seconds": 1_800, **fields}
    start = datetime(2026, 2, 27, 12, tzinfo=ZoneInfo("UTC")) + timedelta(days=day)
    return Workout.objects.create(
        owner=user, privacy=privacy, state="finished", started_at=start, **fields
    )


def award(user: User) -> list[str]:
    from notifications import services

    return [achievement.key for achievement in services.award(user.pk)]


def rung(user: User) -> list[tuple]:
    """What somebody was told, in order."""
    return [(one.kind, one.data["title"]) for one in user.notifications.order_by("number")]


@database
def test_what_is_stored_is_awarded_once(people):
    ada = people["ada"]
    work_out(ada, distance_m=5_000)
    assert award(ada) == ["first_workout"]
    assert award(ada) == []
    longer = work_out(ada, 1, distance_m=6_000, duration_seconds=2_000)
    expected = [f"distance.running.{longer.pk}", f"duration.{longer.pk}"]
    assert award(ada) == expected
    assert award(ada) == []
    assert ada.achievements.count() == 3
    assert [title for _, title in rung(ada)] == [
        "First workout",
        "Longest distance, running",
        "Longest workout",
    ]


@database
def test_an_unfinished_workout_is_worth_nothing(people):
    work_out(people["ada"]).__class__.objects.update(state="running")
    assert award(people["ada"]) == []


@database
def test_an_exercise_is_the_same_however_it_is_written(people):
    ada = people["ada"]
    for day, name, kg in [(0, "Squat", 100), (1, " squat ", 105), (2, "SQUAT", 90)]:
        workout = work_out(ada, day, kind="strength")
        workout.sets.create(number=1, exercise=name, sets=3, repetitions=5, weight_kg=kg)
        workout.sets.create(number=2, exercise="plank", sets=1, repetitions=1, weight_kg=0)
    heaviest = [key for key in award(ada) if key.startswith("weight")]
    assert len(heaviest) == 1 and heaviest[0].startswith("weight.squat.")
    assert ada.achievements.get(rule="weight").detail == "105 kg"


@database
def test_a_day_is_the_servers_calendars(people, settings):
    ada = people["ada"]
    for hours in (0, 18, 36):  # in UTC: noon, the next day at 6, and the day after at 0
        work_out(ada, hours / 24)
    settings.TIME_ZONE = "America/New_York"  # there: 7, 1 and 19 o'clock of two days only
    assert "streak.3" not in award(ada)
    settings.TIME_ZONE = "UTC"
    assert "streak.3" in award(ada)


@database
def test_what_was_given_stays_when_its_workout_goes(people):
    ada = people["ada"]
    workout = work_out(ada)
    award(ada)
    workout.delete()
    assert ada.achievements.get().workout is None
    work_out(ada, 1)
    assert award(ada) == []


@contextmanager
def no_unique_key():
    from notifications.models import Achievement

    constraints = Achievement._meta.constraints
    [key] = [one for one in constraints if one.name == "awarded_once"]
    Achievement._meta.constraints = []  # SQLite makes the table anew, from the model
    with connection.schema_editor() as editor:
        editor.remove_constraint(Achievement, key)
    try:
        yield
    finally:
        Achievement._meta.constraints = constraints
        Achievement.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Achievement, key)


@pytest.fixture
def blind(monkeypatch):
    """Everybody looks before anybody has written, as two processes at once may."""
    monkeypatch.setattr("notifications.services.given", lambda user: set())


async def at_once(user: User) -> list[str]:
    def one():
        try:
            return award(user)
        finally:
            connection.close()

    return sum(await asyncio.gather(*(asyncio.to_thread(one) for _ in range(6))), [])


@database
async def test_of_several_at_once_one_awards(people, blind):
    ada = people["ada"]
    await in_thread(work_out)(ada)
    assert await at_once(ada) == ["first_workout"]
    assert await ada.achievements.acount() == 1
    assert [one async for one in ada.notifications.values_list("number")] == [(1,)]


@database
async def test_without_the_unique_key_each_of_several_would_award(people, blind):
    ada = people["ada"]
    await in_thread(work_out)(ada)
    without = no_unique_key()
    await in_thread(without.__enter__)()
    try:
        assert len(await at_once(ada)) == await ada.achievements.acount() == 6
    finally:
        await in_thread(without.__exit__)(None, None, None)


@database
def test_without_the_unique_key_a_second_run_would_award_again(people, blind):
    ada = people["ada"]
    work_out(ada)
    assert [award(ada), award(ada)] == [["first_workout"], []]
    with no_unique_key():
        assert award(ada) == ["first_workout"]


@database
def test_who_loses_the_race_goes_on_with_the_transaction(people, blind):
    ada = people["ada"]
    work_out(ada)
    award(ada)
    with transaction.atomic():
        User.objects.filter(pk=ada.pk).update(first_name="Ada")
        assert award(ada) == []
        assert User.objects.get(pk=ada.pk).first_name == "Ada"
    assert User.objects.get(pk=ada.pk).first_name == "Ada"


@database
def test_what_is_not_committed_is_not_awarded(people):
    ada = people["ada"]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        work_out(ada)
        assert award(ada) == ["first_workout"]
        raise ZeroDivisionError
    assert not ada.achievements.exists()
    assert rung(ada) == rung(people["ben"]) == []


# Told to whom they concern


@database
async def test_the_owner_and_a_friend_hear_of_it_at_once(people):
    ada, ben = people["ada"], people["ben"]
    async with listen("ada") as here, listen("ben") as there:
        workout = await in_thread(work_out)(ada)
        await in_thread(award)(ada)
        own, theirs = await here.hear(), await there.hear()
        assert own.pop("at") and theirs.pop("at")
        common = {"number": 1, "is_read": False, "rule": "first_workout"}
        common |= {"title": "First workout", "detail": "running, 30 min"}
        assert own == {"type": "achievement_notification", **common, "workout_id": workout.pk}
        assert theirs == {"type": "friend_achievement", **common, "username": "ada"}
    assert await in_thread(rung)(ben) == [("friend_achievement", "First workout")]


@database
@pytest.mark.parametrize(
    "privacy, told", [("public", True), ("friends", True), ("trainer", False), ("private", False)]
)
def test_friends_hear_of_what_they_may_see_and_nobody_else_of_anything(people, privacy, told):
    """Not her trainer, a stranger, or who is blocked: they are not her friends."""
    work_out(people["ada"], privacy=privacy)
    assert award(people["ada"]) == ["first_workout"]
    expected = [("friend_achievement", "First workout")] if told else []
    assert rung(people["ben"]) == expected
    assert [rung(people[name]) for name in ("tom", "cleo", "dora", "sam")] == [[]] * 4


@database
@pytest.mark.parametrize("turned", [False, True])
def test_a_friend_who_is_blocked_hears_nothing_even_if_the_friendship_is_still_there(
    people, turned
):
    from people.models import Block

    pair = [people["ada"], people["ben"]]
    blocker, blocked = pair[::-1] if turned else pair
    Block.objects.create(blocker=blocker, blocked=blocked)
    work_out(people["ada"])
    award(people["ada"])
    assert rung(people["ben"]) == []


@database
def test_a_request_is_no_friendship(people):
    from people.models import Friendship

    Friendship.objects.update(accepted_at=None)
    work_out(people["ada"])
    award(people["ada"])
    assert rung(people["ben"]) == []


@database
def test_a_streak_with_a_private_day_in_it_is_not_told(people):
    """It would tell that there was a workout on that day."""
    ada = people["ada"]
    for day, privacy in enumerate(["friends", "private", "friends"]):
        work_out(ada, day, privacy)
    assert "streak.3" in award(ada)
    assert rung(people["ben"]) == [("friend_achievement", "First workout")]


@database
def test_what_friends_are_told_comes_from_what_they_may_see(people):
    ada = people["ada"]
    work_out(ada, 0, "private", kind="rowing")
    work_out(ada, 1, "friends", duration_seconds=60)
    award(ada)
    [told] = people["ben"].notifications.all()
    assert told.data["detail"] == "running, 1 min"


@database
def test_one_who_achieves_the_same_as_another_is_told_of_as_well(people):
    cleo, ben = people["cleo"], people["ben"]
    befriend(cleo, ben)
    for user in (people["ada"], cleo):
        work_out(user)
        award(user)
    assert [one.about.username for one in ben.notifications.order_by("number")] == ["ada", "cleo"]


@database
async def test_two_friends_who_finish_at_once_never_lock_each_other_out(people):
    def finish(user, day):
        try:
            work_out(user, day)
            return award(user)
        finally:
            connection.close()

    pair = [people["ada"], people["ben"]]
    for day in range(3):
        await asyncio.gather(*(asyncio.to_thread(finish, user, day) for user in pair))
    for user in pair:
        numbers = [one async for one in user.notifications.values_list("number", flat=True)]
        assert numbers == [1, 2, 3, 4]  # two of one's own, two of the other's


@database
def test_a_thousand_friends_are_told_in_a_bounded_number_of_queries(
    people, django_assert_max_num_queries
):
    from django.utils import timezone

    from notifications.models import Notification
    from people.models import Friendship

    ada = people["ada"]
    crowd = User.objects.bulk_create([User(username=f"p{n}") for n in range(1_000)])
    Friendship.objects.bulk_create(
        Friendship(first=ada, second=one, asked_by=ada, accepted_at=timezone.now()) for one in crowd
    )
    work_out(ada)
    with django_assert_max_num_queries(60):  # SQLite takes 999 values in one
        award(ada)
    assert Notification.objects.filter(kind="friend_achievement").count() == 1_001
