"""Who is where. No database, no socket."""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from challenges import messages as wire
from realtime.messages import encode

TOP = 10


# --8<-- [start:board]
class Entry(NamedTuple):
    """What one participant has done, and at which version of the board they had done it."""

    user_id: int
    username: str
    progress: float
    reached: int


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """The most first; of two with the same, who was there first. So every place is one person's."""
    return sorted(entries, key=lambda entry: (-entry.progress, entry.reached))


class Board:
    """The places at one version. Encoded once, for however many look at it."""

    def __init__(self, version: int, entries: Iterable[Entry], is_dissolved=False, winner=None):
        self.version, self.is_dissolved, self.winner = version, is_dissolved, winner
        in_order = ranked(entries)
        self.participants = len(in_order)
        self.top = [
            wire.Standing(place, entry.username, entry.progress)
            for place, entry in enumerate(in_order[:TOP], 1)
        ]
        self.places = {
            entry.user_id: wire.You(place, entry.progress)
            for place, entry in enumerate(in_order, 1)
        }

    @cached_property
    def frame(self) -> str:
        """The frame for who takes no part: `"you":null` comes last in it."""
        shared = {"top": self.top, "participants": self.participants, "you": None}
        if self.is_dissolved:
            return encode(wire.ChallengeEnded(self.version, self.winner, **shared))
        return encode(wire.LeaderboardUpdate(self.version, **shared))

    def frame_for(self, user_id: int) -> str:
        """The same with somebody's own place."""
        you = self.places.get(user_id)
        return self.frame if you is None else f"{self.frame[: -len('null}')]}{encode(you)}}}"

    def state_for(self, user_id: int, challenge) -> wire.ChallengeState:
        info = wire.info_of(challenge)
        info.is_over = info.is_over or self.is_dissolved  # it may have ended since it was read
        return wire.ChallengeState(
            info,
            self.version,
            self.top,
            self.participants,
            self.winner,
            self.places.get(user_id),
        )


# --8<-- [end:board]
