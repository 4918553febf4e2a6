"""The demo: people who have done something, and members who are really connected."""

import signal
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async as in_thread
from demo import members
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.client import Session
from chat import services as chat
from chat.models import Message
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
        models = (User, Friendship, Message, Workout, Notification)
        return [model.objects.count() for model in models]

    before = count()
    Friendship.objects.filter(first=made["ada"], second=made["ben"]).delete()  # ada's own doing
    made["noa"].delete()
    make()
    assert count() == [before[0], before[1] - 1, *before[2:]]
    assert User.objects.filter(username="noa").exists()


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
    assert demo.process.wait(10) == 0
    assert "Traceback" not in demo.output, demo.output


def test_what_nobody_reads_is_not_added_to(made):
    """ben has spoken last and ada was not there since: he listens."""
    ada, ben = made["ada"], made["ben"]
    talk = chat.start(ada, ben)
    last = chat.store(talk.pk, ben, "Hello?", None).number
    positions = {"ada": last - 1, "ben": last}
    history = {"messages": [{"username": "ben", "number": last}], "read": positions}
    assert not members.is_my_turn(history, "ben", "ada")
    assert members.is_my_turn({**history, "read": {"ada": last, "ben": 0}}, "ben", "ada")
    assert members.is_my_turn({**history, "messages": []}, "ben", "ada")
    assert members.is_my_turn(history, "ada", "ben")


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
