"""What counts as an achievement: rules over plain facts, without a database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from workouts.templatetags.workouts import minutes

STREAKS = (3, 7, 30)  # days in a row


@dataclass(frozen=True)
class Fact:
    """What the rules know of a finished workout; `day` is the calendar's where the server is."""

    id: int
    kind: str
    day: date
    distance_m: float = 0
    duration_seconds: float = 0
    weights: dict[str, float] = field(default_factory=dict)  # exercise → the heaviest, in kg


@dataclass(frozen=True)
class Award:
    """An achievement that is due. The same one always has the same key: it is given once."""

    rule: str
    key: str
    title: str
    detail: str
    workout_id: int


# --8<-- [start:rules]
def due(facts: list[Fact]) -> list[Award]:
    """All that these workouts, the earliest first, are worth, whether or not it was given."""
    return [*first_workout(facts), *streaks(facts), *personal_bests(facts)]


def first_workout(facts: list[Fact]) -> Iterator[Award]:
    for fact in facts[:1]:
        detail = f"{fact.kind}, {minutes(fact.duration_seconds)}"
        yield Award("first_workout", "first_workout", "First workout", detail, fact.id)


def streaks(facts: list[Fact]) -> Iterator[Award]:
    """Days in a row with a workout, whenever that was. The last day's first completes it."""
    by_day = {}
    for fact in facts:
        by_day.setdefault(fact.day, fact)
    longest, length = {}, 0
    for day in sorted(by_day):
        length = length + 1 if day - timedelta(days=1) in by_day else 1
        longest.setdefault(length, day)
    for days in STREAKS:
        if day := longest.get(days):
            detail = f"a workout on each day to {day:%d %B %Y}"
            yield Award("streak", f"streak.{days}", f"{days} days in a row", detail, by_day[day].id)


def personal_bests(facts: list[Fact]) -> Iterator[Award]:
    """The best that beat an earlier one. It has a key of its own: a better one is new."""
    for kind in sorted({fact.kind for fact in facts}):
        own = [fact for fact in facts if fact.kind == kind]
        for fact in best(own, lambda fact: fact.distance_m):
            title, detail = f"Longest distance, {kind}", f"{fact.distance_m / 1000:.2f} km"
            yield Award("distance", f"distance.{kind}.{fact.id}", title, detail, fact.id)
    for fact in best(facts, lambda fact: fact.duration_seconds):
        detail = f"{minutes(fact.duration_seconds)} of {fact.kind}"
        yield Award("duration", f"duration.{fact.id}", "Longest workout", detail, fact.id)
    lifted = {}
    for fact in facts:
        for exercise in fact.weights:
            lifted.setdefault(exercise, []).append(fact)
    for exercise in sorted(lifted):
        for fact in best(lifted[exercise], lambda fact, exercise=exercise: fact.weights[exercise]):
            title, detail = f"Heaviest {exercise}", f"{fact.weights[exercise]:g} kg"
            yield Award("weight", f"weight.{exercise}.{fact.id}", title, detail, fact.id)


def best(facts: list[Fact], measure: Callable[[Fact], float]) -> list[Fact]:
    """The one with the most, if one before it had less than that; of equals, the first."""
    measured = [fact for fact in facts if measure(fact) > 0]
    most = max(measured, key=measure, default=None)
    return [most] if most and most is not measured[0] else []


# --8<-- [end:rules]
