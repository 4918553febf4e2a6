"""The demo's members: each is really connected, over the network, as any client would be.

One more of them is one more line in MEMBERS.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from itertools import cycle
from random import sample, uniform
from time import monotonic
from uuid import uuid4

from channels.db import database_sync_to_async as in_thread
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from accounts.client import AWAY, Refused, Session, Socket, pause_before
from accounts.models import Login
from challenges.models import Update
from chat import services as chat
from chat.models import Message
from coaching.recording import RATE, read
from demo import people
from demo.people import BIKE, ROWER, recording
from feed import services as feed
from realtime.refusals import NotAllowed
from workouts.models import Workout
from workouts.replay import Replay, refuse_errors
from workouts.services import finish, unfinished

KEPT_WORKOUTS = 20  # of a member, played live
KEPT_MESSAGES = 200  # of a conversation
BETWEEN = 20  # seconds from one workout to the next
SQUATTING = 300  # seconds of one workout
PATIENCE = 5  # seconds
POSES = 15  # frames of a body a second, of 30 recorded
KEPT_POSTS = 20  # of a member
KEPT_UPDATES = 20  # of a member's progress in challenges
THERE = timedelta(hours=8)  # after a log-in somebody may be there
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
    """Answer whatever is said, after so many seconds; begin where nothing has been said."""
    other = await in_thread(User.objects.filter(username=name).first)()
    if other is None:
        raise NotAllowed(f"{name} is no more")
    conversation = await in_thread(chat.start)(session.user, other)
    async with session.connect(f"/ws/chat/{conversation.pk}/") as socket:
        said = (await socket.hear())["messages"]
        says = cycle(least_heard(lines, said))
        turn = not said or said[-1]["username"] == name
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


async def squat(session: Session) -> None:
    """Train before the form coach: real frames, in their own time, again and again."""
    found = await in_thread(squats)()
    loop = asyncio.get_running_loop()
    while True:
        await in_thread(finish_old)(session.user)
        async with session.connect(f"/ws/workout/{session.user.pk}/", says_seen=True) as workout:
            await workout.say("workout_start", kind="strength", client_id=uuid4().hex)
            workout_id = (await until(workout, "ack"))["number"]
            async with session.connect(f"/ws/form/{workout_id}/", says_seen=True) as form:
                began = loop.time()
                for number in range(0, int(SQUATTING * RATE), RATE // POSES):
                    time, points = number / RATE, found[number % len(found)]
                    await form.say("pose", time=time, points=points)
                    await pass_time(form, began + time)
            # The set, with what the coach has counted.
            await pass_time(workout, loop.time() + PATIENCE, "workout_update")
            await workout.say("workout_finish")
            await until(workout, "workout_finished")
        await in_thread(forget_workouts)(session.user)
        await asyncio.sleep(BETWEEN)


async def race(session: Session) -> None:
    """Get ahead of who leads, or nearly, every few seconds; then the next race."""
    loop = asyncio.get_running_loop()
    while True:
        challenge = await in_thread(people.race)()
        async with session.connect(f"/ws/challenge/{challenge.pk}/") as socket:
            board = frame = await socket.hear()
            if not board["you"]:
                await socket.say("challenge_join")
            at = loop.time() + uniform(1, 3)
            while frame["type"] not in ("challenge_ended", "error"):  # an error: it is over
                try:
                    async with asyncio.timeout_at(at):
                        frame = await socket.hear()
                    board = frame if "top" in frame else board
                except TimeoutError:
                    if you := board["you"]:
                        behind = board["top"][0]["progress"] - you["progress"]
                        value = you["progress"] + uniform(0, min(behind + 15, 100))
                        await socket.say("progress_update", value=value, client_id=uuid4().hex)
                        await in_thread(forget_updates)(session.user)
                    at = loop.time() + uniform(2, 6)


async def share(session: Session, posts: list[str], answers: list[str]) -> None:
    """Cheer and answer what friends post, and post now and then, while ada may read it."""
    loop, me = asyncio.get_running_loop(), session.user
    says, answer = (cycle(sample(lines, len(lines))) for lines in (posts, answers))
    async with session.connect("/ws/social/") as socket:
        at = loop.time() + uniform(3, 15)
        while True:
            frame = await pass_time(socket, at, "post_created")
            if frame is None:
                if can_read := await in_thread(is_there)("ada"):
                    await socket.say("post", text=next(says), client_id=uuid4().hex)
                    await in_thread(forget_posts)(me)
                at = loop.time() + (uniform(45, 90) if can_read else uniform(3, 15))
            elif frame["post"]["username"] != me.username:
                post_id = frame["post"]["id"]
                await asyncio.sleep(uniform(2, 8))
                await socket.say("cheer", post_id=post_id, is_on=True)
                await asyncio.sleep(uniform(3, 12))
                said = {"text": next(answer), "client_id": uuid4().hex}
                await socket.say("comment", post_id=post_id, **said)


async def until(socket: Socket, type: str) -> dict:
    """The next frame of this type; an error is no answer to it."""
    while (frame := await socket.hear())["type"] != type:
        refuse_errors(frame)
    return frame


async def pass_time(socket: Socket, at: float, type: str | None = None) -> dict | None:
    """Hear what comes, and forget it; but give the first frame of this type, if one comes."""
    try:
        async with asyncio.timeout_at(at):
            while (frame := await socket.hear())["type"] != type:
                pass
            return frame
    except TimeoutError:
        return None


def squats() -> list:
    with (settings.BASE_DIR / "data/pose/squat_frames.csv").open(encoding="utf-8") as lines:
        return [frame.points for _, frame in read(lines)]


def is_there(name: str) -> bool:
    """Whether somebody may have a page open: nothing is told more of a person than a log-in."""
    since = timezone.now() - THERE
    return Login.objects.filter(user__username=name, ended_at=None, made_at__gt=since).exists()


def finish_old(user: User) -> None:
    """End what an earlier demo was killed in."""
    if unfinished(user).exists():
        finish(user)


def least_heard(lines: list[str], said: list[dict]) -> list[str]:
    """In any order, but those said already come last: a line that comes twice looks like a bug."""
    last = {message["message"]: message["number"] for message in said}
    return sorted(sample(lines, len(lines)), key=lambda line: last.get(line, 0))


def forget_workouts(user: User) -> None:
    """All but the newest that were live."""
    live = Workout.objects.filter(owner=user, source="live", state="finished")
    live.filter(pk__in=live.order_by("-started_at").values("pk")[KEPT_WORKOUTS:]).delete()


def forget_messages(conversation_id: int) -> None:
    """All but the newest."""
    messages = Message.objects.filter(conversation=conversation_id).order_by("-number")
    if last := messages.first():
        messages.filter(number__lte=last.number - KEPT_MESSAGES).delete()


def forget_posts(user: User) -> None:
    """All but the newest, with what others have said to them."""
    for pk in user.posts.order_by("-pk").values_list("pk", flat=True)[KEPT_POSTS:]:
        feed.delete(user, pk)


def forget_updates(user: User) -> None:
    """All but the newest: what is kept of them is the progress."""
    updates = Update.objects.filter(participant__user=user)
    updates.filter(pk__in=updates.order_by("-pk").values("pk")[KEPT_UPDATES:]).delete()


RIDING = ["Legs are heavy today.", "Pulse at 150, all good.", "Ten more minutes.", "See you later!"]
ROWING = ["The rower is free at six.", "500 m splits are coming down.", "How is the bike?", "Ha!"]
COACHING = [
    "Easy on the first ten minutes.",
    "Good. Sleep well before the next one.",
    "Noted, it goes into the plan.",
    "How are the legs?",
    "Then we add five minutes next week.",
    "Drink before you are thirsty.",
    "Send me the ride when you are done.",
    "Keep the cadence above 80.",
]
RIDDEN = [
    "Legs: no. Head: yes.",
    "New saddle. Old problems.",
    "40 minutes, all in zone 2.",
    "Somebody has hidden my left shoe.",
    "250 W for ten minutes. Then for one more.",
]
ROWED = [
    "Catch, drive, finish, tea.",
    "The river is flat as a mirror.",
    "Blisters, again.",
    "500 m in 1:58. I will frame it.",
    "Who rows on Sunday?",
]
LIFTED = [
    "Knees out, the coach says.",
    "Deeper than yesterday!",
    "Who has the chalk?",
    "Five sets. The fifth was a negotiation.",
    "Rest day tomorrow, promised.",
]
CHEERS = ["Strong!", "Well done!", "Ha, same here.", "See you tomorrow?", "Rest well."]

# --8<-- [start:members]
MEMBERS: list[tuple[str, Member]] = [
    ("ben", partial(train, file=BIKE, speed=2)),
    ("cleo", partial(train, file=ROWER, speed=2)),
    ("ben", partial(talk, name="ada", lines=RIDING, least=2, most=6)),
    ("tom", partial(talk, name="ada", lines=COACHING, least=3, most=9)),
    ("ben", partial(talk, name="cleo", lines=RIDING, least=20, most=60)),
    ("cleo", partial(talk, name="ben", lines=ROWING, least=20, most=60)),
    ("mia", squat),
    ("ben", race),
    ("cleo", race),
    ("mia", race),
    ("ben", partial(share, posts=RIDDEN, answers=CHEERS)),
    ("cleo", partial(share, posts=ROWED, answers=CHEERS[2:])),
    ("mia", partial(share, posts=LIFTED, answers=CHEERS[3:])),
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
            except (Refused, NotAllowed) as problem:
                log(f"{name} was refused: {problem}")
                session = None
            except User.DoesNotExist:
                return log(f"{name} is no more")
            attempt = attempt + 1 if monotonic() - began < STEADY else 0
            await pause_before(attempt)
    finally:
        if session:
            await in_thread(session.close)()
