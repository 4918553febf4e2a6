"""The feed over HTTP and its page."""

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.test import Client

from feed.models import Cheer, Comment, Post
from tests.feeding import enter, posted, texts
from tests.people import browser_of

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"content_type": "application/json"}


@pytest.fixture
def ada(people) -> Client:
    return browser_of("ada")


@pytest.fixture
def ben(people) -> Client:
    return browser_of("ben")


def test_posting_reading_and_deleting(ada, ben):
    made = ada.post("/api/posts/", {"text": "Done", "client_id": "c"}, **JSON)
    assert made.status_code == 201
    assert made.json()["username"] == "ada"
    again = ada.post("/api/posts/", {"text": "Done", "client_id": "c"}, **JSON)
    assert again.json() == made.json()
    assert ben.get("/api/posts/").json()["posts"] == [made.json()]
    path = f"/api/posts/{made.json()['id']}/"
    assert ben.delete(path).status_code == 404
    assert ada.delete(path).status_code == 204
    assert ada.delete(path).status_code == 404
    assert ben.get("/api/posts/").json()["posts"] == []


def test_pages(ada, no_limits):
    ids = posted("ada", *(f"{n}" for n in range(25)))[::-1]
    first = ada.get("/api/posts/").json()
    second = ada.get("/api/posts/", {"before": first["posts"][-1]["id"]}).json()
    assert [post["id"] for post in first["posts"] + second["posts"]] == ids
    assert (first["has_older"], second["has_older"]) == (True, False)


def test_cheers(ada, ben):
    [number] = posted("ada", "Done")
    path = f"/api/posts/{number}/cheer/"
    for _ in range(2):
        assert ben.put(path).json()["count"] == 1
    assert ben.delete(path).json()["count"] == 0
    assert not Cheer.objects.exists()


def test_comments_and_their_pages(ada, ben, no_limits):
    [number] = posted("ada", "Done")
    path = f"/api/posts/{number}/comments/"
    for text in range(60):
        assert ben.post(path, {"text": f"{text}"}, **JSON).status_code == 201
    newest = ada.get(path).json()
    assert [one["text"] for one in newest] == [f"{text}" for text in range(10, 60)]
    older = ada.get(path, {"before": newest[0]["id"]}).json()
    assert [one["text"] for one in older] == [f"{text}" for text in range(10)]


@pytest.mark.parametrize("name", ["cleo", "dora", "tom"])
def test_what_one_may_not_see_is_not_there(people, name):
    [number] = posted("ada", "For friends")
    other = browser_of(name)
    assert other.get("/api/posts/").json()["posts"] == []
    path = f"/api/posts/{number}/"
    assert other.delete(path).status_code == 404
    assert other.put(f"{path}cheer/").status_code == 404
    assert other.delete(f"{path}cheer/").status_code == 404
    assert other.get(f"{path}comments/").status_code == 404
    assert other.post(f"{path}comments/", {"text": "hello"}, **JSON).status_code == 404
    assert not Comment.objects.exists() and Post.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("text", {}),
        ("text", {"text": " "}),
        ("text", {"text": "x" * 2001}),
        ("text", {"text": "a\0b"}),
        ("text", {"text": ["a"]}),
        ("client_id", {"text": "a", "client_id": "x" * 65}),
        ("client_id", {"text": "a", "client_id": ""}),
        ("workout_id", {"text": "a", "workout_id": "one"}),
        ("workout_id", {"text": "a", "workout_id": -1}),
        ("workout_id", {"text": "a", "workout_id": 10**30}),
    ],
)
def test_bad_input_names_the_field(ada, field, given):
    answer = ada.post("/api/posts/", given, **JSON)
    assert answer.status_code == 400 and [*answer.json()] == [field]
    assert not Post.objects.exists()


@pytest.mark.parametrize("before", ["-1", "x", "9" * 30, ""])
def test_a_bad_page_names_the_field(ada, before):
    answer = ada.get("/api/posts/", {"before": before})
    assert answer.status_code == 400 and [*answer.json()] == ["before"]


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 30, "x", "-1"])
def test_a_post_that_is_none(ada, number):
    assert ada.put(f"/api/posts/{number}/cheer/").status_code == 404


def test_too_much_is_told(ada, settings):
    settings.USER_MESSAGES_PER_MINUTE = 1
    given = {"text": "a"}
    answers = [ada.post("/api/posts/", given, **JSON).status_code for _ in range(3)]
    assert answers[0] == 201 and answers[-1] == 429


def test_nobody_in_particular_gets_nothing(people):
    [number] = posted("ada", "For friends")
    for path in ("/api/posts/", f"/api/posts/{number}/comments/"):
        assert Client().get(path).status_code == 401
    assert Client().get("/feed/").status_code == 302


async def test_what_is_done_over_http_is_told_on_the_socket(people):
    from channels.db import database_sync_to_async as in_thread

    ada = await in_thread(browser_of)("ada")
    async with enter("ben") as ben:
        made = await in_thread(ada.post)("/api/posts/", {"text": "Done"}, **JSON)
        assert (await ben.get("post_created"))["post"]["id"] == made.json()["id"]
        await in_thread(ada.delete)(f"/api/posts/{made.json()['id']}/")
        assert (await ben.get("post_deleted"))["post_id"] == made.json()["id"]
    async with enter("ben") as ben:
        assert texts(ben.first) == []


def test_the_page_offers_ones_own_workouts(ada):
    from tests.working_out import record

    workout = record(User.objects.get(username="ada"))
    theirs = record(User.objects.get(username="ben"))
    page = ada.get("/feed/").content.decode()
    assert f'value="{workout.pk}"' in page and f'value="{theirs.pk}"' not in page


def test_what_is_posted_is_answered_though_nobody_can_be_told(ada, monkeypatch, caplog):
    async def broken(group, event):
        raise ConnectionError("no layer")

    monkeypatch.setattr(get_channel_layer(), "group_send", broken)
    assert ada.post("/api/posts/", {"text": "Done"}, **JSON).status_code == 201
    assert Post.objects.count() == 1
    assert "no layer" in caplog.text
