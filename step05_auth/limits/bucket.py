"""A token bucket: for one connection, in its own process, without any I/O."""

from time import monotonic


# --8<-- [start:bucket]
class Bucket:
    """`per_second` on average, `burst` at once. A reconnect makes a new one: see counter.py."""

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


# --8<-- [end:bucket]
