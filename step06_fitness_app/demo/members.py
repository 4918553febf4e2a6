"""The demo's members: each is really connected, over the network, as any client would be.

One more of them is one more line in MEMBERS.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import cycle
from random import uniform
from time import monotonic

from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import User
from django.db import OperationalError

from accounts.client import AWAY, Refused, Session, pause_before
from chat import services as chat
from chat.models import Message
from demo.people import BIKE, ROWER, recording
from workouts.models import Workout
from workouts.replay import Replay
from workouts.services import finish, unfinished

KEPT_WORKOUTS = 20  # of a member, played live
KEPT_MESSAGES = 200  # of a conversation
BETWEEN = 20  # seconds from one workout to the next
STEADY = 30  # seconds after which a member counts as connected well

Member = Callable[[Session], Awaitable[None]]


# --8<-- [start:train]
async def train(session: Session, file: str, speed: float) -> None:
    """Play a recording, again and again."""
    found = await in_thread(recording)(file)
    while True:
        await in_thread(finish_old)(session.user)
        await Replay(session, found, speed).run()
        await in_thread(forget_workouts)(session.user)
        await asyncio.sleep(BETWEEN)


# --8<-- [end:train]


async def talk(session: Session, name: str, lines: list[str], least: float, most: float) -> None:
    """Say something, and something more whenever it was answered, after so many seconds."""
    says, me = cycle(lines), session.user.username
    other = await in_thread(User.objects.get)(username=name)
    conversation = await in_thread(chat.start)(session.user, other)
    async with session.connect(f"/ws/chat/{conversation.pk}/") as socket:
        turn = is_my_turn(await socket.hear(), me, name)
        while True:
            if turn:
                await asyncio.sleep(uniform(least, most))
                await socket.say("typing", is_typing=True)
                await asyncio.sleep(uniform(1, 3))
                await socket.say("chat_message", message=next(says))
                await in_thread(forget_messages)(conversation.pk)
            frame = await socket.hear()
            turn = frame["type"] == "chat_message" and frame["username"] == name
            if turn:
                await socket.say("read", up_to=frame["number"])


def finish_old(user: User) -> None:
    """End what an earlier demo was killed in."""
    if unfinished(user).exists():
        finish(user)


def is_my_turn(history: dict, me: str, other: str) -> bool:
    """What nobody has read is not added to, however long the demo runs."""
    newest = history["messages"][-1] if history["messages"] else None
    return not newest or newest["username"] != me or history["read"][other] >= newest["number"]


def forget_workouts(user: User) -> None:
    """All but the newest that were live."""
    live = Workout.objects.filter(owner=user, source="live", state="finished")
    live.filter(pk__in=live.order_by("-started_at").values("pk")[KEPT_WORKOUTS:]).delete()


def forget_messages(conversation_id: int) -> None:
    """All but the newest."""
    messages = Message.objects.filter(conversation=conversation_id).order_by("-number")
    if last := messages.first():
        messages.filter(number__lte=last.number - KEPT_MESSAGES).delete()


RIDING = ["Legs are heavy today.", "Pulse at 150, all good.", "Ten more minutes.", "See you later!"]
ROWING = ["The rower is free at six.", "500 m splits are coming down.", "How is the bike?", "Ha!"]
COACHING = ["Easy on the first ten minutes.", "Good. Sleep well before the next one.", "Noted."]

# --8<-- [start:members]
MEMBERS: list[tuple[str, Member]] = [
    ("ben", partial(train, file=BIKE, speed=2)),
    ("cleo", partial(train, file=ROWER, speed=2)),
    ("ben", partial(talk, name="ada", lines=RIDING, least=2, most=6)),
    ("tom", partial(talk, name="ada", lines=COACHING, least=3, most=9)),
    ("ben", partial(talk, name="cleo", lines=RIDING, least=20, most=60)),
    ("cleo", partial(talk, name="ben", lines=ROWING, least=20, most=60)),
]
# --8<-- [end:members]


async def live(url: str, log: Callable[[str], None]) -> None:
    """Connect all members, for good."""
    async with asyncio.TaskGroup() as group:
        for name, member in MEMBERS:
            group.create_task(keep(name, member, url, log))


async def keep(name: str, member: Member, url: str, log: Callable[[str], None]) -> None:
    """One member, through every restart of the server, with a new log-in if the old one ended."""
    session, attempt = None, 0
    try:
        while True:
            began = monotonic()
            try:
                user = await in_thread(User.objects.get)(username=name)
                session = session or await in_thread(Session)(user, url)
                await member(session)
            except (*AWAY, OperationalError) as problem:
                if attempt == 0:
                    log(f"{name} waits for {url}: {problem or type(problem).__name__}")
            except Refused as problem:
                log(f"{name} was refused: {problem}")
                session = None
            except User.DoesNotExist:
                return log(f"{name} is no more")
            attempt = attempt + 1 if monotonic() - began < STEADY else 0
            await pause_before(attempt)
    finally:
        if session:
            await in_thread(session.close)()
