"""What people do to each other, also at the same moment."""

import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from notifications.models import Notification
from people import services
from people.models import Block, Friendship, Privacy, Profile, Role
from people.relations import Relation, friends_of, is_blocked, relation
from realtime.limits import TooMuch
from tests.people import befriend, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch) -> list:
    """Whose sockets, or which group's, were told to look again, in order."""
    heard = []
    monkeypatch.setattr("accounts.services.tell_group", heard.append)
    monkeypatch.setattr("people.services.tell_group", heard.append)
    return heard


def names(users) -> set[str]:
    return {user.username for user in users}


def bell_of(user: User) -> list[tuple[str, str]]:
    rows = Notification.objects.filter(user=user).order_by("number")
    return [(row.kind, row.about.username) for row in rows.select_related("about")]


# Friends


def test_who_is_asked_and_asks_back_is_a_friend(people, told):
    ada, cleo = people["ada"], people["cleo"]
    services.ask(ada, cleo)
    assert relation(cleo.pk, ada.pk) == Relation.STRANGER
    assert (bell_of(cleo), told) == ([("friend_request", "ada")], [])
    services.ask(cleo, ada)
    assert relation(cleo.pk, ada.pk) == relation(ada.pk, cleo.pk) == Relation.FRIEND
    assert bell_of(ada) == [("friend_accepted", "cleo")]
    assert {*told} == {f"person.{ada.pk}", f"person.{cleo.pk}"}


def test_to_ask_twice_is_to_ask_once(people):
    ada, cleo = people["ada"], people["cleo"]
    assert services.ask(ada, cleo) == services.ask(ada, cleo)
    assert Friendship.objects.get(asked_by=ada, accepted_at=None)
    assert len(bell_of(cleo)) == 1
    services.ask(cleo, ada)
    accepted = Friendship.objects.get(second=cleo).accepted_at
    services.ask(cleo, ada)
    services.ask(ada, cleo)
    assert Friendship.objects.get(second=cleo).accepted_at == accepted
    assert len(bell_of(cleo)) == len(bell_of(ada)) == 1


def test_who_asks_again_and_again_rings_the_bell_once(people):
    ada, cleo = people["ada"], people["cleo"]
    for _ in range(3):
        services.ask(ada, cleo)
        services.unfriend(ada, cleo)
    assert bell_of(cleo) == [("friend_request", "ada")]


@pytest.mark.parametrize("who_ends", ["ada", "cleo"])
@pytest.mark.parametrize("accepted", [True, False])
def test_either_ends_it_whatever_it_was(people, told, who_ends, accepted):
    ada, cleo = people["ada"], people["cleo"]
    services.ask(ada, cleo)
    if accepted:
        services.ask(cleo, ada)
    told.clear()
    both = [ada, cleo] if who_ends == "ada" else [cleo, ada]
    services.unfriend(*both)
    services.unfriend(*both)
    assert relation(ada.pk, cleo.pk) == Relation.STRANGER
    assert services.circle(ada)["asked"] == services.circle(cleo)["asking"] == []
    assert {*told} == ({f"person.{ada.pk}", f"person.{cleo.pk}"} if accepted else set())


def test_nobody_asks_by_the_dozen(people):
    for _ in range(services.REQUESTS_PER_MINUTE):
        services.ask(people["ada"], people["cleo"])
    with pytest.raises(TooMuch, match="requests"):
        services.ask(people["ada"], people["cleo"])


def test_a_circle_is_sorted_by_what_they_are(people):
    ada, cleo, sam = people["ada"], people["cleo"], people["sam"]
    services.ask(ada, cleo)
    services.ask(sam, ada)
    befriend(ada, make_user("gone", is_active=False))
    circle = {state: [*names(some)] for state, some in services.circle(ada).items()}
    assert circle == {"friends": ["ben"], "asked": ["cleo"], "asking": ["sam"]}


# Blocks


@pytest.mark.parametrize("other", ["ben", "tom", "cleo"])
@pytest.mark.parametrize("blocks_ada", [True, False])
def test_a_block_ends_whatever_there_was_both_ways(people, told, other, blocks_ada):
    ada, other = people["ada"], people[other]
    if other.username == "cleo":
        services.ask(ada, other)
    services.block(*((other, ada) if blocks_ada else (ada, other)))
    assert relation(ada.pk, other.pk) == relation(other.pk, ada.pk) == Relation.BLOCKED
    assert {f"person.{ada.pk}", f"person.{other.pk}"} <= {*told}
    Block.objects.all().delete()
    assert relation(other.pk, ada.pk) == Relation.STRANGER
    assert services.circle(other) == {"friends": [], "asked": [], "asking": []}


def test_the_blocked_are_not_there_to_each_other(people):
    ada, dora = people["ada"], people["dora"]
    for one, other in [(ada, dora), (dora, ada)]:
        with pytest.raises(User.DoesNotExist):
            services.find(one, other.username)
        with pytest.raises(User.DoesNotExist):
            services.ask(one, other)  # found before the block, asked after it
        assert other not in services.search(one, other.username)
    assert not Friendship.objects.filter(asked_by__in=[ada, dora]).exclude(
        accepted_at__isnull=False
    )


def test_only_who_blocked_unblocks_and_what_was_stays_ended(people, told):
    ada, ben = people["ada"], people["ben"]
    services.block(ada, ben)
    with pytest.raises(Block.DoesNotExist):
        services.unblock(ben, "ada")
    assert is_blocked(ada.pk, ben.pk)
    told.clear()
    services.unblock(ada, "ben")
    assert {*told} == {f"person.{ada.pk}", f"person.{ben.pk}"}
    assert relation(ben.pk, ada.pk) == Relation.STRANGER
    assert names(services.blocked_by(ada)) == {"dora"}


def test_the_database_itself_refuses_a_second_row_and_oneself(people):
    ada, ben, dora = people["ada"], people["ben"], people["dora"]
    rows = [
        lambda: Friendship.objects.create(first=ada, second=ben, asked_by=ada),
        lambda: Friendship.objects.create(first=ada, second=ada, asked_by=ada),
        lambda: Friendship.objects.create(first=ben, second=ada, asked_by=ada),
        lambda: Block.objects.create(blocker=ada, blocked=dora),
        lambda: Block.objects.create(blocker=ada, blocked=ada),
    ]
    for make in rows:
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


# A profile


def test_a_trainer_is_chosen_and_given_up(people, told):
    cleo, tom = people["cleo"], people["tom"]
    services.change(cleo.profile, trainer=tom)
    assert relation(tom.pk, cleo.pk) == Relation.TRAINER
    assert {f"person.{cleo.pk}", f"person.{tom.pk}", f"workout.{cleo.pk}"} == {*told}
    told.clear()
    services.change(cleo.profile, trainer=None)
    assert relation(tom.pk, cleo.pk) == Relation.STRANGER
    assert f"person.{tom.pk}" in told


@pytest.mark.parametrize("chosen", ["ben", "dora", "tom", "gone"])
def test_no_trainer_is_who_is_none_or_blocked_or_oneself_or_gone(people, chosen):
    people["gone"] = make_user("gone", is_active=False)
    Profile.objects.filter(user__username__in=["dora", "gone"]).update(role=Role.TRAINER)
    me = people["tom" if chosen == "tom" else "ada"]
    Profile.objects.filter(user=me).update(trainer=None)
    with pytest.raises(User.DoesNotExist):
        services.change(me.profile, trainer=people[chosen])
    assert Profile.objects.get(user=me).trainer is None


def test_who_is_no_trainer_any_more_has_no_clients(people, told):
    ada, tom = people["ada"], people["tom"]
    services.change(tom.profile, role=Role.MEMBER)
    assert relation(tom.pk, ada.pk) == Relation.STRANGER
    assert {f"person.{ada.pk}", f"person.{tom.pk}"} <= {*told}


def test_another_privacy_is_told_to_who_watches(people, told):
    ada = people["ada"]
    services.change(ada.profile, privacy=Privacy.PRIVATE)
    assert Profile.objects.get(user=ada).privacy == "private"
    assert f"workout.{ada.pk}" in told


# Signing up


def test_who_signs_up_is_somebody_with_a_profile(people):
    user = services.sign_up("eve", "a long enough one", "127.0.0.1")
    assert user.check_password("a long enough one") and user.is_active and not user.is_staff
    assert user.profile.role == Role.MEMBER


@pytest.mark.parametrize(
    "username, password, field",
    [
        ("ada", "a long enough one", "username"),
        ("ADA", "a long enough one", "username"),
        ("", "a long enough one", "username"),
        ("a b", "a long enough one", "username"),
        ("..", "a long enough one", "username"),
        ("\u2024", "a long enough one", "username"),  # it is stored as ".", the next as ".."
        ("\u2025", "a long enough one", "username"),
        (".\uff0e", "a long enough one", "username"),
        ("x" * 151, "a long enough one", "username"),
        ("eve", "short", "password"),
        ("eve", "password", "password"),
        ("eve", "1029384756", "password"),
        ("evelyn-the-first", "evelyn-the-first", "password"),
        ("eve", "", "password"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(people, username, password, field):
    with pytest.raises(ValidationError) as problem:
        services.sign_up(username, password, "127.0.0.1")
    assert [*problem.value.message_dict] == [field]
    assert User.objects.count() == len(people)


def test_one_address_signs_up_so_many_a_minute(people):
    for n in range(services.SIGN_UPS_PER_MINUTE):
        services.sign_up(f"user{n}", "a long enough one", "192.0.2.1")
    with pytest.raises(TooMuch, match="sign-ups"):
        services.sign_up("eve", "a long enough one", "192.0.2.1")
    assert services.sign_up("eve", "a long enough one", "192.0.2.2")


# Two at once. Each goes both ways: without the lock it comes out wrong.


def at_once(*deeds) -> list:
    """Do these in a thread each, and wait; what went wrong in them."""
    wrong = []

    def do(deed):
        try:
            deed()
        except Exception as problem:
            wrong.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return wrong


@contextmanager
def alone(*user_ids, also=()):
    """What `together` would be without its transaction and lock."""
    yield


class Pause:
    """Hold the first thread that calls a function after it has looked, until the other one is done.

    With the lock the other cannot be done: then for a moment only.
    """

    def __init__(self, function):
        self.function, self.first = function, threading.Lock()
        self.looked, self.other_done = threading.Event(), threading.Event()

    def __call__(self, *args):
        answer = self.function(*args)
        if self.first.acquire(blocking=False):
            self.looked.set()
            self.other_done.wait(0.5)
        return answer


@pytest.fixture(params=[True, False], ids=["locked", "not-locked"])
def is_locked(request, monkeypatch) -> bool:
    if not request.param:
        monkeypatch.setattr(services, "together", alone)
    return request.param


def test_a_request_and_a_block_at_once_leave_no_request(people, monkeypatch, is_locked):
    """Else it would stand there, to be accepted, once the block is taken back."""
    ada, cleo = people["ada"], people["cleo"]
    pause = Pause(services.is_blocked)
    monkeypatch.setattr(services, "is_blocked", pause)

    def block():
        assert pause.looked.wait(20)
        services.block(ada, cleo)
        pause.other_done.set()

    assert at_once(lambda: services.ask(cleo, ada), block) == []
    assert is_blocked(ada.pk, cleo.pk)
    assert Friendship.objects.filter(asked_by=cleo).exists() != is_locked


def test_a_trainer_chosen_and_blocked_at_once_is_none(people, monkeypatch, is_locked):
    cleo, tom = people["cleo"], people["tom"]
    pause = Pause(Profile.refresh_from_db)  # the first thing after the look
    monkeypatch.setattr(Profile, "refresh_from_db", lambda profile: pause(profile))

    def block():
        assert pause.looked.wait(20)
        services.block(tom, cleo)
        pause.other_done.set()

    assert at_once(lambda: services.change(cleo.profile, trainer=tom), block) == []
    assert is_blocked(tom.pk, cleo.pk)
    assert (Profile.objects.get(user=cleo).trainer == tom) != is_locked


def test_two_who_ask_each_other_at_once_are_friends(people):
    ada, cleo = people["ada"], people["cleo"]
    for _ in range(5):
        barrier = threading.Barrier(2)

        def ask(one, other, barrier=barrier):
            barrier.wait(20)
            services.ask(one, other)

        assert at_once(lambda: ask(ada, cleo), lambda: ask(cleo, ada)) == []  # noqa: B023
        assert cleo in friends_of(ada.pk)
        services.unfriend(ada, cleo)


def test_a_trainer_stops_while_clients_leave_and_come(people):
    """Each locks two profiles, and the trainer's those of all clients: in one order, or they would
    wait for each other until PostgreSQL ends one of them."""
    tom, ada, cleo = people["tom"], people["ada"], people["cleo"]
    for _ in range(5):
        Profile.objects.filter(pk__in=[ada.pk, cleo.pk]).update(trainer=tom)
        Profile.objects.filter(user=tom).update(role=Role.TRAINER)
        barrier = threading.Barrier(3)

        def change(who, barrier=barrier, **changes):
            profile = Profile.objects.get(user=who)
            barrier.wait(20)
            services.change(profile, **changes)

        def leave(barrier=barrier):
            barrier.wait(20)
            services.block(cleo, tom)

        wrong = at_once(
            lambda change=change: change(tom, role=Role.MEMBER),
            lambda change=change: change(ada, privacy=Privacy.PUBLIC, trainer=None),
            leave,
        )
        assert wrong == []
        assert not Profile.objects.filter(trainer=tom).exists()
        Block.objects.filter(blocker=cleo).delete()
