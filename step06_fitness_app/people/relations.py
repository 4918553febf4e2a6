"""Who is what to whom, and what that allows. Every app asks here."""

from enum import StrEnum

from django.contrib.auth.models import User
from django.db.models import Exists, F, Q, QuerySet

from people.models import Block, Friendship, Privacy, Profile


class Relation(StrEnum):
    """What a viewer is to an owner. A blocked one is nothing else; a trainer may be a friend too,
    and counts as the trainer."""

    OWNER = "owner"
    TRAINER = "trainer"
    FRIEND = "friend"
    STRANGER = "stranger"
    BLOCKED = "blocked"


# --8<-- [start:may_see]
MAY_SEE = {
    Relation.OWNER: {*Privacy},
    Relation.TRAINER: {Privacy.PUBLIC, Privacy.FRIENDS, Privacy.TRAINER},
    Relation.FRIEND: {Privacy.PUBLIC, Privacy.FRIENDS},
    Relation.STRANGER: {Privacy.PUBLIC},
    Relation.BLOCKED: set(),
}


def may_see(relation: Relation, privacy: str) -> bool:
    """Whether what has this privacy is shown to who stands in this relation to its owner."""
    return privacy in MAY_SEE[relation]


# --8<-- [end:may_see]


def relation(viewer_id: int, owner_id: int) -> Relation:
    """What the viewer is to the owner. Somebody who does not exist is a stranger's stranger."""
    if viewer_id == owner_id:
        return Relation.OWNER
    if is_blocked(viewer_id, owner_id):
        return Relation.BLOCKED
    if Profile.objects.filter(user=owner_id, trainer=viewer_id).exists():
        return Relation.TRAINER
    if friendship(viewer_id, owner_id).filter(accepted_at__isnull=False).exists():
        return Relation.FRIEND
    return Relation.STRANGER


def is_blocked(one_id: int, other_id: int) -> bool:
    """Whether either of two has blocked the other."""
    return blocks(one_id, other_id).exists()


def may_talk(one_id: int, other_id: int) -> bool:
    """Friends may, and a trainer and their client, whichever of them asks."""
    return Profile.objects.filter(
        ~Exists(blocks(one_id, other_id)), linked(*sorted([one_id, other_id])), user=one_id
    ).exists()


def blocks(one: int | F, other: int | F) -> QuerySet[Block]:
    """The blocks between two; inside of a query, Exists(blocks(OuterRef("…"), …))."""
    either = Q(blocker=one, blocked=other) | Q(blocker=other, blocked=one)
    return Block.objects.filter(either)


def linked(first: int | F, second: int | F) -> Exists:
    """In a query: whether two are friends, or trainer and client. `first` has the lower id."""
    friends = Friendship.objects.filter(first=first, second=second, accepted_at__isnull=False)
    trains = Q(user=first, trainer=second) | Q(user=second, trainer=first)
    return Exists(friends) | Exists(Profile.objects.filter(trains))


def friendship(one_id: int, other_id: int) -> QuerySet[Friendship]:
    """The friendship of two people, asked for or accepted, if there is one."""
    first, second = sorted([one_id, other_id])
    return Friendship.objects.filter(first=first, second=second)


def friends_of(user_id: int) -> QuerySet[User]:
    """Whose friendship both have wanted. A block ends a friendship, so none of them is blocked."""
    accepted = Friendship.objects.filter(accepted_at__isnull=False)
    return User.objects.filter(
        Q(pk__in=accepted.filter(first=user_id).values("second"))
        | Q(pk__in=accepted.filter(second=user_id).values("first")),
        is_active=True,
    )
