"""An account goes with everything that is theirs, and leaves the others' in order."""

import threading
from functools import partial
from itertools import count

import pytest
from channels.db import database_sync_to_async as in_thread
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, models
from django.test import Client

from feed.models import Post
from feed.services import cheer, last_number
from tests.challenging import make
from tests.feeding import posted
from tests.people import browser_of, knock, make_user, tokens_of, visit
from tests.talking import enter, start
from tests.working_out import record

pytestmark = pytest.mark.django_db(transaction=True)
JSON = "application/json"
NAME, PASSWORD = "quetzalcoatl", "quetzalcoatl-demo"


@pytest.fixture
def leaver(people) -> User:
    """Somebody who left traces wherever one can: friend, trainer, client, blocked, blocker."""
    from challenges import services as challenges
    from chat import services as chat
    from people import services
    from people.models import Profile, Role

    me = make_user(NAME)
    browser_of(me).get("/account/")
    tokens_of(NAME)
    Profile.objects.filter(user=me).update(role=Role.TRAINER)
    services.change(me.profile, trainer=people["tom"])
    services.change(people["cleo"].profile, trainer=me)
    for one, other in [("ben", me), (me, "ben"), (me, "ada"), ("sam", me)]:
        services.ask(*(people.get(user, user) for user in (one, other)))
    services.block(me, people["dora"])
    services.block(people["sam"], me)
    for name in ("ben", "cleo"):
        talk = start(NAME, name)
        chat.store(talk, me, f"hello from {NAME}", None)
        chat.store(talk, people[name], "hello", None)
    won = make("ben", "ben", NAME)
    challenges.progress(won, me, 2.0, "c")
    challenges.end(won, people["ben"])
    return me


def traces_of(user_id: int) -> set[str]:
    """Every model with a row that points to this person, or has their name in it."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                named = model.objects.filter(**{field.attname: user_id})
            elif isinstance(field, models.CharField | models.TextField | models.JSONField):
                rows = model.objects.values_list("pk", field.attname)
                named = [pk for pk, value in rows if NAME in str(value)]
            else:
                continue
            if named if isinstance(named, list) else named.exists():
                found.add(f"{model._meta.label}.{field.name}")
    return found


def outstanding(user_id: int) -> int:
    """Refresh tokens carry the id inside; which row has which is in its claims."""
    from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
    from rest_framework_simplejwt.tokens import UntypedToken

    rows = OutstandingToken.objects.values_list("token", flat=True)
    return sum(str(UntypedToken(raw)["user_id"]) == str(user_id) for raw in rows)


def delete(browser: Client, password: object = PASSWORD):
    return browser.delete("/api/me/", {"password": password}, JSON)


def test_nothing_that_names_them_is_left(people, leaver):
    user_id, rest = leaver.pk, User.objects.count()
    before = traces_of(user_id)
    for label in (
        "auth.User.username",
        "accounts.Login.user",
        "people.Profile.user",
        "people.Profile.trainer",
        "people.Friendship.asked_by",
        "people.Block.blocker",
        "people.Block.blocked",
        "chat.Message.sender",
        "chat.Message.text",
        "notifications.Notification.about",
        "notifications.Notification.data",
        "challenges.Challenge.winner",
        "token_blacklist.OutstandingToken.user",
    ):
        assert label in before
    tokens_of("ada")
    assert outstanding(user_id) == 1
    answer = delete(browser_of(leaver))
    assert (answer.status_code, answer.content) == (204, b"")
    assert traces_of(user_id) == set()
    assert outstanding(user_id) == 0 and outstanding(people["ada"].pk) == 1
    assert User.objects.count() == rest - 1


def test_without_it_their_tokens_would_stay(leaver):
    """Django's own delete() takes the name off them, and leaves the id within."""
    user_id = leaver.pk
    leaver.delete()
    assert outstanding(user_id) == 1


def test_whatever_points_to_a_person_goes_or_lets_go():
    """Also in what comes to be: nothing may stand in the way of a deletion."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                on_delete = field.remote_field.on_delete
                assert on_delete in (models.CASCADE, models.SET_NULL), f"{model}.{field.name}"


def test_the_others_streams_go_on_in_order(people, leaver):
    from chat import services as chat
    from chat.models import Message
    from notifications import services as notifications
    from notifications.models import Notification

    ben, cleo = people["ben"], people["cleo"]
    talk = start("ben", "cleo")
    for sender in (ben, cleo, ben):
        chat.store(talk, sender, "hi", None)
    notifications.notify(ben, "friend_request", username="cleo", about=cleo)
    last = Notification.objects.filter(user=ben).order_by("number").last().number
    assert delete(browser_of(leaver)).status_code == 204
    assert chat.store(talk, cleo, "still here", None).number == 4
    numbers = Message.objects.filter(conversation=talk).values_list("number", flat=True)
    assert [*numbers] == [1, 2, 3, 4]
    rung = notifications.notify(ben, "friend_request", username="sam", about=people["sam"])
    assert rung.number == last + 1  # no number is used again


async def test_every_socket_of_theirs_closes_at_once_and_so_do_their_conversations(people, leaver):
    tokens = await in_thread(tokens_of)(NAME)
    talk = await in_thread(start)(NAME, "ben")
    async with (
        enter(NAME, talk) as mine,
        enter("ben", talk) as bens,
        visit("/ws/whoami/", NAME) as by_page,
        knock("/ws/whoami/", f"bearer.{tokens['access']}") as by_token,
        visit("/ws/whoami/", "ben") as other,
    ):
        for person in (by_page, by_token, other):
            await person.hear()
        answer = await in_thread(delete)(by_page.browser)
        assert answer.status_code == 204
        for person in (mine, by_page, by_token):
            code, _ = await person.closed()
            assert code == 4401
        assert await bens.closed() == (4403, "this is no conversation of yours")
        await other.say("authenticate", token="no token")
        assert (await other.get("error"))["code"] == "not_authenticated"


def test_no_log_in_of_theirs_is_good_any_more(leaver):
    tokens, other = tokens_of(NAME), browser_of(leaver)
    assert delete(browser_of(leaver)).status_code == 204
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    assert Client().get("/api/me/", headers=bearer).status_code == 401
    assert other.get("/api/me/").status_code == 401
    refresh = {"refresh": tokens["refresh"]}
    assert Client().post("/api/token/refresh/", refresh, JSON).status_code == 401
    asked = {"username": NAME, "password": PASSWORD}
    assert Client().post("/api/token/", asked, JSON).status_code == 401


def test_a_token_deletes_as_well(leaver):
    bearer = {"Authorization": f"Bearer {tokens_of(NAME)['access']}"}
    answer = Client().delete("/api/me/", {"password": PASSWORD}, JSON, headers=bearer)
    assert answer.status_code == 204
    assert not User.objects.filter(pk=leaver.pk).exists()


@pytest.mark.parametrize("password", ["wrong", "ada-demo", "", None, [], {}, "a\0b"])
def test_without_the_password_nothing_goes(leaver, password):
    before = traces_of(leaver.pk)
    answer = delete(browser_of(leaver), password)
    assert (answer.status_code, [*answer.json()]) == (400, ["password"])
    assert traces_of(leaver.pk) >= before


def test_a_password_is_not_guessed_by_trying(leaver):
    from people import services

    browser = browser_of(leaver)
    for _ in range(services.PASSWORDS_PER_MINUTE):
        assert delete(browser, "wrong").status_code == 400
    assert delete(browser).status_code == 429
    assert User.objects.filter(pk=leaver.pk).exists()


@pytest.mark.parametrize("error", [IntegrityError, OperationalError])
@pytest.mark.parametrize("times, gone", [(1, True), (2, True), (3, False)])
def test_what_others_write_meanwhile_goes_with_it(leaver, monkeypatch, times, gone, error):
    """PostgreSQL finds out at the commit that there is one row more, or that each of two waits for
    the other, and takes everything back."""
    from people import services

    refused, delete_user = [], User.delete

    def refuse(user):
        delete_user(user)
        if len(refused) < times:
            refused.append(user)
            raise error("a message came in between")

    monkeypatch.setattr(User, "delete", refuse)
    if gone:
        services.delete_account(leaver, PASSWORD)
        assert traces_of(leaver.pk) == set()
    else:
        with pytest.raises(error):
            services.delete_account(leaver, PASSWORD)
        assert outstanding(leaver.pk) == 1 and "chat.Message.sender" in traces_of(leaver.pk)


def test_who_writes_and_asks_all_the_while_does_not_hinder_it(
    people, leaver, no_limits, monkeypatch
):
    """On PostgreSQL, without any one of the locks that it takes, it was refused.

    cleo is a client of theirs: her profile changes as well. The leaver has two more tabs.
    """
    from chat import services as chat
    from feed import services as feed
    from people import services
    from workouts import services as workouts

    monkeypatch.setattr(services, "REQUESTS_PER_MINUTE", 100_000)
    monkeypatch.setattr(workouts, "BATCHES_PER_MINUTE", 100_000)
    talk = start(NAME, "ben")
    done, running = record(leaver), workouts.start(leaver, "cycling")
    [number] = posted(NAME, "Done")
    numbers = count(1)

    def write():
        chat.store(talk, people["ben"], "hello?", None)

    def ask(name):
        services.ask(people[name], leaver)
        services.unfriend(people[name], leaver)

    def train():
        workouts.store_samples(running.pk, [[next(numbers), None, None, 100, None]])

    def post():
        feed.post(leaver, "look", str(next(numbers)), done.pk)

    def comment():
        feed.comment(people["ben"], number, "well done", str(next(numbers)))

    deeds = [write, partial(ask, "ada"), partial(ask, "cleo"), train, post, comment]
    begun, is_over = threading.Barrier(len(deeds) + 1), threading.Event()
    ended = []

    def again_and_again(deed):
        begun.wait(20)
        try:
            for _ in range(100):  # SQLite lets whoever waits longest starve
                deed()
            is_over.wait(60)
            deed()
        except Exception as problem:  # there is nobody to do it to
            ended.append(type(problem).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=again_and_again, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    begun.wait(20)
    try:
        services.delete_account(leaver, PASSWORD)
    finally:
        is_over.set()
    for thread in threads:
        thread.join(20)
    assert ended == ["DoesNotExist"] * len(deeds)
    assert traces_of(leaver.pk) == set()


def test_to_take_a_cheerer_off_many_posts_asks_as_few_queries(
    people, no_limits, django_assert_max_num_queries
):
    """The whole feed waits meanwhile."""
    for number in posted("ada", *map(str, range(60))):
        cheer(people["ben"], number, True)
    before = last_number()
    with django_assert_max_num_queries(60):
        people["ben"].delete()
    changed = Post.objects.order_by("pk").values_list("changed", flat=True)
    assert [*changed] == [*range(before + 1, before + 61)]
    assert last_number() == before + 60
