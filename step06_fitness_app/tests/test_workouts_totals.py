"""What a workout comes to: rules without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workouts.totals import active_seconds, distance_of, thin, totals_of

MEASURE = st.none() | st.floats(0, 3000)
ROWS = st.lists(st.tuples(st.floats(0, 604_800), *[MEASURE] * 4), max_size=200).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
PAUSES = st.lists(st.floats(0, 1000), max_size=9).map(
    lambda times: (
        [
            [times[at], times[at + 1] if at + 1 < len(times) else None]
            for at in range(0, len(times), 2)
        ]
        if times.sort() is None
        else []
    )
)


def test_of_nothing():
    totals = totals_of([], [], 0)
    assert totals.duration_seconds == totals.repetitions == totals.volume_kg == 0
    assert totals.distance_m is totals.heart_rate_mean is totals.power_max is None


def test_means_are_of_what_was_measured():
    rows = [[0, 100, None, 0, None], [1, None, None, 100, None], [2, 120, None, None, None]]
    totals = totals_of(rows, [], 2)
    assert (totals.heart_rate_mean, totals.heart_rate_max) == (110, 120)
    assert (totals.power_mean, totals.power_max) == (50, 100)
    assert totals.cadence_mean is None


def test_sets():
    totals = totals_of([], [(3, 5, 80.5), (2, 10, 0)], 60)
    assert (totals.repetitions, totals.volume_kg) == (35, 1207.5)


@pytest.mark.parametrize(
    ("counter", "metres"),
    [
        ([], None),
        ([500], 0),
        ([500, 510, 530], 30),
        ([0, 100, 0, 50], 150),  # the device began again
        ([0, 100, 99.5, 120], 120.5),  # it trembles
        ([100, 0], 0),
    ],
)
def test_distance(counter, metres):
    assert distance_of(counter) == metres


@pytest.mark.parametrize(
    ("end", "pauses", "seconds"),
    [
        (100, [], 100),
        (100, [[10, 30]], 80),
        (100, [[10, 30], [50, None]], 30),
        (100, [[110, None]], 100),  # nothing came after the pause
        (100, [[90, 210]], 90),
        (0, [[0, None]], 0),
    ],
)
def test_pauses_do_not_count(end, pauses, seconds):
    assert active_seconds(end, pauses) == seconds


@given(st.floats(0, 1000), PAUSES)
def test_never_more_than_all_nor_less_than_nothing(end, pauses):
    assert 0 <= active_seconds(end, pauses) <= end


@given(ROWS, st.integers(1, 50))
def test_thinned_rows_are_few_in_order_and_within_what_was_measured(rows, points):
    few = thin(rows, points)
    assert len(few) <= points and len(few) <= len(rows)
    assert [row[0] for row in few] == sorted(row[0] for row in few)
    assert bool(few) == bool(rows)
    if rows:
        assert few[-1][0] == rows[-1][0]
    for column in range(1, 5):
        measured = [row[column] for row in rows if row[column] is not None]
        shown = [row[column] for row in few if row[column] is not None]
        assert bool(shown) == bool(measured)
        if shown:
            assert min(measured) - 0.1 <= min(shown) and max(shown) <= max(measured) + 0.1


def test_what_two_devices_send_in_turn_both_stays_when_thinned():
    rows = [[n, 100 if n % 2 else None, None, None if n % 2 else 200, n] for n in range(1000)]
    for row in thin(rows, 100):
        assert row[1] == 100 and row[3] == 200
    assert thin(rows, 100)[-1] == [999, 100, None, 200, 999]


@given(ROWS)
def test_totals_of_whatever_was_measured(rows):
    totals = totals_of(rows, [], 1)
    if totals.distance_m is not None:
        assert totals.distance_m >= 0
    if totals.power_max is not None:
        assert totals.power_mean <= totals.power_max + 0.1
