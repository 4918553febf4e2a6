"""What travels on /ws/challenge/<id>/. A value is in metres, seconds or repetitions."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from challenges.models import MAX_VALUE, Challenge
from realtime import messages as realtime
from realtime.messages import Ack, ClientId, decoder

Value = Annotated[float, Meta(ge=0, le=MAX_VALUE)]


class ProgressUpdate(Struct, tag_field="type", tag="progress_update"):
    """I have done so much altogether. Never less than before."""

    value: Value
    client_id: ClientId


class ChallengeJoin(Struct, tag_field="type", tag="challenge_join"):
    """Take part."""

    client_id: ClientId | None = None


class ChallengeLeave(Struct, tag_field="type", tag="challenge_leave"):
    """Take part no more: my progress goes, too."""

    client_id: ClientId | None = None


Incoming = realtime.Incoming | ProgressUpdate | ChallengeJoin | ChallengeLeave
decode = decoder(Incoming)


class Standing(Struct):
    """A line of the board."""

    place: int
    username: str
    progress: float


class You(Struct):
    """Your own place, be it among the first ten or not."""

    place: int
    progress: float


class Info(Struct):
    """What a challenge is about."""

    id: int
    name: str
    metric: str
    goal: float | None
    starts_at: datetime
    ends_at: datetime
    made_by: str
    is_public: bool
    is_over: bool


class ChallengeState(Struct, tag_field="type", tag="challenge_state"):
    """All of it, when you come. `top` are the first ten; `you` is null if you take no part."""

    challenge: Info
    version: int
    top: list[Standing]
    participants: int
    winner: str | None
    you: You | None


class LeaderboardUpdate(Struct, tag_field="type", tag="leaderboard_update"):
    """The board has changed. At most five a second, whatever comes in; never an older one."""

    version: int
    top: list[Standing]
    participants: int
    you: You | None


class ChallengeEnded(Struct, tag_field="type", tag="challenge_ended"):
    """It is over, and this board is the last. There is no winner where nobody did anything."""

    version: int
    winner: str | None
    top: list[Standing]
    participants: int
    you: You | None


Outgoing = ChallengeState | LeaderboardUpdate | ChallengeEnded | Ack | realtime.Outgoing


def info_of(challenge: Challenge) -> Info:
    """A challenge as it travels."""
    shown = {name: getattr(challenge, name) for name in Info.__struct_fields__}
    return Info(**{**shown, "made_by": challenge.made_by.username})
