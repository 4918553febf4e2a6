"""Challenges over HTTP, and their pages: those one may see, and no others."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from challenges import services
from challenges.models import Challenge
from people.models import Block
from tests.challenging import board, enter, make, names
from tests.people import browser_of

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/api/challenges/"


def one(challenge: object, what: str = "") -> str:
    return f"{LIST}{challenge}/{what}"


def get(username: str, path: str = LIST):
    return browser_of(username).get(path)


def post(username: str, path: str = LIST, body: object = None):
    data = body if isinstance(body, str) else json.dumps(body or {})
    return browser_of(username).post(path, data, content_type="application/json")


def later(**how) -> str:
    return (timezone.now() + timedelta(**how)).isoformat()


def new(**fields) -> dict:
    return {"name": "Row", "metric": "distance_m", "ends_at": later(days=2), **fields}


def test_a_list_has_what_one_may_see(people):
    public, private = make("ada"), make("ada", "cleo", is_public=False)
    over = make("ben", begins=-60, lasts=30)
    seen = {
        name: {line["id"] for line in get(name).json()} for name in ("ada", "ben", "cleo", "dora")
    }
    assert seen == {
        "ada": {public, private, over},
        "ben": {public, private, over},
        "cleo": {public, private, over},
        "dora": {over},
    }
    assert Challenge.objects.get(pk=over).dissolved_at  # who looks carries it out


def test_a_new_one_starts_now_is_private_and_ones_own(people):
    answer = post("ada", body=new(made_by="ben", version=99, winner=1, dissolved_at=later(days=1)))
    assert answer.status_code == 201
    made = Challenge.objects.get(pk=answer.json()["id"])
    assert (made.made_by.username, made.is_public, made.version) == ("ada", False, 1)
    assert made.dissolved_at is None and made.winner is None
    assert abs((timezone.now() - made.starts_at).total_seconds()) < 10
    assert get("ada", one(made.pk)).json()["participants"] == 0


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", ""),
        ("name", " "),
        ("name", "a\0b"),
        ("name", "x" * 81),
        ("metric", "heart"),
        ("goal", 0),
        ("goal", 2e7),
        ("goal", "much"),
        ("goal", "nan"),
        ("starts_at", "tomorrow"),
        ("ends_at", None),
        ("ends_at", later(seconds=-1)),
        ("ends_at", later(days=400)),
        ("is_public", "perhaps"),
    ],
)
def test_bad_input_is_400_and_names_the_field(people, field, value):
    answer = post("ada", body=new(**{field: value}))
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Challenge.objects.exists()


def test_an_end_before_the_start_is_400_at_the_end(people):
    answer = post("ada", body=new(starts_at=later(days=3)))
    assert (answer.status_code, list(answer.json())) == (400, ["ends_at"])


@pytest.mark.parametrize("body", ["[]", "{", '"a"', "null", '{"goal": NaN}'])
def test_what_is_no_object_is_400(people, body):
    assert post("ada", body=body).status_code == 400


def test_join_and_leave_and_the_state_they_give(people):
    race = make("ada", "ada")
    state = post("cleo", one(race, "join/"))
    assert state.status_code == 200
    assert state.json()["you"] == {"place": 2, "progress": 0.0}
    assert post("cleo", one(race, "join/")).json()["participants"] == 2
    assert post("cleo", one(race, "leave/")).json()["you"] is None
    assert names(get("cleo", one(race)).json()) == ["ada"]
    assert get("cleo", one(race, "join/")).status_code == 405


async def test_who_joins_over_http_is_shown_on_the_sockets(people):
    from channels.db import database_sync_to_async as in_thread

    race = await in_thread(make)("ada", "ada")
    async with enter("ada", race) as ada:
        await in_thread(post)("cleo", one(race, "join/"))
        assert names(await board(ada)) == ["ada", "cleo"]
        await in_thread(post)("cleo", one(race, "leave/"))
        assert names(await board(ada)) == ["ada"]


@pytest.mark.parametrize("what", ["", "join/", "leave/", "end/"])
def test_others_are_404(people, what):
    race = make("ada", "ada", is_public=False)
    call = post if what else get
    for asked in (race, race + 1, "x", "9" * 19):
        assert call("cleo", one(asked, what)).status_code == 404
    assert Challenge.objects.get().participants.count() == 1


def test_its_maker_ends_it_and_nobody_else(people):
    race = make("ada", "ada", "ben")
    assert post("ben", one(race, "end/")).status_code == 403
    state = post("ada", one(race, "end/")).json()
    assert state["challenge"]["is_over"]
    for what in ("join/", "leave/"):
        answer = post("ben", one(race, what))
        assert (answer.status_code, answer.json()["detail"]) == (409, "the challenge is over")
    assert post("ada", one(race, "end/")).status_code == 200  # once more is no harm


def test_who_has_not_logged_in_gets_nothing(client, people):
    race = make("ada")
    for path in (LIST, one(race)):
        assert client.get(path).status_code == 401
    for path in ("/challenges/", f"/challenges/{race}/"):
        assert client.get(path).status_code == 302


def test_who_joins_too_often_is_429(people, settings):
    settings.USER_MESSAGES_PER_MINUTE = 1
    race = make("ada")
    assert post("ben", one(race, "join/")).status_code == 200
    assert post("ben", one(race, "leave/")).status_code == 429


def test_who_makes_too_many_is_429(people, settings, monkeypatch):
    monkeypatch.setattr("challenges.services.NEW_PER_MINUTE", 1)
    assert post("ada", body=new()).status_code == 201
    assert post("ada", body=new()).status_code == 429
    fields = {"name": "Ride", "metric": "distance_m", "hours": "24"}
    page = browser_of("ada").post("/challenges/", fields)
    assert page.status_code == 422 and "no more than 1 challenges a minute" in page.content.decode()
    assert Challenge.objects.count() == 1


# Pages


def test_the_form_makes_one_and_its_maker_takes_part(people):
    fields = {"name": "Ride", "metric": "distance_m", "goal": "12.5", "hours": "24"}
    answer = browser_of("ada").post("/challenges/", fields)
    made = Challenge.objects.get()
    assert answer.url == f"/challenges/{made.pk}/"
    assert (made.goal, made.is_public) == (12_500, False)
    assert (made.ends_at - made.starts_at).days == 1
    assert made.participants.get().user.username == "ada"


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", ""),
        ("name", "a\0"),
        ("metric", "x"),
        ("hours", "2"),
        ("goal", "20000"),
        ("goal", "-1"),
    ],
)
def test_a_bad_form_is_422_with_the_text_at_the_field(people, field, value):
    fields = {"name": "Ride", "metric": "distance_m", "hours": "24", field: value}
    answer = browser_of("ada").post("/challenges/", fields)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Challenge.objects.exists()


def test_a_page_shows_ones_own_and_not_others(people):
    race = make("ada", is_public=False, name="<b>Far</b>")
    page = get("ben", f"/challenges/{race}/").content.decode()
    assert "&lt;b&gt;Far&lt;/b&gt;" in page and "<b>Far" not in page
    assert get("cleo", f"/challenges/{race}/").status_code == 404
    assert "Far" not in get("cleo", "/challenges/").content.decode()
    assert "Far" in get("ben", "/challenges/").content.decode()


def test_who_may_not_find_it_any_more_can_leave_it_and_is_told_so(people):
    from people.services import unfriend

    race = make("ada", "ben", is_public=False)
    unfriend(people["ada"], people["ben"])
    answer = post("ben", one(race, "leave/"))
    assert (answer.status_code, answer.json()["you"]) == (200, None)
    assert get("ben", one(race)).status_code == 404


def test_who_is_blocked_while_they_join_is_404(people, monkeypatch):
    race, find = make("ada"), services.find

    def find_and_be_blocked(user, challenge_id):
        found = find(user, challenge_id)
        Block.objects.create(blocker=people["ada"], blocked=user)
        return found

    monkeypatch.setattr("challenges.services.find", find_and_be_blocked)
    assert post("ben", one(race, "join/")).status_code == 404
