"""Two at once, each in a thread with a connection of its own: as two processes would be."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from challenges import services
from challenges.models import Challenge, Participant
from notifications.models import Notification
from tests.challenging import make

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works) -> list:
    """What each gives, or the exception it raises; all begin in the same instant.

    On PostgreSQL the pool has four connections, and whoever asks again and again keeps one.
    """
    connection.close()
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number, work):
        try:
            gate.wait(10)
            results[number] = work()
        except Exception as problem:
            results[number] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.fixture
def race(people, no_limits) -> int:
    return make("ada", "ada", "ben")


def person(name: str) -> User:
    return User.objects.get(username=name)


def test_updates_at_once_get_a_version_each_and_the_most_stays(race):
    ada = person("ada")
    results = at_once(
        *(
            lambda value=value: services.progress(race, ada, value, f"v{value}")
            for value in range(1, 9)
        )
    )
    versions = [result for result in results if isinstance(result, int)]
    assert len(set(versions)) == len(versions) >= 1
    assert all(isinstance(result, (int, services.Conflict)) for result in results), results
    board = services.read(race)
    assert board.top[0].progress == 8
    assert board.version == 3 + len(versions)


def test_one_update_sent_twice_at_once_counts_once(race):
    ada = person("ada")
    results = at_once(*[lambda: services.progress(race, ada, 5, "same")] * 6)
    assert results == [4] * 6


def test_of_two_who_reach_the_same_at_once_the_board_says_who_was_first(race):
    ada, ben = person("ada"), person("ben")
    results = at_once(
        lambda: services.progress(race, ben, 5, "b"), lambda: services.progress(race, ada, 5, "a")
    )
    first = "ben" if results[0] < results[1] else "ada"
    assert services.read(race).top[0].username == first


def test_who_joins_at_once_in_two_tabs_is_there_once(race):
    cleo = person("cleo")
    assert at_once(*[lambda: services.join(race, cleo)] * 6) == [4] * 6
    assert Participant.objects.filter(challenge=race).count() == 3


def test_who_joins_while_they_are_blocked_is_not_in_it(race, people):
    """Whichever comes first: the block puts out who has joined, or the join sees the block."""
    from people.services import block

    for name in ("cleo", "tom", "sam"):
        user = people[name]
        blocked, joined = at_once(
            lambda user=user: block(people["ada"], user),
            lambda user=user: services.join(race, user),
        )
        assert blocked is None
        assert isinstance(joined, (int, Challenge.DoesNotExist)), joined
        assert not Participant.objects.filter(challenge=race, user=user).exists()


def test_no_more_join_than_can(race, monkeypatch):
    monkeypatch.setattr(services, "MAX_PARTICIPANTS", 3)
    users = [person(name) for name in ("cleo", "tom", "sam")]
    results = at_once(*(lambda user=user: services.join(race, user) for user in users))
    assert sum(isinstance(result, int) for result in results) == 1, results
    assert Participant.objects.filter(challenge=race).count() == 3


def test_one_of_many_carries_the_end_out_and_each_is_told_once(people):
    race = make("ada", "ada", "ben", begins=-60, lasts=30)
    results = at_once(*[lambda: services.end(race)] * 6)
    assert sorted(results) == [False] * 5 + [True]
    assert Notification.objects.filter(kind="challenge_ended").count() == 2


def test_without_the_lock_two_would_carry_it_out(people, monkeypatch):
    """The attack on the defence: both look before either writes, and both are the one."""
    race = make("ada", "ada", begins=-60, lasts=30)
    gate = threading.Barrier(2)

    def look_only(challenge_id, **how):
        found = Challenge.objects.get(pk=challenge_id)
        gate.wait(10)
        return found

    with monkeypatch.context() as careless:
        careless.setattr(services, "locked", look_only)
        results = at_once(*[lambda: services.end.__wrapped__(race)] * 2)
    assert results == [True, True]


def test_progress_and_the_end_at_once_agree_on_the_winner(race):
    ada, ben = person("ada"), person("ben")
    services.progress(race, ada, 5, "a")
    progress, ended = at_once(
        lambda: services.progress(race, ben, 6, "b"), lambda: services.end(race, ada)
    )
    assert ended is True
    was_in_time = isinstance(progress, int)
    assert was_in_time or isinstance(progress, services.Conflict), progress
    board = services.read(race)
    assert board.winner == board.top[0].username == ("ben" if was_in_time else "ada")
    assert {row.data["winner"] for row in Notification.objects.all()} == {board.winner}


def test_leaving_and_progress_at_once_leave_no_half(race):
    ben = person("ben")
    left, progress = at_once(
        lambda: services.leave(race, ben), lambda: services.progress(race, ben, 6, "b")
    )
    assert isinstance(left, int)
    assert isinstance(progress, (int, services.NotAllowed)), progress
    assert not Participant.objects.filter(challenge=race, user=ben).exists()


def test_an_account_that_goes_while_it_makes_progress(race):
    ben = person("ben")
    gone, progress = at_once(
        lambda: person("ben").delete() and None, lambda: services.progress(race, ben, 6, "b")
    )
    assert gone is None
    assert isinstance(progress, (int, services.NotAllowed)), progress
    assert [line.username for line in services.read(race).top] == ["ada"]


def test_of_all_processes_one_shows_a_version_and_the_next_waits(race, monkeypatch):
    monkeypatch.setattr(services, "TICK", 60)  # not over in the middle of this, however slow it is
    services.progress(race, person("ada"), 5, "a")
    assert services.claim(race) == (None, True)  # it has just been made
    Challenge.objects.update(shown_at=timezone.now() - timedelta(seconds=services.TICK))
    results = at_once(*[lambda: services.claim(race)] * 6)
    assert sorted(results, key=str) == sorted([(4, False)] + [(None, False)] * 5, key=str)
    services.progress(race, person("ada"), 6, "b")
    assert services.claim(race) == (None, True)  # TICK is not over


def test_the_bound_across_processes_is_the_databases(race):
    """Two that ask again and again, while the board changes: no two shown within TICK."""
    ada, stop, shown = person("ada"), threading.Event(), []

    def show():
        while not stop.wait(0.02):  # a pause: SQLite's lock is not given in turns
            with transaction.atomic():  # nobody claims the next one before this one's time is read
                version, _ = services.claim(race)
                at = Challenge.objects.values_list("shown_at", flat=True).get(pk=race)
            if version:
                shown.append((version, at))

    def change():
        value = 0
        try:
            while len(shown) < 6 and not stop.wait(0.01):
                value += 1
                services.progress(race, ada, value, f"v{value}")
        finally:
            stop.set()

    results = at_once(change, show, show)
    assert results == [None] * 3
    shown.sort()
    assert len({version for version, _ in shown}) == len(shown)
    gaps = [
        (after - before).total_seconds()
        for (_, before), (_, after) in zip(shown, shown[1:], strict=False)
    ]
    assert min(gaps) >= services.TICK, gaps
