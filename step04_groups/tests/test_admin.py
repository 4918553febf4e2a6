"""Rooms and messages in the admin: found by search and by filter."""

import pytest
from django.contrib.admin import ModelAdmin

from rooms import services
from rooms.models import Message, Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def rooms() -> list[Room]:
    rooms = [Room.objects.create(name=name) for name in ("lobby", "sauna")]
    services.store(rooms[0].pk, "Ann", "hello from the lobby", None)
    services.store(rooms[1].pk, "Bob", "hot in here", None)
    return rooms


def rows(answer) -> list:
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def test_messages_are_searched_by_text_and_by_name(admin_client, rooms):
    for searched, text in [("lobby", "hello from the lobby"), ("Bob", "hot in here")]:
        found = rows(admin_client.get("/admin/rooms/message/", {"q": searched}))
        assert [message.text for message in found] == [text]


def test_messages_are_filtered_by_room_and_by_day(admin_client, rooms):
    page = "/admin/rooms/message/"
    found = rows(admin_client.get(page, {"room__id__exact": rooms[1].pk}))
    assert [message.text for message in found] == ["hot in here"]
    assert rows(admin_client.get(page, {"sent_at__lt": "2000-01-01 00:00+00:00"})) == []


def test_rooms_are_searched_and_filtered(admin_client, rooms):
    assert rows(admin_client.get("/admin/rooms/room/", {"q": "sau"})) == [rooms[1]]
    old = {"made_at__lt": "2000-01-01 00:00+00:00"}
    assert rows(admin_client.get("/admin/rooms/room/", old)) == []


def test_a_message_is_not_added_by_hand_and_keeps_its_number(admin_client, rooms):
    assert admin_client.get("/admin/rooms/message/add/").status_code == 403
    message = Message.objects.first()
    changed = {
        "username": "Ann",
        "text": "mended",
        "sent_at_0": "2026-01-01",
        "sent_at_1": "12:00",
        "number": 99,
        "room": rooms[1].pk,
    }
    assert (
        admin_client.post(f"/admin/rooms/message/{message.pk}/change/", changed).status_code == 302
    )
    message.refresh_from_db()
    assert (message.text, message.number, message.room) == ("mended", 1, rooms[0])


def test_a_room_made_in_the_admin_has_a_name_that_can_be_a_path(admin_client):
    assert admin_client.post("/admin/rooms/room/add/", {"name": "a b"}).status_code == 200
    assert not Room.objects.exists()
    assert admin_client.post("/admin/rooms/room/add/", {"name": "lobby"}).status_code == 302
    assert Room.objects.get().name == "lobby"


def test_a_message_that_comes_while_a_room_is_saved_keeps_its_number(
    admin_client, rooms, monkeypatch
):
    """The admin reads a row, and saves it later: last_number is another by then."""
    save_form = ModelAdmin.save_form

    def somebody_speaks_first(*arguments, **options):
        services.store(rooms[0].pk, "Ann", "meanwhile", None)
        return save_form(*arguments, **options)

    monkeypatch.setattr(ModelAdmin, "save_form", somebody_speaks_first)
    renamed = {"name": "hall"}
    assert admin_client.post(f"/admin/rooms/room/{rooms[0].pk}/change/", renamed).status_code == 302
    rooms[0].refresh_from_db()
    assert (rooms[0].name, rooms[0].last_number) == ("hall", 2)
    assert services.store(rooms[0].pk, "Ann", "afterwards", None).number == 3
