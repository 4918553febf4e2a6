"""What people do to each other and to themselves. Sync; each is one transaction."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.services import tell, tell_group
from feed.services import locked as hold_feed
from notifications import services as notifications
from people.models import Block, Friendship, Profile, Role
from people.relations import blocks, friendship, is_blocked
from realtime import groups, limits

FOUND = 20  # people that a search shows
REQUESTS_PER_MINUTE = SIGN_UPS_PER_MINUTE = 20
CHANGES_PER_MINUTE = 30  # of blocks, and of the profile: sockets of others look again
PASSWORDS_PER_MINUTE = 5


def visible_to(me: User) -> QuerySet[User]:
    """Whom somebody may know of. Who has blocked them is not there, nor whom they blocked."""
    there = User.objects.filter(~Exists(blocks(OuterRef("pk"), me.pk)), is_active=True)
    return there.exclude(pk=me.pk).select_related("profile")


def find(me: User, username: str) -> User:
    """Somebody else. Raises User.DoesNotExist, for a blocked one too: they are not told why."""
    return visible_to(me).get(username=username)


def search(me: User, text: str) -> list[User]:
    """The first of those whose names contain a text."""
    return list(visible_to(me).filter(username__icontains=text).order_by("username")[:FOUND])


# --8<-- [start:together]
@contextmanager
def together(*user_ids: int, also: Iterable[int] = ()) -> Iterator[None]:
    """A transaction about these people, one at a time: it locks their profiles, in the order of
    their ids, so that two never wait for each other. Raises User.DoesNotExist if one is gone; not
    for those that it is `also` about.
    """
    with transaction.atomic():
        profiles = Profile.objects.select_for_update().filter(pk__in={*user_ids, *also})
        if not {*user_ids} <= {profile.pk for profile in profiles.order_by("pk")}:
            raise User.DoesNotExist
        yield


def ask(me: User, other: User) -> Friendship:
    """Ask somebody to be friends, or accept if they have asked. To ask twice is to ask once."""
    limits.count("requests", me.pk, REQUESTS_PER_MINUTE)
    with together(me.pk, other.pk):
        if is_blocked(me.pk, other.pk):
            raise User.DoesNotExist
        first, second = sorted([me.pk, other.pk])
        found, is_new = Friendship.objects.get_or_create(
            first_id=first, second_id=second, defaults={"asked_by": me}
        )
        if is_new:  # by the key, who asks again and again rings the bell once
            notifications.notify(other, "friend_request", f"friend_request.{me.pk}", about=me)
        elif found.accepted_at is None and found.asked_by_id != me.pk:
            found.accepted_at = timezone.now()
            found.save(update_fields=["accepted_at"])
            notifications.notify(other, "friend_accepted", f"friend_accepted.{found.pk}", about=me)
        return found


# --8<-- [end:together]


def unfriend(me: User, other: User) -> None:
    """End a friendship, take a request back, or decline one."""
    with together(me.pk, other.pk):
        friendship(me.pk, other.pk).delete()


def decline(me: User, other: User) -> None:
    """Decline a request, or take one back. Who was accepted meanwhile stays a friend."""
    with together(me.pk, other.pk):
        friendship(me.pk, other.pk).filter(accepted_at=None).delete()


def block(me: User, other: User) -> None:
    """Have nothing to do with somebody: it ends whatever there was between the two.

    Raises TooMuch.
    """
    limits.count("blocks", me.pk, CHANGES_PER_MINUTE)
    with together(me.pk, other.pk):
        Block.objects.get_or_create(blocker=me, blocked=other)
        friendship(me.pk, other.pk).delete()
        trains = Q(user=me, trainer=other) | Q(user=other, trainer=me)
        Profile.objects.filter(trains).update(trainer=None)


def unblock(me: User, username: str) -> None:
    """What the block ended stays ended. Raises Block.DoesNotExist."""
    Block.objects.get(blocker=me, blocked__username=username).delete()


def blocked_by(me: User) -> QuerySet[User]:
    """Whom somebody has blocked."""
    mine = Block.objects.filter(blocker=me).values("blocked")
    return User.objects.filter(pk__in=mine).select_related("profile").order_by("username")


def circle(me: User) -> dict[str, list[User]]:
    """Whom somebody is friends with, whom they asked, and who is asking them."""
    found = {"friends": [], "asked": [], "asking": []}
    rows = Friendship.objects.filter(Q(first=me) | Q(second=me))
    states = {row.first_id + row.second_id - me.pk: state_of(row, me) for row in rows}
    for other in visible_to(me).filter(pk__in=states).order_by("username"):
        found[states[other.pk]].append(other)
    return found


def standing(me: User, other: User) -> User:
    """Somebody, with what they are to another: see StandingSerializer."""
    other.friendship = state_of(friendship(me.pk, other.pk).first(), me)
    other.is_my_trainer = Profile.objects.filter(user=me, trainer=other).exists()
    other.is_my_client = other.profile.trainer_id == me.pk
    other.may_talk = other.friendship == "friends" or other.is_my_trainer or other.is_my_client
    return other


def state_of(row: Friendship | None, me: User) -> str:
    """What a friendship is to one of the two."""
    if row is None:
        return "none"
    return "friends" if row.accepted_at else "asked" if row.asked_by_id == me.pk else "asking"


def trainers(me: User) -> QuerySet[User]:
    """Whom somebody can choose as theirs."""
    return visible_to(me).filter(profile__role=Role.TRAINER).order_by("username")


def change(profile: Profile, **changes) -> None:
    """Change one's role, trainer or privacy. Who is no trainer any more has no clients left.

    Raises User.DoesNotExist for a trainer who is none, or no longer there, and TooMuch.
    """
    limits.count("profile-changes", profile.user_id, CHANGES_PER_MINUTE)
    me, trainer = profile.user, changes.get("trainer")
    lost = me.clients.all() if changes.get("role") == Role.MEMBER else me.clients.none()
    lost_ids = {client.pk for client in lost}
    told = {me.pk, trainer.pk} if trainer else {me.pk}
    with together(*told, also=lost_ids):
        if trainer:
            trainers(me).get(pk=trainer.pk)  # still
        profile.refresh_from_db()
        told |= lost_ids | {profile.trainer_id or me.pk}
        lost.update(trainer=None)
        for field, value in changes.items():
            setattr(profile, field, value)
        profile.save(update_fields=changes)
        for user_id in told:
            tell(user_id)
        tell_group(groups.workout(me.pk))


def sign_up(username: str, password: str, address: str) -> User:
    """Make somebody new. Raises ValidationError, by field, and TooMuch for one network address."""
    limits.count("sign-ups", address, SIGN_UPS_PER_MINUTE)
    form = UserCreationForm({"username": username, "password1": password, "password2": password})
    # As it is stored: one sign may stand for two dots. No address has a part like "..".
    if form.is_valid() and not form.cleaned_data["username"].strip("."):
        form.add_error("username", "Use letters or digits too.")
    if form.is_valid():
        try:
            with transaction.atomic():
                return form.save()
        except IntegrityError:  # somebody was faster
            form.add_error("username", "A user with that username already exists.")
    password_problems = form.errors.get("password1", []) + form.errors.get("password2", [])
    problems = {"username": form.errors.get("username"), "password": password_problems}
    raise ValidationError({field: texts for field, texts in problems.items() if texts})


# --8<-- [start:delete]
def delete_account(me: User, password: str) -> None:
    """Delete somebody with everything that is theirs; their sockets are told.

    Raises ValidationError and TooMuch. What others write about them at the same moment can make
    the database refuse: then it is deleted with that.
    """
    limits.count("passwords", me.pk, PASSWORDS_PER_MINUTE)
    if not me.check_password(password):
        raise ValidationError({"password": ["That is not your password."]})
    for is_last in (False, False, True):
        try:
            clients = me.clients.values_list("pk", flat=True)  # they lose their trainer
            with together(me.pk, also=clients):
                hold_feed()  # before Django looks what is theirs: posts and comments are not missed
                for client in me.clients.all():
                    tell(client.pk)
                OutstandingToken.objects.filter(user=me).delete()  # they would only lose the name
                User.objects.get(pk=me.pk).delete()
            return
        except (IntegrityError, OperationalError):  # the second: each waits for the other
            if is_last:
                raise


# --8<-- [end:delete]
