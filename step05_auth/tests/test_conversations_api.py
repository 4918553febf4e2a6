"""Conversations over HTTP: one's own, and only those; and in the admin."""

import json
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.people import browser_of, make_user, tokens_of
from tests.talking import start

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/api/conversations/"


@pytest.fixture
def talk(people) -> int:
    """The id of Ada's and Ben's conversation."""
    return start("ada", "ben")


def pages(talk: object) -> str:
    return f"/api/conversations/{talk}/messages/"


def say(talk: int, username: str, *texts: str) -> None:
    from conversations import services

    sender = User.objects.get(username=username)
    for text in texts:
        services.store(talk, sender, text, None)


def read(talk: int, username: str, up_to: int) -> None:
    from conversations import services

    services.mark_read(talk, User.objects.get(username=username), up_to)


def listed(username: str) -> list[dict]:
    answer = browser_of(username).get(LIST)
    assert answer.status_code == 200
    return answer.json()


def begin(username: str, body: object) -> tuple[int, dict]:
    data = body if isinstance(body, str) else json.dumps(body)
    answer = browser_of(username).post(LIST, data, content_type="application/json")
    return answer.status_code, answer.json()


# The list


def test_a_list_shows_the_other_one_the_last_message_and_what_is_unread(talk):
    say(talk, "ada", "hello", "are you there?")
    [line] = listed("ben")
    assert datetime.fromisoformat(line["last_message"].pop("timestamp")).utcoffset() is not None
    assert line == {
        "id": talk,
        "username": "ada",
        "last_message": {
            "type": "chat_message",
            "number": 2,
            "message": "are you there?",
            "username": "ada",
            "client_id": None,
        },
        "unread": 2,
    }
    [line] = listed("ada")
    assert (line["username"], line["unread"]) == ("ben", 0)  # one's own are not unread


def test_unread_are_the_others_messages_after_what_one_has_read(talk):
    say(talk, "ada", "1", "2")
    say(talk, "ben", "3")
    say(talk, "ada", "4")
    for up_to, unread in [(0, 3), (1, 2), (2, 1), (3, 1), (1, 1), (4, 0)]:
        read(talk, "ben", up_to)
        assert listed("ben")[0]["unread"] == unread, up_to
    assert listed("ada")[0]["unread"] == 1


def test_the_list_has_ones_own_conversations_the_latest_first(talk):
    with_cleo = start("cleo", "ada")
    others = start("ben", "cleo")
    say(others, "ben", "not for Ada")
    assert [line["id"] for line in listed("ada")] == [with_cleo, talk]
    say(talk, "ben", "here I am")
    assert [line["id"] for line in listed("ada")] == [talk, with_cleo]
    assert listed("ada")[1]["last_message"] is None
    assert listed("sam") == []


def test_a_longer_list_takes_no_more_queries(talk, django_assert_num_queries):
    from django.db import connection

    from conversations import services

    say(talk, "ben", "hello")
    browser = browser_of("ada")
    with CaptureQueriesContext(connection) as short:
        assert len(browser.get(LIST).json()) == 1
    for n in range(6):
        make_user(f"user{n}")
        say(start("ada", f"user{n}"), f"user{n}", "hello")
    with django_assert_num_queries(len(short)):
        assert [line["unread"] for line in browser.get(LIST).json()] == [1] * 7
    ada = User.objects.get(username="ada")
    with django_assert_num_queries(2):
        for conversation in services.inbox(ada):
            assert conversation.other(ada).username == conversation.newest[0].sender.username


# Beginning one


def test_a_conversation_is_begun_once_by_either(people):
    status, begun = begin("ada", {"username": "ben"})
    assert status == 200
    assert begun == {"id": begun["id"], "username": "ben"}
    assert begin("ada", {"username": "ben"}) == (200, begun)
    assert begin("ben", {"username": "ada"}) == (200, {**begun, "username": "ada"})
    assert [line["id"] for line in listed("ben")] == [begun["id"]]


@pytest.mark.parametrize(
    "username",
    ["nobody", "ada", "gone", "", " ", None, 1, [], {}, "a\0b", "\ud800", "x" * 200, "ben' OR 1=1"],
)
def test_who_cannot_be_talked_to_is_a_400_that_names_the_field(people, username):
    from conversations.models import Conversation

    make_user("gone", is_active=False)
    status, problem = begin("ada", {"username": username})
    assert (status, [*problem]) == (400, ["username"])
    assert not Conversation.objects.exists()


def test_no_username_at_all_is_a_400_too(people):
    assert begin("ada", {})[1].keys() == {"username"}
    for body in ("[]", "null", '"ben"', "{", "1", '{"username": %s}' % ("9" * 5000)):
        assert begin("ada", body)[0] == 400, body


def test_what_else_is_sent_changes_nothing(people):
    claims = {"first": people["cleo"].pk, "user": "cleo", "id": 99, "last_number": 99}
    begin("ada", {"username": "ben", **claims})
    assert listed("cleo") == []
    assert [line["username"] for line in listed("ada")] == ["ben"]


# Pages of messages


def test_a_page_is_the_history_frame_of_the_socket(talk):
    say(talk, "ada", "hello")
    read(talk, "ben", 1)
    answer = browser_of("ben").get(pages(talk)).json()
    [message] = answer.pop("messages")
    assert answer == {"type": "chat_history", "username": "ben", "read": {"ada": 0, "ben": 1}}
    assert message == listed("ben")[0]["last_message"]


def test_pages_before_and_after(talk):
    say(talk, "ada", *map(str, range(1, 121)))
    browser = browser_of("ben")

    def numbers(query: str) -> list[int]:
        return [
            message["number"] for message in browser.get(pages(talk) + query).json()["messages"]
        ]

    assert numbers("") == list(range(71, 121))
    assert numbers("?before=71") == list(range(21, 71))
    assert numbers("?before=21") == list(range(1, 21))
    assert numbers("?before=1") == numbers("?before=0") == []
    assert numbers("?after=0") == list(range(1, 51))
    assert numbers("?after=100") == list(range(101, 121))
    assert numbers("?after=120") == numbers(f"?after={2**63 - 1}") == []


@pytest.mark.parametrize(
    "value", ["", "x", "-1", "1.5", "1e400", "NaN", "9" * 19, "9" * 5000, "%00"]
)
@pytest.mark.parametrize("field", ["before", "after"])
def test_a_page_from_no_number_is_a_400_that_names_the_field(talk, field, value):
    answer = browser_of("ada").get(f"{pages(talk)}?{field}={value}")
    assert (answer.status_code, [*answer.json()]) == (400, [field])


def test_before_and_after_together_are_a_400(talk):
    answer = browser_of("ada").get(f"{pages(talk)}?before=2&after=1")
    assert (answer.status_code, [*answer.json()]) == (400, ["after"])


def test_a_page_takes_no_more_queries_for_more_messages(talk, django_assert_num_queries):
    from django.db import connection

    browser = browser_of("ada")
    say(talk, "ben", "one")
    with CaptureQueriesContext(connection) as short:
        browser.get(pages(talk))
    say(talk, "ada", *"abc")
    with django_assert_num_queries(len(short)):
        assert len(browser.get(pages(talk)).json()["messages"]) == 4


# Who may


def test_anothers_conversation_and_none_at_all_are_the_same_404(talk):
    say(talk, "ada", "for Ben only")
    cleo = browser_of("cleo")
    paths = [talk, talk + 1, 0, -1, "x", "1.0", "%00", "9" * 19, "9" * 5000, "٣", f"{talk}%0A"]
    answers = [cleo.get(pages(path)) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "json" in answers[0].headers["Content-Type"]


def test_a_stranger_would_read_it_if_nobody_asked_whose_it_is(talk, monkeypatch):
    from conversations import services
    from conversations.models import Conversation

    say(talk, "ada", "for Ben only")
    monkeypatch.setattr(services, "of", lambda user: Conversation.objects.all())
    answer = browser_of("cleo").get(pages(talk))
    assert [message["message"] for message in answer.json()["messages"]] == ["for Ben only"]


def test_a_superuser_is_a_stranger_too(talk):
    assert browser_of("sam").get(pages(talk)).status_code == 404


def test_nobody_in_particular_gets_nothing(talk):
    client = Client()
    for answer in (
        client.get(LIST),
        client.post(LIST, {"username": "ada"}, content_type="application/json"),
        client.get(pages(talk)),
        client.get(pages(talk + 1)),
    ):
        assert answer.status_code == 401


def test_a_token_opens_ones_own(talk):
    bearer = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    assert [line["id"] for line in Client().get(LIST, headers=bearer).json()] == [talk]
    bearer = {"Authorization": f"Bearer {tokens_of('cleo')['access']}"}
    assert Client().get(pages(talk), headers=bearer).status_code == 404


def test_a_cookie_alone_begins_nothing_from_another_site(people):
    browser = browser_of("ada")
    browser.handler.enforce_csrf_checks = True
    asked = {"username": "ben"}
    assert browser.post(LIST, asked, content_type="application/json").status_code == 403
    assert listed("ada") == []


def test_a_deleted_participant_takes_the_conversation_along(people, talk):
    say(talk, "ben", "hello")
    people["ben"].delete()
    assert listed("ada") == []
    assert browser_of("ada").get(pages(talk)).status_code == 404


# In the admin


def rows(answer) -> list:
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def test_messages_are_searched_by_text_and_by_sender_in_the_admin(talk):
    say(talk, "ada", "hello")
    say(talk, "ben", "hi")
    sam = browser_of("sam")
    for searched, text in [("hell", "hello"), ("ben", "hi")]:
        found = rows(sam.get("/admin/conversations/message/", {"q": searched}))
        assert [message.text for message in found] == [text]
    assert len(rows(sam.get("/admin/conversations/conversation/", {"q": "ada"}))) == 1
    assert rows(sam.get("/admin/conversations/conversation/", {"q": "cleo"})) == []


def test_nothing_is_added_by_hand_in_the_admin_and_a_message_keeps_its_place(people, talk):
    from conversations.models import Message

    say(talk, "ada", "hello")
    sam = browser_of("sam")
    for model in ("conversation", "message"):
        assert sam.get(f"/admin/conversations/{model}/add/").status_code == 403
    message = Message.objects.get()
    changed = {
        "text": "mended",
        "sent_at_0": "2026-01-01",
        "sent_at_1": "12:00",
        "number": 99,
        "sender": people["ben"].pk,
    }
    url = f"/admin/conversations/message/{message.pk}/change/"
    assert sam.post(url, changed).status_code == 302
    message.refresh_from_db()
    kept = (message.text, message.number, message.sender.username, message.conversation_id)
    assert kept == ("mended", 1, "ada", talk)


def test_a_conversation_is_not_saved_in_the_admin(talk):
    """A save would set back last_number, and with it the number of the next message."""
    path = f"/admin/conversations/conversation/{talk}/change/"
    sam = browser_of("sam")
    page = sam.get(path)
    assert page.status_code == 200
    assert "_save" not in page.content.decode()
    assert sam.post(path, {}).status_code == 403
