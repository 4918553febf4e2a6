"""Whom the demo makes, what they are to each other, and what they have done so far."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from challenges import services as challenges
from challenges.models import Challenge, Metric
from chat import services as chat
from chat.models import Message
from feed import services as feed
from feed.models import Comment, Post
from people import services as people
from people.models import Profile, Role
from workouts import fit
from workouts.recordings import Recording
from workouts.services import store_recording

PEOPLE = ["ada", "ben", "cleo", "leo", "mia", "noa", "sam", "tom"]
TRAINER, STAFF = "tom", "sam"
TRAINED = ["ada tom", "ben tom", "mia tom"]  # the client, the trainer
FRIENDS = ["ada ben", "ada cleo", "ada mia", "ben cleo", "ben mia", "cleo leo", "leo mia"]
ASKING = ["noa ada", "leo ada"]
TALKS = {
    "ada ben": [
        ("ada", "Rowing at six?"),
        ("ben", "On the bike today, see you on the live page."),
        ("ada", "I will watch and eat cake."),
    ],
    "ada tom": [
        ("tom", "Good week. Two easy rides before the next hard one, please."),
        ("ada", "Two easy ones, promised."),
    ],
    "ben cleo": [("cleo", "500 m in under two minutes, finally!"), ("ben", "Show-off. Well done!")],
}
# Days ago, recording, and how much of it: some in a row, some longer than any before. All of it
# is there once, so that what is played live is no personal best, again and again.
BIKE, ROWER = "indoor-trainer", "fitness-equipment"
DONE = {
    "ada": [(16, BIKE, 0.5), (9, ROWER, 0.6), (3, BIKE, 0.7), (2, ROWER, 0.8), (1, BIKE, 1)],
    "ben": [(20, BIKE, 0.6), (6, BIKE, 1), (5, ROWER, 0.5)],
    "cleo": [(day, ROWER, (11 - day) / 10) for day in (7, 6, 5, 4, 3, 2, 1)],
    "leo": [(12, BIKE, 0.8), (1, ROWER, 0.4)],
    "mia": [(2, BIKE, 0.5), (1, BIKE, 0.3)],
}
# Who, hours ago, what, those who cheer, and what is said to it.
POSTS = [
    ("mia", 30, "Squats today. Stairs tomorrow? We will see.", "ada ben", [("ben", "Lift it is.")]),
    ("ada", 26, "Five workouts, and cake. In that order.", "ben cleo mia", [("cleo", "Cake!")]),
    ("cleo", 20, "A week of rowing, every day of it.", "ada", [("ada", "Chapeau.")]),
    ("ben", 3, "Bike, then bike. Watch me, I am live.", "mia", [("mia", "We do!"), ("ada", "Go!")]),
]
MAKER = "cleo"  # of the challenges
RACE, RACED = "Race of the day", "Rowing weekend"
RACERS = {"ben": 2_400, "cleo": 2_350, "mia": 2_300, "ada": 1_500}  # metres so far
KEPT_RACES = 3


@cache
def recording(name: str) -> Recording:
    """One of the real recordings that come with this project."""
    return fit.read(settings.BASE_DIR / f"data/workouts/{name}.fit")


@transaction.atomic
def make() -> None:
    """Make who is missing, and what is theirs, all or nothing. Who is here keeps what they have."""
    missing = set(PEOPLE) - set(User.objects.values_list("username", flat=True))
    for name in sorted(missing):
        is_staff = name == STAFF
        user = User.objects.create_user(
            name, password=f"{name}-demo", is_staff=is_staff, is_superuser=is_staff
        )
        if name == TRAINER:
            Profile.objects.filter(user=user).update(role=Role.TRAINER)
    users = User.objects.in_bulk(PEOPLE, field_name="username")

    def pairs(of):
        together = (pair.split() for pair in of)
        return [[users[name] for name in pair] for pair in together if missing & {*pair}]

    for one, other in pairs([*FRIENDS, *ASKING]):
        people.ask(one, other)
    for one, other in pairs(FRIENDS):
        people.ask(other, one)
    for one, other in pairs(TRAINED):
        Profile.objects.filter(user=one).update(trainer=other)
    for one, other in pairs(TALKS):
        talk(one, other, TALKS[f"{one} {other}"])
    for name in missing & {*DONE}:
        for days, file, part in DONE[name]:
            store_recording(users[name], ago(recording(file), days, part))
    for number, (name, *details) in enumerate(POSTS):
        if name in missing:
            tell(users, f"demo-{number}", users[name], *details)
    if MAKER in missing:
        raced(users)
        race()


def ago(whole: Recording, days: int, part: float) -> Recording:
    """The first part of a recording, as if it had been made some days ago."""
    at = timezone.now().replace(minute=12, second=0, microsecond=0) - timedelta(days=days)
    return replace(whole, started_at=at, samples=whole.samples[: int(len(whole.samples) * part)])


def talk(one: User, other: User, lines: list[tuple[str, str]]) -> None:
    """What two have said so far; made once, since each line has a client_id."""
    conversation = chat.start(one, other)
    for number, (name, text) in enumerate(lines):
        sender = one if one.username == name else other
        message = chat.store(conversation.pk, sender, text, f"demo-{number}")
        chat.mark_read(conversation.pk, sender, message.number)  # who answers has read
        sent_at = timezone.now() - timedelta(hours=2 * (len(lines) - number))
        Message.objects.filter(pk=message.pk).update(sent_at=sent_at)


def tell(users: dict[str, User], key: str, author: User, hours: int, text, cheers, said) -> None:
    """A post, and what others made of it; made once, by its client_id."""
    at = timezone.now() - timedelta(hours=hours)
    post_id = feed.post(author, text, key)[0].number
    Post.objects.filter(pk=post_id).update(posted_at=at)
    for name in cheers.split():
        feed.cheer(users[name], post_id, True)
    for minutes, (name, answer) in enumerate(said, 1):
        comment_id = feed.comment(users[name], post_id, answer, key)[0].number
        Comment.objects.filter(pk=comment_id).update(said_at=at + timedelta(minutes=minutes))


def raced(users: dict[str, User]) -> None:
    """A challenge that is over, and was won."""
    now = timezone.now()
    begun, ended = now - timedelta(days=4), now - timedelta(days=2)
    challenge = Challenge.objects.create(
        name=RACED, metric=Metric.DISTANCE, made_by=users[MAKER], starts_at=begun, ends_at=ended
    )
    for place, name in enumerate(["cleo", "ada", "ben"]):
        challenge.participants.create(user=users[name], progress=9000 - 700 * place, reached=place)
    challenges.end(challenge.pk)


def race() -> Challenge:
    """The public challenge that runs, made where none does, whoever asks first."""
    maker = User.objects.get(username=MAKER)
    with people.together(maker.pk):
        challenges.end_due()
        races = Challenge.objects.filter(made_by=maker, name=RACE)
        if running := races.filter(dissolved_at=None).first():
            return running
        for old in races[KEPT_RACES - 1 :]:
            old.delete()
        race = Challenge.objects.create(
            name=RACE,
            metric=Metric.DISTANCE,
            made_by=maker,
            is_public=True,
            ends_at=timezone.now() + timedelta(days=1),
        )
        racers = User.objects.filter(username__in=RACERS).order_by("pk")
        for reached, user in enumerate(racers):
            race.participants.create(user=user, progress=RACERS[user.username], reached=reached)
        return race
