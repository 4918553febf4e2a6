"""A bound for who is sent much and reads little: on Daphne `send` never waits, and keeps it all."""

from realtime.rights import Refused

MOST_UNSEEN = 1000  # frames


# --8<-- [start:seen]
class SeenMixin:
    """Give a PersonConsumer with a fast stream a client that says how much it has `seen`.

    Who is too far behind is put out (4013), and the buffer with them; who comes back begins with
    how things are then. Whoever says `seen` without reading fools nobody but the server: their
    connections and the stream's rate are limited besides.
    """

    unseen = 0

    def has_seen(self, frames: int) -> None:
        self.unseen = max(0, self.unseen - frames)

    def takes(self, event) -> bool:
        is_next = self.unseen < MOST_UNSEEN and super().takes(event)
        self.unseen += is_next
        return is_next

    async def frame(self, event) -> None:
        if self.unseen >= MOST_UNSEEN:
            raise Refused(4013, "you have not said what you saw for too long; come back")
        await super().frame(event)


# --8<-- [end:seen]
