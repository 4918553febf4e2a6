"""Notifications over HTTP: the page, the list and the marks. One's own only; and in the admin."""

import json

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import Client

from tests.people import browser_of, tokens_of
from tests.test_notifications import listen, numbers, tell

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/api/notifications/"
MARKS = "/api/notifications/marks/"


def listed(username: str, **query) -> dict:
    answer = browser_of(username).get(LIST, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def mark(client: Client, **fields):
    return client.post(MARKS, json.dumps(fields), content_type="application/json")


def test_the_list_is_the_sockets_frame(people):
    tell("ada", "ben", "cleo")
    page = listed("ada")
    assert {key: page[key] for key in ("type", "unread", "as_of")} == {
        "type": "notifications",
        "unread": 2,
        "as_of": 2,
    }
    assert [one["username"] for one in page["notifications"]] == ["ben", "cleo"]
    assert numbers(listed("ada", before=2)) == [1]
    assert numbers(listed("ada", after=1)) == [2]
    assert numbers(listed("cleo")) == []


@pytest.mark.parametrize(
    "query, field",
    [
        ({"before": "x"}, "before"),
        ({"before": -1}, "before"),
        ({"after": 2**63}, "after"),
        ({"after": "\0"}, "after"),
        ({"before": 1, "after": 1}, "after"),
    ],
)
def test_a_page_that_is_none_is_400_and_named(people, query, field):
    answer = browser_of("ada").get(LIST, query)
    assert answer.status_code == 400
    assert [*answer.json()] == [field]


async def test_a_mark_over_http_reaches_every_tab(people):
    await in_thread(tell)("ada", "ben", "cleo", "dora")
    async with listen("ada") as here:
        for fields, unread in [
            ({"numbers": [1, 2], "is_read": True}, 1),
            ({"numbers": [2], "is_read": False}, 2),
            ({"up_to": 3}, 0),
        ]:
            answer = await in_thread(mark)(here.browser, **fields)
            assert answer.status_code == 200, answer.content
            assert answer.json() == await here.hear()
            assert answer.json()["unread"] == unread


@pytest.mark.parametrize(
    "fields, field",
    [
        ({}, "numbers"),
        ({"numbers": [1]}, "numbers"),
        ({"is_read": True}, "numbers"),
        ({"numbers": [1], "is_read": True, "up_to": 1}, "numbers"),
        ({"numbers": [], "is_read": True}, "numbers"),
        ({"numbers": [1] * 101, "is_read": True}, "numbers"),
        ({"numbers": [-1], "is_read": True}, "numbers"),
        ({"numbers": [2**63], "is_read": True}, "numbers"),
        ({"numbers": "1", "is_read": True}, "numbers"),
        ({"numbers": [1], "is_read": "perhaps"}, "is_read"),
        ({"up_to": "x"}, "up_to"),
        ({"up_to": -1}, "up_to"),
    ],
)
def test_a_mark_that_is_none_is_400_and_named(people, fields, field):
    tell("ada", "ben")
    answer = mark(browser_of("ada"), **fields)
    assert answer.status_code == 400
    assert [*answer.json()] == [field]
    assert listed("ada")["unread"] == 1


def test_nobody_marks_anothers(people):
    tell("ada", "ben")
    assert mark(browser_of("cleo"), numbers=[1], is_read=True).status_code == 200
    assert mark(browser_of("cleo"), up_to=9, user=people["ada"].pk).status_code == 200
    assert listed("ada")["unread"] == 1


def test_nobody_in_particular_gets_nothing(people):
    assert Client().get(LIST).status_code == 401
    assert mark(Client(), up_to=1).status_code == 401
    answer = Client().get("/notifications/")
    assert (answer.status_code, answer.url) == (302, "/login/?next=/notifications/")


def test_a_cookie_alone_marks_nothing(people):
    """From a page of another site, a browser would send it along."""
    tell("ada", "ben")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people["ada"])
    assert mark(browser, up_to=1).status_code == 403
    assert listed("ada")["unread"] == 1


def test_a_token_reads_and_marks(people):
    tell("ada", "ben")
    bearer = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    assert Client().get(LIST, headers=bearer).json()["unread"] == 1
    body = json.dumps({"up_to": 1})
    answer = Client().post(MARKS, body, content_type="application/json", headers=bearer)
    assert answer.json()["unread"] == 0


def test_the_page_is_there_for_who_is_logged_in(people):
    answer = browser_of("ada").get("/notifications/")
    assert answer.status_code == 200
    assert b'id="notifications"' in answer.content


def test_staff_look_at_them_in_the_admin_and_change_nothing(people):
    tell("ada", "ben")
    browser = browser_of("sam")
    for model in ("notification", "achievement"):
        url = f"/admin/notifications/{model}/"
        assert browser.get(url, {"q": "ada"}).status_code == 200
        assert browser.get(f"{url}add/").status_code == 403
    from notifications.models import Notification

    url = f"/admin/notifications/notification/{Notification.objects.get().pk}/change/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"number": 9}).status_code == 403
