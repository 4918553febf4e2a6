"""How much one connection and one person may ask of the server.

What is shared lives in the cache: with Redis it holds across processes and reconnects.
"""

from random import random
from time import monotonic, time
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache

MINUTE = 60  # seconds


class TooMuch(Exception):
    """More than one person may have; the text says how much that is."""


class Bucket:
    """A token bucket: `per_second` on average, `burst` at once, for one connection, without I/O."""

    __slots__ = "per_second", "burst", "left", "at"

    def __init__(self, per_second: float, burst: int):
        self.per_second, self.burst = per_second, burst
        self.left, self.at = float(burst), monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now; if so, it is counted."""
        now = monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Row:
    """Events of one kind that come too close together: `length` of them within `seconds`."""

    __slots__ = "length", "seconds", "times"

    def __init__(self, length: int, seconds: float):
        self.length, self.seconds = max(1, length), seconds
        self.times = ()  # most connections never need one

    def is_full(self) -> bool:
        """Note one more; whether the row is full now."""
        self.times = (*self.times, monotonic())[-self.length :]
        is_long = len(self.times) == self.length
        return is_long and self.times[-1] - self.times[0] <= self.seconds


def count(what: str, user_id: int, per_minute: int) -> None:
    """Count one more of `what` by one person in this minute. Raises TooMuch."""
    [problem] = count_each(what, [user_id], per_minute)
    if problem:
        raise problem


def count_each(what: str, user_ids: list[int], per_minute: int) -> list[TooMuch | None]:
    """The same for several at once: a TooMuch for each who may not. One question to Redis."""
    numbers = counted([counter(what, user_id) for user_id in user_ids])
    return [too_much(what, per_minute) if number > per_minute else None for number in numbers]


def counter(what: str, user_id: int) -> str:
    """The key under which one person's `what` of this minute are counted."""
    return f"limits.{what}.{user_id}.{int(time() // MINUTE)}"


def too_much(what: str, per_minute: int) -> TooMuch:
    return TooMuch(f"no more than {per_minute} {what} a minute")


def counted(keys: list[str], place: str | None = None) -> list[int]:
    """How far each has got; and, with a `place`, whether it was free and is ours now.

    `incr` and `add` are atomic: `get`, then `set`, would let two count as one.
    """
    if hasattr(cache, "count"):
        return cache.count(keys, place, lifetime())
    for key in keys:
        cache.add(key, 0, timeout=2 * MINUTE)
    numbers = [cache.incr(key) for key in keys]
    return [*numbers, cache.add(place, 1, timeout=lifetime())] if place else numbers


class Slot(NamedTuple):
    """One of a person's numbered places for a connection, and until when it is this one's."""

    key: str
    until: float  # by monotonic()


def take_slot(user_id: int) -> Slot:
    """A place for one more connection of a person, which is counted. Raises TooMuch.

    The count and the first try are one question: most places are free. A killed server's slots
    run out.
    """
    many, per_minute = settings.CONNECTIONS_PER_USER, settings.CONNECTS_PER_MINUTE
    full = TooMuch(f"no more than {many} connections at once")
    if many < 1:
        raise full
    first = int(random() * many)  # from 0 on each open tab would be a question more
    until = monotonic() + lifetime()
    slot = Slot(f"limits.slot.{user_id}.{first}", until)
    number, is_free = counted([counter("connections", user_id)], slot.key)
    if number > per_minute:
        free_slots([slot] if is_free else [])
        raise too_much("connections", per_minute)
    for number in range(first + 1, first + many):
        if is_free:
            break
        slot = Slot(f"limits.slot.{user_id}.{number % many}", until)
        is_free = cache.add(slot.key, 1, timeout=lifetime())
    if not is_free:
        raise full
    return slot


def keep_slot(slot: Slot) -> Slot:
    """Say that the connection lives; done at every recheck."""
    kept = Slot(slot.key, monotonic() + lifetime())
    cache.set(slot.key, 1, timeout=lifetime())
    return kept


def free_slots(slots: list[Slot]) -> None:
    """Give slots back, in one question, but what ran out: it may be another's now."""
    if keys := [slot.key for slot in slots if monotonic() < slot.until]:
        cache.delete_many(keys)


def lifetime() -> int:
    """Seconds until a slot that nobody keeps is free again; whole ones, as Redis has them."""
    return int(1.5 * settings.RECHECK_SECONDS + 1)
