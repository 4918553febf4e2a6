"""The three limits by themselves: a bucket, a counter, slots."""

import threading
from collections import Counter

import pytest

from realtime import limits
from realtime.limits import Bucket, Row


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until told: `clock.now += 1`."""

    class Clock:
        now = 1_000_000.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr("realtime.limits.monotonic", clock)
    monkeypatch.setattr("realtime.limits.time", clock)
    return clock


def allowed(what: str, user_id: int, per_minute: int) -> bool:
    """Whether one more was within the limit."""
    try:
        limits.count(what, user_id, per_minute)
    except limits.TooMuch as problem:
        assert str(problem) == f"no more than {per_minute} {what} a minute"
        return False
    return True


def taken(user_id: int) -> limits.Slot | None:
    """The slot that was taken, or None."""
    try:
        return limits.take_slot(user_id)
    except limits.TooMuch as problem:
        assert "at once" in str(problem)


def at_once(threads: int, do) -> list:
    """What `do` returns in each of so many threads that begin together."""
    barrier, results = threading.Barrier(threads), []

    def run():
        barrier.wait(10)
        results.append(do())

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(20)
    assert len(results) == threads
    return results


# The bucket


def test_a_bucket_gives_its_burst_and_then_so_many_a_second(clock):
    bucket = Bucket(per_second=2, burst=5)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 0.4
    assert not bucket.take()  # 0.8 of one
    clock.now += 0.1
    assert bucket.take()
    assert not bucket.take()


def test_a_bucket_never_holds_more_than_its_burst(clock):
    bucket = Bucket(per_second=2, burst=3)
    clock.now += 3600
    assert [bucket.take() for _ in range(4)] == [True] * 3 + [False]


def test_over_a_long_time_a_bucket_gives_its_rate(clock):
    bucket, given = Bucket(per_second=10, burst=30), 0
    for _ in range(6000):  # a minute, a hundred tries a second
        given += bucket.take()
        clock.now += 0.01
    assert 30 + 598 <= given <= 30 + 600


def test_what_was_refused_costs_nothing(clock):
    bucket = Bucket(per_second=1, burst=1)
    assert bucket.take()
    assert not any(bucket.take() for _ in range(1000))
    clock.now += 1
    assert bucket.take()


# The row


def test_a_row_is_full_of_so_many_within_so_long(clock):
    row = Row(length=3, seconds=10)
    assert [row.is_full() for _ in range(4)] == [False, False, True, True]
    clock.now += 9
    assert row.is_full()  # two of before, within 10 s
    clock.now += 2
    assert not row.is_full()


def test_a_row_of_none_is_full_at_once(clock):
    """TOO_FAST_WARNINGS=0: no warning, the first time is the last."""
    assert Row(length=0, seconds=60).is_full()


# The counter


def test_a_counter_allows_so_many_a_minute(clock):
    assert [allowed("messages", 1, 3) for _ in range(5)] == [True] * 3 + [False] * 2
    clock.now += 60
    assert allowed("messages", 1, 3)


def test_each_person_and_each_thing_has_a_counter_of_its_own(clock):
    assert allowed("messages", 1, 1)
    assert allowed("messages", 2, 1)
    assert allowed("connections", 1, 1)
    assert allowed("messages", 11, 1)
    assert not allowed("messages", 1, 1)


def test_a_counter_counts_each_of_many_at_once(clock):
    """20 threads, 50 each, 300 allowed: exactly 300. `get` and then `set` would allow more."""
    results = at_once(20, lambda: sum(allowed("messages", 1, 300) for _ in range(50)))
    assert sum(results) == 300


# The slots


@pytest.fixture
def two_slots(settings, monkeypatch):
    """Looked for from the first one on."""
    settings.CONNECTIONS_PER_USER = 2
    monkeypatch.setattr(limits, "random", lambda: 0.0)


def test_a_slot_is_taken_and_given_back(two_slots):
    first, second = taken(1), taken(1)
    assert first and second and first.key != second.key
    assert taken(1) is None
    assert taken(2)  # another person's
    limits.free_slots([first])
    assert taken(1).key == first.key


def test_of_no_places_there_is_none(settings):
    settings.CONNECTIONS_PER_USER = 0
    assert taken(1) is None


def test_who_comes_too_often_takes_no_place(two_slots, settings):
    """Though the count and the place are one question."""
    settings.CONNECTS_PER_MINUTE = 1
    limits.free_slots([limits.take_slot(1)])
    with pytest.raises(limits.TooMuch, match="no more than 1 connections a minute"):
        limits.take_slot(1)
    settings.CONNECTS_PER_MINUTE = 1000
    assert taken(1) and taken(1) and taken(1) is None


def ran_out(slot: limits.Slot) -> limits.Slot:
    limits.cache.delete(slot.key)
    return slot._replace(until=0.0)


def test_a_slot_that_ran_out_and_is_anothers_now_is_not_given_back(two_slots):
    slot = ran_out(taken(1))
    assert taken(1).key == slot.key
    limits.free_slots([slot])
    assert taken(1) and taken(1) is None


def test_a_kept_slot_does_not_run_out(two_slots):
    slot = ran_out(taken(1))
    kept = limits.keep_slot(slot)
    assert taken(1).key != slot.key
    assert taken(1) is None
    limits.free_slots([kept])
    assert taken(1).key == slot.key


@pytest.mark.parametrize("recheck", [60, 1, 0.5, 0.05])
def test_a_slot_lives_longer_than_the_time_between_two_rechecks(settings, recheck):
    settings.RECHECK_SECONDS = recheck
    assert limits.lifetime() > recheck


def test_of_many_at_once_each_slot_is_ones_own(settings):
    settings.CONNECTIONS_PER_USER = 5
    slots = Counter(at_once(20, lambda: getattr(taken(1), "key", None)))
    assert slots.pop(None) == 15
    assert len(slots) == 5 and set(slots.values()) == {1}


def test_every_place_is_found_from_wherever_the_search_begins(monkeypatch, settings):
    settings.CONNECTIONS_PER_USER = 4
    monkeypatch.setattr(limits, "random", lambda: 0.99)
    taken = [limits.take_slot(7).key for _ in range(4)]
    assert taken == [f"limits.slot.7.{number}" for number in (3, 0, 1, 2)]
    with pytest.raises(limits.TooMuch):
        limits.take_slot(7)


def test_an_open_tab_is_hardly_ever_one_more_question(monkeypatch, settings):
    """Ten open, of a thousand places: who looked from the first one on would ask eleven times."""
    settings.CONNECTIONS_PER_USER = settings.CONNECTS_PER_MINUTE = 1000
    asked, add = [], limits.cache.add

    def counting(key, *details, **more):
        asked.append(key)
        return add(key, *details, **more)

    monkeypatch.setattr(limits.cache, "add", counting)
    for _ in range(11):
        limits.take_slot(8)
    slots = [key for key in asked if ".slot." in key]
    assert len(slots) < 11 + 5
