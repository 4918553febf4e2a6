"""Six people around one owner, made in the server under attack, and what the owner has."""

import itertools
from datetime import timedelta

from django.contrib.auth.models import User
from django.core import serializers
from django.db.models import Q
from django.utils import timezone

from challenges.models import Challenge, Participant
from chat import services as chat
from chat.models import Conversation, Message
from feed import services as feed
from feed.models import Cheer, Comment, Post
from notifications import services as notifications
from notifications.models import Bell, Notification
from people.models import Block, Friendship, Privacy, Profile, Role
from tests.attacks import inside
from tests.people import befriend
from tests.working_out import record
from workouts import services as workouts
from workouts.models import ExerciseSet, Samples, Workout

NUMBERS = itertools.count(1)
OTHERS = ["stranger", "friend", "blocked", "trainer"]


def circle() -> dict[str, User]:
    """An owner, and what the others are to them; `another` is nobody of the table."""
    number = next(NUMBERS)
    names = [*OTHERS, "owner", "another"]
    them = {name: User.objects.create_user(f"{name}-{number}") for name in names}
    owner = them["owner"]
    befriend(owner, them["friend"])
    befriend(owner, them["another"])
    Profile.objects.filter(user=them["trainer"]).update(role=Role.TRAINER)
    Profile.objects.filter(user=owner).update(trainer=them["trainer"])
    return them


def block(them: dict[str, User]) -> None:
    Block.objects.create(blocker=them["owner"], blocked=them["blocked"])


def own_talk(one: User, owner: User, *, linked: bool) -> Conversation:
    """A conversation with the owner, begun when the two were friends, and a word of each."""
    if not linked:
        befriend(one, owner)
    talk = chat.start(one, owner)
    for sender in (one, owner):
        chat.store(talk.pk, sender, f"from {sender}", None)
    if not linked:
        first, second = sorted([one.pk, owner.pk])
        Friendship.objects.filter(first=first, second=second).delete()
    return talk


def scene(place: str, message: str) -> dict[str, dict[str, str]]:
    """For each of the table: the path of their socket, and a token."""
    kind, _, privacy = place.partition(": ")
    them = circle()
    owner, another = them["owner"], them["another"]
    whole = own_talk(another, owner, linked=True).pk
    paths = {}
    if kind == "whoami":
        path = "/ws/whoami/"
    elif kind == "notifications":
        path = "/ws/notifications/"
        for person in them.values():
            notifications.notify(person, "friend_request", about=another, username="another")
    elif kind == "chat with the owner":
        path = f"/ws/chat/{whole}/"
        for name in OTHERS:
            talk = own_talk(them[name], owner, linked=name in ("friend", "trainer"))
            paths[name] = f"/ws/chat/{talk.pk}/"
    elif kind == "chat of the owner with another":
        path = f"/ws/chat/{whole}/"
    elif kind == "social":
        path = "/ws/social/"
    elif kind == "challenge":
        path = f"/ws/challenge/{challenge(owner, is_public=privacy == 'public')}/"
    else:
        # What the profile says of others does not count while one runs.
        odd = Privacy.PRIVATE if privacy == "public" else Privacy.PUBLIC
        starts = message == "workout_start"
        Profile.objects.filter(user=owner).update(privacy=privacy if starts else odd)
        if not starts:
            going_on = workouts.start(owner, "strength", privacy)
            if message == "workout_resume":
                workouts.pause(owner)
        path = f"/ws/form/{going_on.pk}/" if kind == "form" else f"/ws/workout/{owner.pk}/"
    block(them)
    everybody = [*OTHERS, "owner"]
    return {
        "owner": owner.username,
        "POST": post(owner, another),
        "WORKOUT": record(owner).pk,
        "paths": {name: paths.get(name, path) for name in ["not logged in", *everybody]},
        "tokens": {name: inside.access(them[name].username) for name in [*everybody, "another"]},
    }


def challenge(owner: User, *, is_public: bool) -> int:
    """A challenge of the owner's, who takes part."""
    now = timezone.now()
    made = Challenge.objects.create(
        name="Long way",
        metric="distance_m",
        is_public=is_public,
        made_by=owner,
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(hours=1),
    )
    made.participants.create(user=owner, reached=1)
    return made.pk


def post(owner: User, friend: User) -> int:
    """A post of the owner's, that a friend has cheered and commented on."""
    number = feed.post(owner, "six kilometres", "c-1")[0].number
    feed.cheer(friend, number, True)
    feed.comment(friend, number, "well done", "c-1")
    return number


def everything() -> dict:
    """For HTTP: one of each that the owner has, shown to friends, and a token of each person."""
    Challenge.objects.all().delete()  # of the sockets' scenes: public ones are in every list
    them = circle()
    owner = them["owner"]
    talk = own_talk(them["another"], owner, linked=True)
    for name in OTHERS:
        own_talk(them[name], owner, linked=name in ("friend", "trainer"))
    workout = record(owner)
    workouts.change_privacy(workout, Privacy.FRIENDS)
    made = challenge(owner, is_public=False)
    block(them)
    return {
        "USERNAME": owner.username,
        "CONVERSATION": talk.pk,
        "WORKOUT": workout.pk,
        "CHALLENGE": made,
        "POST": post(owner, them["another"]),
        "tokens": {name: inside.access(them[name].username) for name in [*OTHERS, "owner"]},
    }


def rows(username: str) -> str:
    """All that is the owner's, but the log-ins: what no one else may change."""
    owner = User.objects.get(username=username)
    talks = Conversation.objects.filter(Q(first=owner) | Q(second=owner))
    mine = Workout.objects.filter(owner=owner)
    found = [
        User.objects.filter(pk=owner.pk),
        Profile.objects.filter(user=owner),
        Friendship.objects.filter(Q(first=owner) | Q(second=owner)),
        Block.objects.filter(blocker=owner),
        talks,
        Message.objects.filter(conversation__in=talks),
        Bell.objects.filter(user=owner),
        Notification.objects.filter(user=owner),
        mine,
        ExerciseSet.objects.filter(workout__in=mine),
        Samples.objects.filter(workout__in=mine),
        Challenge.objects.filter(made_by=owner),
        Participant.objects.filter(challenge__made_by=owner),
        Post.objects.filter(author=owner),
        Comment.objects.filter(post__author=owner),
        Cheer.objects.filter(post__author=owner),
    ]
    return "\n".join(
        serializers.serialize("json", some.order_by("pk"), fields=fields_of(some.model._meta))
        for some in found
    )


def fields_of(meta) -> list[str]:
    """All but what the server writes down by itself, a moment later."""
    fields = (*meta.fields, *meta.many_to_many)
    return [one.name for one in fields if one.name not in ("last_login", "shown", "shown_at")]


# The end of a right


def together(place: str, name: str) -> dict:
    """Somebody at a socket of the owner's, which shows it to friends and the trainer."""
    kind, _, state = place.partition(": ")
    them = circle()
    owner, one = them["owner"], them[name]
    found = {"name": one.username, "WORKOUT": 0}
    if kind == "chat":
        path = f"/ws/chat/{own_talk(one, owner, linked=True).pk}/"
    elif kind == "challenge":
        path = f"/ws/challenge/{challenge(owner, is_public=False)}/"
    elif kind == "social":
        path = "/ws/social/"
    else:
        if state != "nothing runs":
            found["WORKOUT"] = workouts.start(owner, "strength", Privacy.FRIENDS).pk
        path = f"/ws/form/{found['WORKOUT']}/" if kind == "form" else f"/ws/workout/{owner.pk}/"
    tokens = {"one": inside.access(one.username), "owner": inside.access(owner.username)}
    return {**found, "path": path, "tokens": tokens}
