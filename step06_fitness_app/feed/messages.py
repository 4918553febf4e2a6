"""What travels on /ws/social/."""

from datetime import datetime

from msgspec import Struct, convert

from feed import models
from realtime import messages as realtime
from realtime.messages import Ack, AskHistory, ClientId, Number, Text, decoder
from workouts.models import Workout


class SendPost(Struct, tag_field="type", tag="post"):
    """Tell your friends something, about a finished workout of yours if you like."""

    text: Text
    client_id: ClientId
    workout_id: Number | None = None


class SendCheer(Struct, tag_field="type", tag="cheer"):
    """Cheer a post, or take that back. However often: the answer is a `cheered`."""

    post_id: Number
    is_on: bool


class SendComment(Struct, tag_field="type", tag="comment"):
    """Say something to a post."""

    post_id: Number
    text: Text
    client_id: ClientId


Incoming = realtime.Incoming | AskHistory | SendPost | SendCheer | SendComment
decode = decoder(Incoming)


class Summary(Struct):
    """A workout that you may see, in short."""

    id: int
    kind: str
    duration_seconds: float
    distance_m: float | None
    repetitions: int


class Comment(Struct):
    """What somebody said to a post."""

    id: int
    username: str
    text: str
    at: datetime
    client_id: str


class Post(Struct):
    """A post as you may see it. Of two with the same `id`, keep the one with the higher `number`.

    `comments` are the newest, oldest first, of `comment_count`.
    """

    id: int
    number: int
    username: str
    text: str
    at: datetime
    client_id: str
    workout: Summary | None
    cheers: int = 0
    is_cheered: bool = False
    comment_count: int = 0
    comments: list[Comment] = []


class Feed(Struct, tag_field="type", tag="feed"):
    """A page, newest first: all there is for you before id `before`, down to its last post, or to
    the beginning unless `has_older`. What you have in between and is not in it is gone.

    Without `before` it is the newest page: when you come, and when others may have become or
    ceased to be your friends. Whoever has older pages asks for those again.
    """

    posts: list[Post]
    before: int | None
    has_older: bool


class FeedChanged(Struct, tag_field="type", tag="feed_changed"):
    """Posts of any age that are new or have changed; you may know it already."""

    posts: list[Post]


class PostCreated(Struct, tag_field="type", tag="post_created"):
    """A friend, or you, posted."""

    post: Post


class PostDeleted(Struct, tag_field="type", tag="post_deleted"):
    """Its author has deleted it."""

    post_id: int


class Cheered(Struct, tag_field="type", tag="cheered"):
    """Somebody cheers a post, or no more. The `count` with the highest `number` is true."""

    post_id: int
    number: int
    count: int
    username: str
    is_on: bool


class CommentCreated(Struct, tag_field="type", tag="comment_created"):
    """Somebody has said something to a post: one more than a post of a lower `number` counts.

    How many there are it does not say: that is another number for who is blocked.
    """

    post_id: int
    number: int
    comment: Comment


Events = PostCreated | PostDeleted | Cheered | CommentCreated
Outgoing = Feed | FeedChanged | Events | Ack | realtime.Outgoing


def summary_of(workout: Workout | None) -> Summary | None:
    return workout and convert(workout, Summary, from_attributes=True)


def comment_of(row: models.Comment) -> Comment:
    return Comment(row.pk, row.author.username, row.text, row.said_at, row.client_id)


def post_of(row: models.Post, workout: Workout | None, **counted) -> Post:
    """A post as it travels, with the workout as far as it is shown."""
    return Post(
        row.pk,
        row.changed,
        row.author.username,
        row.text,
        row.posted_at,
        row.client_id,
        summary_of(workout),
        **counted,
    )


def shown(row: models.Post) -> Post:
    """A row of services.shown_to as it travels."""
    return post_of(
        row,
        row.workout,
        cheers=row.cheer_count,
        is_cheered=row.is_cheered,
        comment_count=row.comment_count,
        comments=[comment_of(comment) for comment in reversed(row.newest)],
    )
