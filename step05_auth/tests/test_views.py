"""The pages: a room is made by POST only, under a name that can be a path, and is its members'."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from rooms.forms import RoomForm
from rooms.models import Connection, Room
from tests.people import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(people) -> Client:
    """The browser of ada."""
    return browser_of("ada")


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
    assert client.post("/rooms/lobby/").status_code == 404
    assert client.put("/rooms/lobby/").status_code == 405
    assert client.put("/").status_code == 405
    assert not Room.objects.exists()


def test_another_site_cannot_make_a_room(people):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["ada"])
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


def test_the_index_says_who_is_online_each_once(client, people):
    room = Room.objects.create(name="lobby")
    room.members.add(people["ada"])
    fresh, stale = timezone.now(), timezone.now() - timezone.timedelta(hours=1)
    for channel, username, seen in [
        ("1", "ben", fresh),
        ("2", "ben", fresh),
        ("3", "Bob <b>", fresh),
        ("4", "gone", stale),
    ]:
        user, _ = User.objects.get_or_create(username=username)
        Connection.objects.create(room=room, user=user, channel_name=channel, seen_at=seen)
    (found,) = client.get("/").context["rooms"]
    assert found == (room, ["ben", "Bob <b>"])
    page = client.get("/").content.decode()
    assert "Bob &lt;b&gt;" in page
    assert "Bob <b>" not in page


def test_the_index_lists_ones_own_rooms_only(client, people):
    mine, other = Room.objects.create(name="mine"), Room.objects.create(name="others")
    mine.members.add(people["ada"])
    other.members.add(people["ben"])
    page = client.get("/").content.decode()
    assert "mine" in page
    assert "others" not in page


# Members


def test_who_makes_a_room_is_its_first_member(client, people):
    client.post("/", {"name": "lobby"})
    assert [*Room.objects.get().members.all()] == [people["ada"]]


def test_a_room_is_its_members(client, people):
    client.post("/", {"name": "lobby"})
    for name in ("ben", "sam"):  # staff are no members by that
        answer = browser_of(name).get("/rooms/lobby/")
        assert answer.status_code == 403
        assert "not a member" in answer.content.decode()


def test_a_member_adds_another_who_then_may(client, people):
    client.post("/", {"name": "lobby"})
    answer = client.post("/rooms/lobby/", {"user": "ben"})
    assert (answer.status_code, answer["Location"]) == (302, "/rooms/lobby/")
    assert browser_of("ben").get("/rooms/lobby/").status_code == 200


def test_nobody_adds_themselves(client, people):
    client.post("/", {"name": "lobby"})
    answer = browser_of("ben").post("/rooms/lobby/", {"user": "ben"})
    assert answer.status_code == 403
    assert people["ben"] not in Room.objects.get().members.all()


@pytest.mark.parametrize("user", ["", "nobody", "BEN", "1", "a\0", "old", "x" * 500])
def test_somebody_who_is_not_there_is_not_added_and_the_page_says_so(client, people, user):
    User.objects.create_user("old", is_active=False)
    client.post("/", {"name": "lobby"})
    answer = client.post("/rooms/lobby/", {"user": user})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert Room.objects.get().members.count() == 1


def test_another_site_cannot_add_a_member(client, people):
    client.post("/", {"name": "lobby"})
    victim = Client(enforce_csrf_checks=True)
    victim.force_login(people["ada"])
    assert victim.post("/rooms/lobby/", {"user": "ben"}).status_code == 403
    assert Room.objects.get().members.count() == 1


@pytest.mark.parametrize("path", ["/rooms/nowhere/", "/rooms/x%00/", "/rooms/%C3%A9/"])
def test_no_room_is_404(client, path):
    assert client.get(path).status_code == 404
