"""The pages: a room is made by POST only, under a name that can be a path."""

import pytest
from django.test import Client
from django.utils import timezone

from rooms.forms import RoomForm
from rooms.models import Connection, Room

pytestmark = pytest.mark.django_db


def test_an_empty_index_says_what_to_do(client):
    page = client.get("/").content.decode()
    assert "No room yet" in page


def test_making_a_room_leads_to_it(client):
    answer = client.post("/", {"name": "lobby"})
    assert (answer.status_code, answer["Location"]) == (302, "/rooms/lobby/")
    assert "lobby" in client.get("/rooms/lobby/").content.decode()


def test_a_room_is_not_made_by_looking_at_it(client):
    assert client.get("/?name=lobby").status_code == 200
    assert client.get("/rooms/lobby/").status_code == 404
    assert client.post("/rooms/lobby/").status_code == 405
    assert client.put("/").status_code == 405
    assert not Room.objects.exists()


def test_another_site_cannot_make_a_room():
    client = Client(enforce_csrf_checks=True)
    assert client.post("/", {"name": "lobby"}).status_code == 403
    assert not Room.objects.exists()


@pytest.mark.parametrize("name", ["a b", "café", "../x", "a/b", "a.b", "x%00", "<b>", "é"])
def test_a_name_that_cannot_be_a_path_is_refused_with_the_reason(client, name):
    answer = client.post("/", {"name": name})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "letters a to z, digits, - and _" in page
    assert 'aria-invalid="true"' in page
    assert not Room.objects.exists()


@pytest.mark.parametrize(
    "name, reason",
    [
        ("", "This field is required."),
        ("x" * 200, "at most 50 characters (it has 200)"),
        ("a\0b", "Null characters are not allowed."),
        ("taken", "There is a room of that name already."),
    ],
)
def test_other_reasons_are_told_too(client, name, reason):
    Room.objects.create(name="taken")
    answer = client.post("/", {"name": name})
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert Room.objects.count() == 1


def test_who_is_overtaken_between_the_check_and_the_save_is_told_too(client, monkeypatch):
    check = RoomForm.is_valid

    def check_and_wait(form):
        answer = check(form)
        Room.objects.create(name="lobby")  # the other click
        return answer

    monkeypatch.setattr(RoomForm, "is_valid", check_and_wait)
    answer = client.post("/", {"name": "lobby"})
    assert answer.status_code == 422
    assert "There is a room of that name already." in answer.content.decode()
    assert Room.objects.count() == 1


def test_what_was_typed_is_kept_and_never_html(client):
    page = client.post("/", {"name": '"><script>'}).content.decode()
    assert "&quot;&gt;&lt;script&gt;" in page
    assert '"><script>' not in page


def test_the_index_says_who_is_online_each_once(client, settings):
    room = Room.objects.create(name="lobby")
    fresh, stale = timezone.now(), timezone.now() - timezone.timedelta(hours=1)
    for channel, username, seen in [
        ("1", "Ann", fresh),
        ("2", "Ann", fresh),
        ("3", "Bob <b>", fresh),
        ("4", "Gone", stale),
    ]:
        Connection.objects.create(
            room=room, guest=username, username=username, channel_name=channel, seen_at=seen
        )
    page = client.get("/").content.decode()
    assert page.count("Ann") == 1
    assert "Bob &lt;b&gt;" in page
    assert "Gone" not in page


def test_the_room_page_gives_a_session_so_that_two_tabs_are_one_guest(client, settings):
    Room.objects.create(name="lobby")
    client.get("/rooms/lobby/")
    first = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.get("/rooms/lobby/")
    assert client.cookies[settings.SESSION_COOKIE_NAME].value == first
    other = Client()
    other.get("/rooms/lobby/")
    assert other.cookies[settings.SESSION_COOKIE_NAME].value != first


def test_the_room_page_says_why_a_name_proves_nothing(client):
    Room.objects.create(name="lobby")
    assert "proves nothing" in client.get("/rooms/lobby/").content.decode()
