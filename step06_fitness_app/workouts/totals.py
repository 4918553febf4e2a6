"""What a workout comes to: pure functions over its rows, its sets and its pauses.

A row is [t, heart_rate, cadence, power, distance] as in recordings.Sample; None is not measured.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean

from msgspec import Struct

Row = Sequence[float | None]


class Totals(Struct):
    """What a workout comes to, or has come to so far. null: it was never measured."""

    duration_seconds: float = 0.0
    distance_m: float | None = None
    heart_rate_mean: float | None = None
    heart_rate_max: float | None = None
    cadence_mean: float | None = None
    power_mean: float | None = None
    power_max: float | None = None
    repetitions: int = 0
    volume_kg: float = 0.0


def totals_of(
    rows: Sequence[Row], sets: Iterable[tuple[int, int, float]], seconds: float
) -> Totals:
    """The totals of rows in order of time, of sets (how many, repetitions, kg), in that time."""
    _, heart_rates, cadences, powers, distances = columns_of(rows)
    lifted = [(times * repetitions, kg) for times, repetitions, kg in sets]
    return Totals(
        duration_seconds=round(seconds, 1),
        distance_m=distance_of(distances),
        heart_rate_mean=mean(heart_rates),
        heart_rate_max=max(heart_rates, default=None),
        cadence_mean=mean(cadences),
        power_mean=mean(powers),
        power_max=max(powers, default=None),
        repetitions=sum(times for times, _ in lifted),
        volume_kg=round(sum(times * kg for times, kg in lifted), 2),
    )


def columns_of(rows: Iterable[Row]) -> list[list[float]]:
    """The measured values of each of the five, in order."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return [[value for value in column if value is not None] for column in columns]


def mean(values: list[float]) -> float | None:
    return round(fmean(values), 1) if values else None


def distance_of(counter: list[float]) -> float | None:
    """How far a counter of metres went: last − first, over each stretch between its resets."""
    if not counter:
        return None
    return round(sum(max(0.0, after - before) for before, after in pairwise(counter)), 1)


def active_seconds(end: float, pauses: Iterable[Sequence[float | None]]) -> float:
    """How much of the time from 0 to `end` was in none of the pauses; one with no end goes on."""
    paused = (min(end if to is None else to, end) - began for began, to in pauses)
    return max(0.0, end - sum(max(0.0, seconds) for seconds in paused))


def thin(rows: Sequence[Row], points: int) -> list[Row]:
    """At most so many rows of the same shape: means of what was measured, the last distance."""
    if len(rows) <= points:
        return list(rows)
    size = -(-len(rows) // points)
    return [merged(rows[at : at + size]) for at in range(0, len(rows), size)]


def merged(rows: Sequence[Row]) -> Row:
    """Several rows as one, at the time of the last."""
    _, *measures, distances = columns_of(rows)
    return [rows[-1][0], *map(mean, measures), distances[-1] if distances else None]
