"""What the feed does, without sockets: who may, write, read. Called in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager

from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from feed import messages as wire
from feed.models import Cheer, Comment, Post, Stream
from people.models import Block
from people.relations import Relation, blocks, friends_of, may_see
from realtime import groups, limits
from realtime.messages import Ack, encode
from workouts.services import visible_to as visible_workouts

PAGE = 20  # posts
NEWEST = 3  # comments that come with a post
COMMENTS = 50  # of a page of them


def visible_to(viewer: User) -> QuerySet[Post]:
    """One's own and friends' posts. Every way to a post begins here: socket and HTTP."""
    by = Q(author=viewer) | Q(author__in=friends_of(viewer.pk))
    return Post.objects.filter(by, ~Exists(blocks(OuterRef("author"), viewer.pk)))


def comments_for(viewer: User) -> QuerySet[Comment]:
    """Whoever sees a post sees what is said to it, but not across a block."""
    unblocked = Comment.objects.filter(~Exists(blocks(OuterRef("author"), viewer.pk)))
    return unblocked.select_related("author")


def blocked_for(viewer: User) -> set[int]:
    """Ids of people whom nobody of the feed may show to this one."""
    pairs = Block.objects.filter(Q(blocker=viewer) | Q(blocked=viewer))
    return {*sum(pairs.values_list("blocker", "blocked"), ())} - {viewer.pk}


def authors_for(viewer: User) -> set[int]:
    """Ids of those whose posts one sees."""
    return {viewer.pk, *friends_of(viewer.pk).values_list("pk", flat=True)}


def shown_to(viewer: User) -> QuerySet[Post]:
    """Posts with all that a page shows of them: three queries, however many there are."""
    of_post = {"post": OuterRef("pk")}
    newest = comments_for(viewer).order_by("-pk")[:NEWEST]
    return (
        visible_to(viewer)
        .select_related("author")
        .annotate(
            cheer_count=how_many(Cheer.objects.filter(**of_post)),
            comment_count=how_many(comments_for(viewer).filter(**of_post)),
            is_cheered=Exists(Cheer.objects.filter(**of_post, user=viewer)),
        )
        .prefetch_related(
            Prefetch("workout", visible_workouts(viewer)),  # None, if it is not for them
            Prefetch("comments", newest, to_attr="newest"),
        )
    )


def how_many(of_post: QuerySet) -> Coalesce:
    """In a query over posts: the number of these of each."""
    return Coalesce(Subquery(of_post.order_by().values("post").values(many=Count("*"))), 0)


def page(viewer: User, before: int | None = None) -> wire.Feed:
    """The newest posts, or those before an id."""
    posts = shown_to(viewer).order_by("-pk")
    if before is not None:
        posts = posts.filter(pk__lt=before)
    rows = list(posts[: PAGE + 1])
    return wire.Feed([*map(wire.shown, rows[:PAGE])], before, len(rows) > PAGE)


def comments(viewer: User, post_id: int, before: int | None = None) -> list[wire.Comment]:
    """A page of what is said to a post, oldest first: before an id, or the newest."""
    visible_to(viewer).get(pk=post_id)
    found = comments_for(viewer).filter(post=post_id).order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    return [*map(wire.comment_of, found[:COMMENTS])][::-1]


def last_number() -> int:
    return Stream.objects.values_list("last_number", flat=True).first() or 0


def since(viewer: User, number: int) -> list[wire.Post]:
    """What has changed after a number, the first change first. None is missing: see Stream."""
    rows = shown_to(viewer).filter(changed__gt=number).order_by("changed", "pk")[:PAGE]
    return [*map(wire.shown, rows)]


def locked() -> Stream:
    """The stream, and with it the right to write: see Stream."""
    if found := Stream.objects.select_for_update().first():
        return found
    Stream.objects.get_or_create(pk=1)
    return Stream.objects.select_for_update().get(pk=1)


@contextmanager
def writing(user: User) -> Iterator[Stream]:
    """A transaction in which somebody writes: one at a time, and not who is gone meanwhile."""
    limits.count("posts", user.pk, settings.USER_MESSAGES_PER_MINUTE)
    with transaction.atomic():
        stream = locked()
        User.objects.get(pk=user.pk, is_active=True)
        yield stream


def post(author: User, text: str, client_id: str, workout_id: int | None = None):
    """Store a post; the answer to its author, and the event for friends, if it is new.

    Raises ObjectDoesNotExist if that is no finished workout of theirs.
    """
    with writing(author) as stream:
        if known := Post.objects.filter(author=author, client_id=client_id).first():
            return Ack(client_id, known.pk), None
        own = visible_workouts(author).filter(owner=author)
        workout = own.get(pk=workout_id) if workout_id is not None else None
        row = Post.objects.create(
            author=author, text=text, client_id=client_id, workout=workout, changed=stream.next()
        )
    is_open = workout and may_see(Relation.FRIEND, workout.privacy)
    created = wire.PostCreated(wire.post_of(row, workout if is_open else None))
    event = event_of(row, author, created)
    if workout and not is_open:
        event["own"] = encode(wire.PostCreated(wire.post_of(row, workout)))
    return Ack(client_id, row.pk), event


def cheer(user: User, post_id: int, is_on: bool):
    """Cheer a post or not; the answer, and the event, if that changed anything."""
    with writing(user) as stream:
        row = visible_to(user).select_related("author").get(pk=post_id)
        own = row.cheers.filter(user=user)
        is_new = is_on != own.exists()
        if is_new:
            row.cheers.create(user=user) if is_on else own.delete()
            touch(row, stream)
        many = row.cheers.count()
    cheered = wire.Cheered(row.pk, row.changed, many, user.username, is_on)
    return cheered, event_of(row, user, cheered) if is_new else None


def comment(author: User, post_id: int, text: str, client_id: str):
    """Store a comment; the answer, and the event, if it is new."""
    with writing(author) as stream:
        row = visible_to(author).get(pk=post_id)
        if known := Comment.objects.filter(author=author, client_id=client_id).first():
            return Ack(client_id, known.pk), None
        said = row.comments.create(author=author, text=text, client_id=client_id)
        touch(row, stream)
    created = wire.CommentCreated(row.pk, row.changed, wire.comment_of(said))
    return Ack(client_id, said.pk), event_of(row, author, created)


def delete(author: User, post_id: int) -> None:
    """Delete a post of one's own; signals.py tells of it."""
    with writing(author):
        Post.objects.get(pk=post_id, author=author).delete()


def touch(row: Post, stream: Stream) -> None:
    row.changed = stream.next()
    row.save(update_fields=["changed"])


# --8<-- [start:tell]
def event_of(row: Post, by: User, frame) -> dict:
    """What the sockets of an author's friends are told: FeedConsumer.told."""
    group = groups.feed(row.author_id)
    about = {"author": row.author_id, "by": by.pk}
    return {"type": "told", "group": group, "text": encode(frame), **about}


async def tell(event: dict | None) -> None:
    """One send, to the author's one group, be it five friends or five thousand: each of them
    joined it when they came."""
    if event:
        await get_channel_layer().group_send(event["group"], event)


# --8<-- [end:tell]
