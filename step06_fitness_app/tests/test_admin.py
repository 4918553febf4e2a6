"""Conversations and messages in the admin: found by search and by filter, never made up."""

import pytest

from chat import services
from chat.models import Conversation, Message
from tests.people import befriend, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def talks() -> list[Conversation]:
    ada, ben, cleo = [make_user(name) for name in ("ada", "ben", "cleo")]
    befriend(ada, ben), befriend(ben, cleo)
    talks = [services.start(ada, ben), services.start(ben, cleo)]
    Message.objects.create(conversation=talks[0], number=1, sender=ada, text="hello from here")
    Message.objects.create(conversation=talks[1], number=1, sender=cleo, text="hot in here")
    return talks


def rows(answer) -> list:
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def test_messages_are_searched_by_text_and_by_name(admin_client, talks):
    for searched, text in [("hello", "hello from here"), ("cleo", "hot in here")]:
        found = rows(admin_client.get("/admin/chat/message/", {"q": searched}))
        assert [message.text for message in found] == [text]


def test_messages_and_conversations_are_filtered_by_day(admin_client, talks):
    for page, field in [("message", "sent_at"), ("conversation", "started_at")]:
        path = f"/admin/chat/{page}/"
        assert len(rows(admin_client.get(path))) == 2
        assert rows(admin_client.get(path, {f"{field}__lt": "2000-01-01 00:00+00:00"})) == []


def test_conversations_are_searched_by_either_name(admin_client, talks):
    for name, found in [("ada", talks[:1]), ("cleo", talks[1:]), ("nobody", [])]:
        assert rows(admin_client.get("/admin/chat/conversation/", {"q": name})) == found


@pytest.mark.parametrize("page", ["message", "conversation"])
def test_nothing_is_added_by_hand(admin_client, talks, page):
    assert admin_client.get(f"/admin/chat/{page}/add/").status_code == 403


def test_a_message_keeps_its_number_its_sender_and_its_conversation(admin_client, talks):
    message = Message.objects.get(conversation=talks[0])
    changed = {
        "text": "mended",
        "sent_at_0": "2026-01-01",
        "sent_at_1": "12:00",
        "number": 99,
        "conversation": talks[1].pk,
        "sender": talks[1].second_id,
    }
    path = f"/admin/chat/message/{message.pk}/change/"
    assert admin_client.post(path, changed).status_code == 302
    kept = (message.sender_id, message.conversation_id)
    message.refresh_from_db()
    assert (message.text, message.number) == ("mended", 1)
    assert (message.sender_id, message.conversation_id) == kept
