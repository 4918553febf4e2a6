"""A counter for one person, in the shared cache: no reconnect resets it.

With Redis it holds across processes; the local-memory cache is one process's own.
"""

from time import time

from django.core.cache import cache

MINUTE = 60  # seconds


# --8<-- [start:allow]
def allow(what: str, user_id: int, per_minute: int) -> bool:
    """Count one more of `what` in this minute; whether it is within `per_minute`.

    `incr` is atomic. `get` and then `set` would let two at once be counted as one.
    """
    key = f"limits.{what}.{user_id}.{int(time() // MINUTE)}"
    try:
        count = cache.incr(key)
    except ValueError:  # there is none yet; of several who begin the minute, `add` takes one
        cache.add(key, 0, timeout=2 * MINUTE)
        count = cache.incr(key)
    return count <= per_minute


# --8<-- [end:allow]
