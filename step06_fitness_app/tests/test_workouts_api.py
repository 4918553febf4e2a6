"""Workouts over HTTP. Who may is in test_workouts_rights.py."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.people import browser_of
from tests.working_out import record
from workouts import services
from workouts.models import Workout
from workouts.recordings import Sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(people):
    return people["ada"]


@pytest.fixture
def browser(ada):
    return browser_of(ada)


def test_the_list_is_paged_and_the_latest_is_first(ada, browser):
    now = timezone.now()
    for days in range(1, 23):
        record(ada, started_at=now - timedelta(days=days))
    page = browser.get("/api/workouts/").json()
    assert (page["count"], len(page["results"])) == (22, 20)
    dates = [one["started_at"] for one in page["results"]]
    assert dates == sorted(dates, reverse=True)
    assert len(browser.get(page["next"]).json()["results"]) == 2
    assert browser.get("/api/workouts/?page=9").status_code == 404


def test_the_list_asks_few_queries(ada, browser, django_assert_max_num_queries):
    now = timezone.now()
    for days in range(1, 11):
        record(ada, started_at=now - timedelta(days=days))
    with django_assert_max_num_queries(7):
        browser.get("/api/workouts/")


def test_one_workout_in_full(ada, browser):
    services.start(ada, "strength", "private")
    services.add_set(ada, "Squat", 3, 5, 80.5)
    workout = services.finish(ada)
    one = browser.get(f"/api/workouts/{workout.pk}/").json()
    (done,) = one.pop("sets")
    assert (done["exercise"], done["sets"], done["repetitions"], done["weight_kg"]) == (
        "Squat",
        3,
        5,
        80.5,
    )
    assert one["username"] == "ada" and one["state"] == "finished" and one["source"] == "live"
    assert (one["repetitions"], one["volume_kg"], one["power_mean"]) == (15, 1207.5, None)


def test_the_running_one_is_in_ones_own_list_only(people, browser):
    workout = services.start(people["ada"], "cycling", "public")
    assert browser.get("/api/workouts/").json()["results"][0]["state"] == "running"
    friend = browser_of("ben")
    assert friend.get("/api/workouts/?user=ada").json()["count"] == 0
    assert friend.get(f"/api/workouts/{workout.pk}/").status_code == 404


def test_without_a_user_the_list_is_mine(people, browser):
    record(people["ben"])
    assert browser.get("/api/workouts/").json()["count"] == 0
    assert browser.get("/api/workouts/?user=ben").json()["count"] == 1
    assert browser.get("/api/workouts/?user=nobody").json()["count"] == 0


def test_only_the_privacy_can_be_changed(ada, browser):
    workout = record(ada)
    url, changes = f"/api/workouts/{workout.pk}/", {"privacy": "private", "distance_m": 1e6}
    changed = browser.patch(url, {**changes, "state": "running"}, "application/json").json()
    assert (changed["privacy"], changed["distance_m"], changed["state"]) == (
        "private",
        None,
        "finished",
    )
    wrong = browser.patch(url, {"privacy": "secret"}, "application/json")
    assert wrong.status_code == 400 and "privacy" in wrong.json()
    assert browser.put(url, changes, "application/json").status_code == 405
    assert browser.patch(url, {}, "application/json").json()["privacy"] == "private"


def test_deleting(ada, browser):
    workout = record(ada)
    assert browser.delete(f"/api/workouts/{workout.pk}/").status_code == 204
    assert browser.get(f"/api/workouts/{workout.pk}/").status_code == 404
    assert not Workout.objects.exists()


def test_samples_are_thinned(ada, browser):
    workout = record(ada, *[Sample(n, power=n % 2 * 100) for n in range(2000)])
    url = f"/api/workouts/{workout.pk}/samples/"
    for asked, most in (("", 600), ("?points=10", 10), ("?points=1", 1)):
        answer = browser.get(url + asked).json()
        assert answer["count"] == 2000 and most * 0.8 <= len(answer["samples"]) <= most
        assert all(row[3] is not None for row in answer["samples"])


@pytest.mark.parametrize("points", ["0", "-1", "601", "x", "1.5", "9" * 5000, "%00"])
def test_points_that_cannot_be(ada, browser, points):
    answer = browser.get(f"/api/workouts/{record(ada).pk}/samples/?points={points}")
    assert answer.status_code == 400 and "points" in answer.json()


@pytest.mark.parametrize("user", ["%00", "x" * 151])
def test_a_name_that_cannot_be(browser, user):
    answer = browser.get(f"/api/workouts/?user={user}")
    assert answer.status_code == 400 and "user" in answer.json()


@pytest.mark.parametrize("pk", ["0", "9" * 18, "9" * 400, "x", "-1"])
def test_an_id_that_is_none(browser, pk):
    assert browser.get(f"/api/workouts/{pk}/").status_code == 404
    assert browser.get(f"/api/workouts/{pk}/samples/").status_code == 404


def test_the_admin_shows_workouts(people):
    workout = record(people["ada"])
    staff = browser_of("sam")
    for url in ("", f"{workout.pk}/change/", "?q=ada"):
        assert staff.get(f"/admin/workouts/workout/{url}").status_code == 200
    assert staff.get("/admin/workouts/workout/add/").status_code == 403


def test_who_changes_the_privacy_too_often_is_429_and_nothing_is_changed(ada, browser, monkeypatch):
    """Each change has all who watch look again."""
    monkeypatch.setattr("workouts.services.CHANGES_PER_MINUTE", 2)
    workout = record(ada)
    url = f"/api/workouts/{workout.pk}/"
    for privacy, status in (("public", 200), ("private", 200), ("public", 429)):
        answer = browser.patch(url, {"privacy": privacy}, "application/json")
        assert answer.status_code == status
    page = browser.post(f"/workouts/{workout.pk}/", {"privacy": "public"}, follow=True)
    assert "Wait a moment: no more than 2 changes a minute." in page.content.decode()
    workout.refresh_from_db()
    assert workout.privacy == "private"


def test_to_save_a_workout_in_the_admin_writes_what_was_changed_and_nothing_else(people):
    """It may have gone on since the form was opened."""
    workout, staff = record(people["ada"]), browser_of("sam")
    url = f"/admin/workouts/workout/{workout.pk}/change/"
    form = staff.get(url).context["adminform"].form
    given = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    sets = {"sets-TOTAL_FORMS": 0, "sets-INITIAL_FORMS": 0}
    with CaptureQueriesContext(connection) as asked:
        saved = staff.post(url, {**given, **sets, "privacy": "private"})
    assert saved.status_code == 302, saved.context["errors"]
    [update] = [q["sql"] for q in asked if q["sql"].startswith('UPDATE "workouts_workout"')]
    assert '"privacy"' in update and '"state"' not in update
