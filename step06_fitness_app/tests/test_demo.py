"""The demo: people who have done something, and members who are really connected."""

import asyncio
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import StringIO
from random import uniform
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async as in_thread
from demo import members, people
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.client import Session
from accounts.models import Login
from accounts.services import begin, end
from challenges import services as challenges
from challenges.models import Challenge, Participant, Update
from challenges.services import places_of
from chat import services as chat
from chat.models import Message
from feed import services as feed
from feed.models import Cheer, Comment, Post
from notifications.models import Notification
from people.models import Friendship
from people.relations import Relation, friends_of, relation
from tests.conftest import serve
from tests.test_replay import eventually
from workouts import services
from workouts.models import Workout

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def make() -> str:
    out = StringIO()
    call_command("demo", "--data-only", stdout=out)
    return out.getvalue()


@pytest.fixture
def made(settings) -> dict[str, User]:
    """The demo's people, by name."""
    settings.DEBUG = True
    assert make() == (
        "ada, ben, cleo, leo, mia, noa, sam, tom: the password is the name and -demo.\n"
    )
    return User.objects.in_bulk(field_name="username")


def test_not_in_production(db):
    with pytest.raises(CommandError, match="Known passwords are for development"):
        make()
    assert not User.objects.exists()


def test_who_there_is(made):
    for name in made:
        assert Client().login(username=name, password=f"{name}-demo")
    ada, ben, tom = made["ada"], made["ben"], made["tom"]
    assert {user.username for user in friends_of(ada.pk)} == {"ben", "cleo", "mia"}
    assert relation(tom.pk, ada.pk) == relation(tom.pk, ben.pk) == Relation.TRAINER
    assert [name for name, user in made.items() if user.is_superuser] == ["sam"]
    assert {one.other(ada).username for one in chat.inbox(ada)} == {"ben", "tom"}
    kinds = set(Notification.objects.filter(user=ada).values_list("kind", flat=True))
    assert {"friend_request", "achievement_notification", "friend_achievement"} <= kinds
    rules = Notification.objects.filter(user=ada, kind="achievement_notification")
    assert {"first_workout", "streak"} <= {one.data["rule"] for one in rules}


def test_again_is_the_same(made):
    def count():
        rows = (User, Friendship, Message, Workout, Notification)
        models = (*rows, Challenge, Participant, Post, Comment, Cheer)
        return [model.objects.count() for model in models]

    before = count()
    Friendship.objects.filter(first=made["ada"], second=made["ben"]).delete()  # ada's own doing
    made["noa"].delete()
    make()
    assert count() == [before[0], before[1] - 1, *before[2:]]
    assert User.objects.filter(username="noa").exists()


def test_what_they_have_done(made):
    ada = made["ada"]
    over, race = Challenge.objects.get(name=people.RACED), Challenge.objects.get(name=people.RACE)
    assert over.winner == made["cleo"] and over.dissolved_at
    ended = Notification.objects.get(user=ada, kind="challenge_ended")
    assert (ended.data["winner"], ended.data["place"]) == ("cleo", 2)
    assert race.is_public and not race.is_over
    place = places_of(ada).get()
    assert (place.place, place.many, place.leader) == (4, 4, "ben")
    posts = feed.page(ada).posts
    assert [post.username for post in posts] == ["ben", "cleo", "ada", "mia"]
    assert [post.cheers for post in posts] == [1, 1, 3, 2]
    assert [post.comment_count for post in posts] == [2, 1, 1, 1]
    assert posts[0].at > posts[-1].at


def test_who_comes_back_has_posts_and_races_again(made):
    made["cleo"].delete()
    assert not Challenge.objects.exists()
    make()
    assert {one.name for one in Challenge.objects.all()} == {people.RACE, people.RACED}
    assert [post.username for post in feed.page(made["ada"]).posts] == ["cleo", "ben", "ada", "mia"]


def live_samples(user: User) -> int:
    workout = Workout.objects.filter(owner=user, source="live", state="running").first()
    return len(services.rows_of(workout)) if workout else 0


def test_members_are_connected_and_come_back(made, beside):
    ada, ben, cleo = made["ada"], made["ben"], made["cleo"]
    forgotten = services.start(ben, "running")  # an earlier demo was killed in it
    talk = chat.start(ada, ben)
    chat.mark_read(talk.pk, ada, 100)
    said = talk.messages.filter(sender=ben)
    before = said.count()

    server = serve(beside)
    demo = beside("manage.py", "demo", f"--url={server.url('')}")
    assert eventually(lambda: live_samples(ben) > 2 and live_samples(cleo) > 2, 30)
    forgotten.refresh_from_db()
    assert forgotten.state == "finished"
    eventually(lambda: said.count() == before + 1, 30)
    chat.store(talk.pk, ada, "Is that you?", None)  # of this process: nobody is told, but …

    server.process.kill()
    demo.wait_for("ben waits for")
    running = Workout.objects.get(owner=ben, state="running").pk
    before_restart = live_samples(ben)
    serve(beside, server.port)
    eventually(lambda: live_samples(ben) > before_restart + 2, 40)
    assert Workout.objects.get(owner=ben, state="running").pk == running
    eventually(lambda: said.count() == before + 2, 40)  # … ben finds it when he comes back

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 0
    assert "Traceback" not in demo.output, demo.output


class Heard(Exception):
    """All of a script was heard."""


class Script:
    """A socket on which these frames come in; it notes what is said."""

    def __init__(self, *frames: dict):
        self.frames, self.said = iter(frames), []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *problem):
        pass

    async def hear(self) -> dict:
        if frame := next(self.frames, None):
            return frame
        raise Heard

    async def say(self, type: str, **fields) -> None:
        if type == "chat_message":
            self.said.append(fields["message"])


def said_by(username: str, number: int, message: str) -> dict:
    return {"type": "chat_message", "username": username, "number": number, "message": message}


def talk_through(tom: User, *frames: dict) -> list[str]:
    """What tom says in the demo while he hears these frames, first the history."""
    script, member = Script(*frames), dict(members.MEMBERS)["tom"]
    session = SimpleNamespace(user=tom, connect=lambda path: script)
    with pytest.raises(Heard):
        async_to_sync(member)(session)
    return script.said


def test_who_answers_does_so_once_and_never_in_the_same_words(made, monkeypatch):
    """In a lesson on messages that come twice, a line that is said twice looks like one."""
    monkeypatch.setattr(members, "uniform", lambda least, most: 0)
    tom, lines = made["tom"], members.COACHING
    assert not {*lines} & {text for said in people.TALKS.values() for _, text in said}
    asked = [said_by("ada", number, "And now?") for number in range(1, 8)]
    for _ in range(5):  # they come in any order
        # He comes back, having spoken last, and ada has read it: it is her turn.
        history = {"messages": [said_by("tom", 7, lines[0])], "read": {"ada": 7, "tom": 7}}
        assert talk_through(tom, history) == []
        answers = talk_through(tom, history, *asked)
        assert sorted(answers) == sorted(lines[1:]) and len(lines) >= 8
    waiting = {"messages": [said_by("ada", 8, "Are you there?")], "read": {}}
    assert len(talk_through(tom, waiting)) == 1
    assert len(talk_through(tom, {"messages": [], "read": {}})) == 1


def test_old_workouts_and_messages_go(made, monkeypatch):
    monkeypatch.setattr(members, "KEPT_WORKOUTS", 2)
    monkeypatch.setattr(members, "KEPT_MESSAGES", 2)
    ada, ben = made["ada"], made["ben"]
    imported = Workout.objects.filter(owner=ben, source="import").count()
    ids = []
    for _ in range(4):
        ids.append(services.start(ben, "cycling").pk)
        services.finish(ben)
    members.forget_workouts(ben)
    left = Workout.objects.filter(owner=ben)
    assert {one.pk for one in left if one.source == "live"} == {*ids[2:]}
    assert left.filter(source="import").count() == imported
    talk = chat.start(ada, ben)
    last = [chat.store(talk.pk, ben, f"{number}", None).number for number in range(4)]
    members.forget_messages(talk.pk)
    assert [one.number for one in talk.messages.order_by("number")] == last[2:]


def test_what_is_played_again_and_again_is_no_personal_best(made):
    """Else each round would ring the bells of all friends, for ever."""
    before = Notification.objects.count()
    for name, file in [("ben", people.BIKE), ("cleo", people.ROWER)] * 2:
        whole = replace(people.recording(file), started_at=timezone.now())
        Workout.objects.filter(owner=made[name], source="live").delete()
        workout = services.store_recording(made[name], whole)
        Workout.objects.filter(pk=workout.pk).update(source="live")
    new = [row.data for row in Notification.objects.order_by("pk")[before:]]
    assert {data["rule"] for data in new} <= {"streak"}, new


def test_old_posts_progress_and_races_go(made, monkeypatch):
    ada, ben = made["ada"], made["ben"]
    monkeypatch.setattr(members, "KEPT_POSTS", 2)
    monkeypatch.setattr(members, "KEPT_UPDATES", 2)
    ids = [feed.post(ben, f"{number}", f"{number}")[0].number for number in range(4)]
    members.forget_posts(ben)
    assert [*ben.posts.order_by("pk").values_list("pk", flat=True)] == ids[2:]
    assert ada.posts.exists()
    race = people.race()
    for value in range(3000, 3004):
        challenges.progress(race.pk, ben, value, f"{value}")
    members.forget_updates(ben)
    left = Update.objects.filter(participant__user=ben).order_by("pk")
    assert [one.client_id for one in left] == ["3002", "3003"]
    assert race.participants.get(user=ben).progress == 3003

    for _ in range(4):
        assert people.race().pk == race.pk
        Challenge.objects.filter(pk=race.pk).update(
            starts_at=timezone.now() - timedelta(days=1), ends_at=timezone.now()
        )
        before, race = race.pk, people.race()
        assert race.pk > before and race.dissolved_at is None
        assert Challenge.objects.get(pk=before).winner == ben
    assert Challenge.objects.filter(name=people.RACE).count() == people.KEPT_RACES


def test_nothing_is_posted_for_who_is_not_there(made):
    assert not members.is_there("ada")
    login = begin(made["ada"])
    assert members.is_there("ada") and not members.is_there("tom")
    end(str(login.pk))
    assert not members.is_there("ada")
    Login.objects.create(user=made["ada"], made_at=timezone.now() - timedelta(days=1))
    assert not members.is_there("ada")


def quicker(monkeypatch, **names) -> None:
    """Members that need not wait as long as people would."""
    monkeypatch.setattr(members, "uniform", lambda least, most: min(least, 5) / 5)
    for name, value in names.items():
        monkeypatch.setattr(members, name, value)


async def act(user: User, server, member) -> None:
    session = await in_thread(Session)(user, server.url(""))
    try:
        await member(session)
    finally:
        await in_thread(session.close)()


@asynccontextmanager
async def acting(server, *acts):
    """These people do these things meanwhile; whatever one of them cannot do fails the test."""
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        tasks = [group.create_task(act(user, server, member)) for user, member in acts]
        yield
        for task in tasks:
            task.cancel()


async def becomes(look):
    """What a look at the database gives as soon as it gives something; `acting` has a deadline."""
    while not (found := await in_thread(look)()):  # noqa: ASYNC110  another process writes there
        await asyncio.sleep(0.05)
    return found


def next_has_moved(challenge_id: int) -> bool:
    following = Challenge.objects.filter(name=people.RACE, pk__gt=challenge_id).first()
    return following is not None and following.version > 3


def test_places_change_on_the_socket(made, beside, monkeypatch):
    server = serve(beside)
    # Seconds are shorter, metres (from 0 on) are not.
    monkeypatch.setattr(
        members, "uniform", lambda least, most: uniform(least, most) / (10 if least else 1)
    )

    async def watch():
        race = await in_thread(people.race)()
        tom = await in_thread(Session)(made["tom"], server.url(""))  # it is public
        async with (
            tom.connect(f"/ws/challenge/{race.pk}/") as socket,
            acting(server, *((made[name], members.race) for name in ("ben", "cleo", "mia"))),
        ):
            orders = set()
            while len(orders) < 4:
                frame = await socket.hear()
                orders.add(tuple(line["username"] for line in frame["top"]))
            # It ends, and they go on in the next.
            await in_thread(challenges.end)(race.pk, made["cleo"])
            await becomes(lambda: next_has_moved(race.pk))
        await in_thread(tom.close)()

    async_to_sync(watch)()


def test_friends_answer_and_post_while_ada_is_there(made, beside, monkeypatch):
    server = serve(beside)
    quicker(monkeypatch)
    shared = [
        (made[name], partial(members.share, posts=[f"I am {name}"], answers=["Well done!"]))
        for name in ("ben", "mia")
    ]

    async def read():
        ada = await in_thread(Session)(made["ada"], server.url(""))  # from now on she is there
        async with ada.connect("/ws/social/") as socket, acting(server, *shared):
            posted, answered = set(), set()
            while posted != {"ben", "mia"}:
                posted.add((await members.until(socket, "post_created"))["post"]["username"])
            await socket.say("post", text="Here I am", client_id="here")  # they are connected
            mine = (await members.until(socket, "ack"))["number"]
            while answered != {"ben", "mia"}:
                frame = await members.until(socket, "comment_created")
                if frame["post_id"] == mine:
                    answered.add(frame["comment"]["username"])
        await in_thread(ada.close)()

    async_to_sync(read)()


def test_a_trainer_sees_real_squats_and_cues_them(made, beside, monkeypatch):
    server = serve(beside)
    quicker(monkeypatch, SQUATTING=12, BETWEEN=60)
    mia, tom = made["mia"], made["tom"]

    async def watch():
        session = await in_thread(Session)(tom, server.url(""))
        async with acting(server, (mia, members.squat)):
            workout = await becomes(services.unfinished(mia).first)
            async with session.connect(f"/ws/form/{workout.pk}/") as socket:
                assert (await members.until(socket, "form_state"))["role"] == "trainer"
                while not (await members.until(socket, "form_update"))["repetitions"]:
                    pass
                await socket.say("cue", text="Slower")
                while (await members.until(socket, "form_cue"))["from"] != "tom":
                    pass
                with pytest.raises(members.Refused):  # it is over, and she rests
                    while True:
                        await socket.hear()
        await in_thread(session.close)()
        done = await in_thread(workout.sets.get)()
        assert (done.exercise, done.repetitions > 0) == ("squat", True)
        await in_thread(workout.refresh_from_db)()
        assert workout.state == "finished"

    async_to_sync(watch)()


async def test_a_member_who_was_deleted_ends(transactional_db):
    lines = []
    await members.keep("ben", None, "http://127.0.0.1:9", lines.append)
    assert lines == ["ben is no more"]


def test_a_refused_member_logs_in_anew(made, monkeypatch):
    sessions, lines = [], []

    async def member(session: Session) -> None:
        sessions.append(session)
        if len(sessions) == 1:
            raise members.Refused("you are logged out")
        await in_thread(User.objects.filter(username="ben").delete)()

    async def no_pause(attempt):
        pass

    monkeypatch.setattr(members, "pause_before", no_pause)
    async_to_sync(members.keep)("ben", member, "http://127.0.0.1:9", lines.append)
    assert lines == ["ben was refused: you are logged out", "ben is no more"]
    assert sessions[0] is not sessions[1]


def test_who_may_not_talk_to_ada_any_more_waits_and_the_others_go_on(made, monkeypatch):
    """A learner as ada has pressed Unfriend; later she deletes her account."""
    from people.services import unfriend

    tries, lines = [], []

    async def no_pause(attempt):
        tries.append(attempt)
        if len(tries) == 1:
            await in_thread(User.objects.filter(username="ada").delete)()
        else:
            await in_thread(User.objects.filter(username="ben").delete)()

    unfriend(made["ada"], made["ben"])
    monkeypatch.setattr(members, "pause_before", no_pause)
    talk = partial(members.talk, name="ada", lines=["hello"], least=0, most=0)
    async_to_sync(members.keep)("ben", talk, "http://127.0.0.1:9", lines.append)
    refused, gone, last = lines
    assert refused.startswith("ben was refused: You can talk to friends")
    assert (gone, last) == ("ben was refused: ada is no more", "ben is no more")
