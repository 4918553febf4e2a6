"""The times that the docs report are measured again: within a tolerance, they still hold."""

import asyncio

import pytest

from benchmarks.consumer_times import MEANWHILE, SLOW, daphne, measure, read


@pytest.fixture(scope="module")
def measured() -> tuple[dict[str, float], dict[str, float]]:
    with daphne() as base:
        return asyncio.run(measure(base, rounds=100))


@pytest.mark.slow
def test_slow_answers_take_the_times_of_the_table(measured):
    reported = read("slow-times.txt")
    assert list(reported) == [*SLOW, MEANWHILE]
    assert measured[1] == pytest.approx(reported, rel=0.4)


@pytest.mark.slow
def test_one_thread_makes_five_answers_five_times_as_long(measured):
    for times in (read("slow-times.txt"), measured[1]):
        blocking, waiting, threads, *_ = times.values()
        assert 4 < blocking / waiting < 7
        assert threads < 2 * waiting


@pytest.mark.slow
def test_for_one_connection_the_kinds_hardly_differ(measured):
    for times in (read("echo-times.txt"), measured[0]):
        assert max(times.values()) < 4 * min(times.values())
        assert max(times.values()) < 20  # milliseconds
