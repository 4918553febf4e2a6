"""How many connections a person has: each takes a numbered slot, and a killed server's run out."""

from django.conf import settings
from django.core.cache import cache


def lifetime() -> float:
    """Seconds until a slot that nobody keeps is free again."""
    return 1.5 * settings.RECHECK_SECONDS + 1  # Redis cuts it to whole seconds


# --8<-- [start:slots]
def take(user_id: int, connection: str) -> str | None:
    """A free slot, or None. `add` is atomic: two connections never get the same one."""
    for number in range(settings.CONNECTIONS_PER_USER):
        slot = f"limits.slot.{user_id}.{number}"
        if cache.add(slot, connection, timeout=lifetime()):
            return slot
    return None


def keep(slot: str, connection: str) -> None:
    """Say that the connection lives; done at every recheck."""
    cache.set(slot, connection, timeout=lifetime())


def free(slot: str, connection: str) -> None:
    """Give a slot back, unless it ran out and is another's now."""
    if cache.get(slot) == connection:
        cache.delete(slot)


# --8<-- [end:slots]
