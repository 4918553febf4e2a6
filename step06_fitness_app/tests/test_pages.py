"""The pages of the workouts, and what each shows to whom."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from challenges.models import Challenge
from chat import services as chat
from feed.models import Cheer, Comment, Post, Stream
from people.models import Privacy
from tests.people import befriend, browser_of, make_user
from workouts import fit, services
from workouts.models import Workout

STRANGERS = ["cleo", "dora"]


@pytest.fixture
def ride(people) -> Workout:
    """A finished ride of ada's, for friends."""
    recording = fit.read(settings.BASE_DIR / "data/workouts/indoor-trainer.fit")
    return services.store_recording(people["ada"], recording)


def test_the_recording_that_the_page_plays_is_the_file(settings):
    path = settings.BASE_DIR / "static/data/indoor-trainer.json"
    played = json.loads(path.read_text(encoding="utf-8"))
    recording = fit.read(settings.BASE_DIR / "data/workouts/indoor-trainer.fit")
    assert played["kind"] == recording.kind
    assert played["samples"] == [list(sample) for sample in recording.samples]


@pytest.mark.parametrize("name", ["ada", "ben", "tom"])
def test_a_workout_is_shown_to_who_may_see_it(ride, name):
    answer = browser_of(name).get(f"/workouts/{ride.pk}/")
    assert answer.status_code == 200
    assert answer.context["is_own"] is (name == "ada")
    assert len(answer.context["rows"]) == len(services.rows_of(ride)) > 2000
    assert ("Delete" in answer.content.decode()) is (name == "ada")


@pytest.mark.parametrize("name", STRANGERS)
def test_to_others_it_is_as_if_it_were_not_there(ride, name):
    browser = browser_of(name)
    there, not_there = browser.get(f"/workouts/{ride.pk}/"), browser.get("/workouts/999999/")
    assert (there.status_code, not_there.status_code) == (404, 404)
    assert there.content.split(b"<main")[1] == not_there.content.split(b"<main")[1]


@pytest.mark.parametrize("name", ["ben", "tom", *STRANGERS])
@pytest.mark.parametrize("sent", [{"delete": "yes"}, {"privacy": "public"}])
def test_only_its_owner_changes_or_deletes_it(ride, name, sent):
    assert browser_of(name).post(f"/workouts/{ride.pk}/", sent).status_code == 404
    assert Workout.objects.get() == ride
    assert Workout.objects.get().privacy == Privacy.FRIENDS


def test_its_owner_does(ride):
    ada = browser_of("ada")
    ada.post(f"/workouts/{ride.pk}/", {"privacy": "everybody"})  # nothing the form offers
    assert Workout.objects.get().privacy == Privacy.FRIENDS
    ada.post(f"/workouts/{ride.pk}/", {"privacy": "public"})
    assert browser_of("cleo").get(f"/workouts/{ride.pk}/").status_code == 200
    assert ada.post(f"/workouts/{ride.pk}/", {"delete": "yes"})["Location"] == "/workouts/"
    assert not Workout.objects.exists()


@pytest.mark.parametrize(
    ("privacy", "seen_by"),
    [
        (Privacy.PUBLIC, ["ben", "tom"]),
        (Privacy.FRIENDS, ["ben", "tom"]),
        (Privacy.TRAINER, ["tom"]),
        (Privacy.PRIVATE, []),
    ],
)
def test_home_lists_who_trains_now_as_far_as_one_may_watch(people, privacy, seen_by):
    services.start(people["ada"], "cycling", privacy)
    for name, user in people.items():
        expected = ["ada"] if name in seen_by else []
        assert [one.owner.username for one in services.training_now(user)] == expected, name


def test_home_counts_the_last_seven_days(ride):
    Workout.objects.create(
        owner=ride.owner, kind="other", privacy="private", state="finished",
        started_at=timezone.now() - timedelta(days=8), duration_seconds=1000,
    )  # fmt: skip
    Workout.objects.filter(pk=ride.pk).update(started_at=timezone.now() - timedelta(days=6))
    week = browser_of("ada").get("/").context["week"]
    assert week["many"] == 1
    assert week["seconds"] == pytest.approx(2263, abs=2)


def full(ada, count: int) -> None:
    """So many friends of hers who train, post, cheer and race with her."""
    stream = Stream.objects.create(pk=1)
    race = Challenge.objects.create(
        name="Race", metric="distance_m", made_by=ada, ends_at=timezone.now() + timedelta(hours=1)
    )
    race.participants.create(user=ada, progress=count - 1, reached=0)
    for number in range(count):
        friend = make_user(f"friend{number}")
        befriend(ada, friend)
        services.start(friend, "strength")
        race.participants.create(user=friend, progress=number, reached=number + 1)
        post = Post.objects.create(author=friend, text=f"Post {number}", changed=stream.next())
        Comment.objects.create(post=post, author=ada, text="Well done", client_id=f"{number}")
        Cheer.objects.create(post=post, user=ada)
        chat.store(chat.start(ada, friend).pk, friend, "Hello", None)


@pytest.mark.parametrize("count", [1, 30])
def test_home_asks_the_database_as_often_with_many_friends(
    people, count, django_assert_max_num_queries
):
    full(people["ada"], count)
    browser = browser_of("ada")
    with django_assert_max_num_queries(11):  # two of them: who is this?
        shown = browser.get("/")
    place = shown.context["places"][0]
    assert (place.place, place.many, place.leader) == (1, count + 1, "ada")
    page = shown.content.decode()
    assert page.count("Watch friend") == page.count("’s form") == min(count, 5)
    assert page.count("1 cheer, 1 comment") == min(count, 3)
    assert page.count("1 unread") == min(count, 5)


def test_home_tells_who_is_new_what_to_do(people):
    page = browser_of("cleo").get("/").content.decode()
    for words in ("Start a workout", "Join one, or begin your own", "find some on", "Begin one"):
        assert words in page


def test_home_shows_what_is_unread_first(people):
    ada, ben, tom = (people[name] for name in ("ada", "ben", "tom"))
    chat.store(chat.start(ada, ben).pk, ben, "Unread", None)
    chat.store(chat.start(ada, tom).pk, ada, "My own, and later", None)
    shown = browser_of("ada").get("/").context["conversations"]
    assert [name for _, name in shown] == ["ben", "tom"]


def test_home_shows_no_place_in_what_is_over_or_has_not_begun(people):
    ada, now = people["ada"], timezone.now()
    for begins, ends in [(-2, -1), (1, 2)]:
        when = {"starts_at": now + timedelta(hours=begins), "ends_at": now + timedelta(hours=ends)}
        race = Challenge.objects.create(name="Race", metric="distance_m", made_by=ada, **when)
        race.participants.create(user=ada, reached=1)
    assert not browser_of("ada").get("/").context["places"]


@pytest.mark.parametrize("path", ["/live/", "/live/ada/", "/workouts/", "/workouts/1/"])
def test_the_pages_are_for_those_who_logged_in(client, db, path):
    assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("name", [*STRANGERS, "tom"])
def test_who_may_not_watch_is_told_what_they_are_of_nobody(people, name):
    services.start(people["ada"], "other", Privacy.PRIVATE)
    browser = browser_of(name)
    there, not_there = browser.get("/live/ada/"), browser.get("/live/nobody/")
    assert (there.status_code, not_there.status_code) == (404, 404)
    assert there.content.split(b"<main")[1] == not_there.content.split(b"<main")[1]


def test_ones_own_live_page_is_one_only(people):
    assert browser_of("ada").get("/live/ada/")["Location"] == "/live/"


@pytest.mark.parametrize("path", ["/live/a%00/", "/form/a%00/", "/people/a%00/", "/chat/a%00/"])
def test_a_nul_is_in_nobodys_name(people, path):
    """PostgreSQL takes none, not even to compare."""
    assert browser_of("ada").get(path).status_code == 404


def test_a_browser_keeps_no_page_of_who_is_logged_in(ride):
    """Back would show it as it was, and after a log-out to whoever comes next."""
    for path in ("/", "/account/", "/chat/", f"/workouts/{ride.pk}/", "/api/workouts/"):
        assert "no-store" in browser_of("ada").get(path)["Cache-Control"], path


def test_one_repetition_is_one(people):
    services.start(people["ada"], "strength", Privacy.FRIENDS, "c")
    services.add_set(people["ada"], "plank", 1, 1, 0, "s")
    services.finish(people["ada"])
    page = browser_of("ada").get("/workouts/").content.decode()
    assert "1 repetition" in page
    assert "1 repetitions" not in page
