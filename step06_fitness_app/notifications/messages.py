"""What travels on /ws/notifications/."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from notifications.models import Kind, Notification
from realtime import messages as realtime
from realtime.messages import AskHistory, Number, decoder


class Mark(Struct, tag_field="type", tag="mark"):
    """I have read these, or have not after all."""

    numbers: Annotated[list[Number], Meta(min_length=1, max_length=100)]
    is_read: bool


class MarkAllRead(Struct, tag_field="type", tag="mark_all_read"):
    """I have read all up to this number: what comes meanwhile stays unread."""

    up_to: Number


Incoming = realtime.Incoming | AskHistory | Mark | MarkAllRead
decode = decoder(Incoming)


class Numbered(Struct):
    """What every notification has: its number counts 1, 2, 3 … in one person's stream."""

    number: int
    at: datetime
    is_read: bool


class AchievementNotification(Numbered, tag_field="type", tag=Kind.ACHIEVEMENT.value):
    """You have achieved something, in that workout."""

    rule: str
    title: str
    detail: str
    workout_id: int | None = None


class FriendAchievement(Numbered, tag_field="type", tag=Kind.FRIEND_ACHIEVEMENT.value):
    """A friend has achieved something, in workouts that you may see."""

    username: str
    rule: str
    title: str
    detail: str


class FriendRequest(Numbered, tag_field="type", tag=Kind.FRIEND_REQUEST.value):
    """Somebody wants to be your friend."""

    username: str


class FriendAccepted(Numbered, tag_field="type", tag=Kind.FRIEND_ACCEPTED.value):
    """Somebody is your friend now: you had asked."""

    username: str


class ChallengeEnded(Numbered, tag_field="type", tag=Kind.CHALLENGE_ENDED.value):
    """A challenge of yours is over; `place` is yours."""

    challenge_id: int
    name: str
    winner: str | None = None
    place: int | None = None


AnyNotification = (
    AchievementNotification | FriendAchievement | FriendRequest | FriendAccepted | ChallengeEnded
)


class Notifications(Struct, tag_field="type", tag="notifications"):
    """A page, oldest first. `unread` counts all there are up to number `as_of`."""

    notifications: list[AnyNotification]
    unread: int
    as_of: int


class Marked(Struct, tag_field="type", tag="marked"):
    """These, or all up to one, are read or unread now: sent to each of your tabs.

    `unread` as in Notifications: what is newer than `as_of`, each client adds by itself.
    """

    is_read: bool
    unread: int
    as_of: int
    numbers: list[int] | None = None
    up_to: int | None = None


Outgoing = Notifications | AnyNotification | Marked | realtime.Outgoing

STRUCTS = {struct.__struct_config__.tag: struct for struct in AnyNotification.__args__}


def frame_of(notification: Notification) -> AnyNotification:
    """A notification as it travels."""
    fields = dict(notification.data)
    if notification.about:
        fields["username"] = notification.about.username
    is_read = notification.read_at is not None
    return STRUCTS[notification.kind](notification.number, notification.made_at, is_read, **fields)


def page_of(notifications: list[Notification], unread: int, as_of: int) -> Notifications:
    """A page as it travels."""
    return Notifications([*map(frame_of, notifications)], unread, as_of)
