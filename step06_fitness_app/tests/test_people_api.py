"""People over HTTP: oneself, the others, friendships, blocks, sign-up."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from people.models import Block, Profile, Role
from tests.people import as_shown, browser_of, make_user, tokens_of

pytestmark = pytest.mark.django_db(transaction=True)
JSON = "application/json"
NASTY = [None, 1, True, [], {}, "a\0b", "\ud800", "x" * 151]


def ask(username: str, method: str, path: str, body=None):
    """What a browser of theirs gets: the status, and the answer."""
    client = browser_of(username)
    data = body if isinstance(body, str) else json.dumps({} if body is None else body)
    answer = getattr(client, method)(
        path, **({} if method == "get" else {"data": data, "content_type": JSON})
    )
    return answer.status_code, answer.json() if answer.content else None


# Oneself


def test_me(people):
    me = {"username": "ada", "role": "member", "trainer": "tom", "privacy": "friends"}
    assert ask("ada", "get", "/api/me/") == (200, me)


def test_a_profile_is_changed_by_part_and_nothing_else_is(people):
    changed = {"privacy": "private", "username": "eve", "user": 1, "is_staff": True, "id": 1}
    status, me = ask("ada", "patch", "/api/me/", changed)
    assert (status, me["privacy"], me["username"], me["trainer"]) == (200, "private", "ada", "tom")
    assert ask("ada", "patch", "/api/me/", {"trainer": None})[1]["trainer"] is None
    assert ask("ada", "patch", "/api/me/", {"role": "trainer"})[1]["role"] == "trainer"
    assert ask("cleo", "patch", "/api/me/", {"trainer": "ada"})[1]["trainer"] == "ada"
    assert not User.objects.get(username="ada").is_staff


@pytest.mark.parametrize("field", ["role", "privacy", "trainer"])
@pytest.mark.parametrize("value", [*NASTY, "", "nobody", "ben", "dora", "ada"])
def test_what_is_wrong_is_a_400_that_names_the_field(people, field, value):
    if field == "trainer" and value in (None, ""):
        return  # that is: no trainer
    before = ask("ada", "get", "/api/me/")[1]
    status, problem = ask("ada", "patch", "/api/me/", {field: value})
    assert (status, [*problem]) == (400, [field])
    assert ask("ada", "get", "/api/me/")[1] == before


def test_a_trainer_who_blocked_me_is_as_none_of_that_name(people):
    Profile.objects.filter(user=people["dora"]).update(role=Role.TRAINER)
    answers = [ask("ada", "patch", "/api/me/", {"trainer": name}) for name in ("dora", "nobody")]
    assert answers[0] == answers[1] == (400, {"trainer": ["There is no trainer of that name."]})


# The others


def test_a_search_finds_who_is_here_but_oneself_and_the_blocked(people):
    make_user("adam"), make_user("adagio", is_active=False)
    status, found = ask("ada", "get", "/api/people/?search=A")
    assert (status, [person["username"] for person in found]) == (200, ["adam", "sam"])
    assert ask("dora", "get", "/api/people/?search=ada")[1] == [
        {"username": "adam", "role": "member"}
    ]
    assert ask("ada", "get", "/api/people/?search=tom")[1] == [
        {"username": "tom", "role": "trainer"}
    ]


@pytest.mark.parametrize("query", ["", "?search=", "?search=%00", f"?search={'x' * 151}"])
def test_a_search_for_nothing_is_a_400(people, query):
    status, problem = ask("ada", "get", f"/api/people/{query}")
    assert (status, [*problem]) == (400, ["search"])


def test_a_search_is_no_pattern(people):
    assert ask("ada", "get", "/api/people/?search=%25") == (200, [])
    assert ask("ada", "get", "/api/people/?search=_") == (200, [])


def test_somebody_and_what_they_are_to_me(people):
    known = {"role": "member", "is_my_trainer": False, "is_my_client": False}
    friend = {"username": "ben", **known, "friendship": "friends", "may_talk": True}
    assert ask("ada", "get", "/api/people/ben/") == (200, friend)
    stranger = {"username": "cleo", **known, "friendship": "none", "may_talk": False}
    assert ask("ada", "get", "/api/people/cleo/") == (200, stranger)
    tom = ask("ada", "get", "/api/people/tom/")[1]
    assert (tom["role"], tom["is_my_trainer"], tom["may_talk"]) == ("trainer", True, True)
    ada = ask("tom", "get", "/api/people/ada/")[1]
    assert (ada["is_my_client"], ada["may_talk"]) == (True, True)


PATHS = [
    ("get", "/api/people/{}/"),
    ("post", "/api/friends/{}/"),
    ("delete", "/api/friends/{}/"),
    ("post", "/api/blocks/{}/"),
]


@pytest.mark.parametrize("method, path", PATHS)
def test_the_blocked_get_what_one_gets_for_a_name_nobody_has(people, method, path):
    make_user("gone", is_active=False)
    for one, other in [("ada", "dora"), ("dora", "ada"), ("ada", "gone"), ("ada", "ada")]:
        nobody = ask(one, method, path.format("nobody"))
        assert nobody == (404, {"detail": "Not found."})
        assert ask(one, method, path.format(other)) == nobody
    assert Block.objects.count() == 1


@pytest.mark.parametrize("name", ["%00", "a%00", "a%20b", "x" * 151, "a%2Fb", "%ED%A0%80"])
@pytest.mark.parametrize("method, path", [*PATHS, ("delete", "/api/blocks/{}/")])
def test_what_cannot_be_a_name_is_404(people, method, path, name):
    assert getattr(browser_of("ada"), method)(path.format(name)).status_code == 404


def test_to_be_friends_takes_both(people):
    status, cleo = ask("ada", "post", "/api/friends/cleo/")
    assert (status, cleo["friendship"]) == (200, "asked")
    assert ask("cleo", "get", "/api/friends/")[1]["asking"] == [
        {"username": "ada", "role": "member"}
    ]
    assert ask("cleo", "get", "/api/people/ada/")[1]["friendship"] == "asking"
    assert ask("ada", "post", "/api/friends/cleo/")[1]["friendship"] == "asked"
    assert ask("cleo", "post", "/api/friends/ada/")[1]["friendship"] == "friends"
    friends = ask("ada", "get", "/api/friends/")[1]
    assert [person["username"] for person in friends["friends"]] == ["ben", "cleo"]
    assert ask("ada", "delete", "/api/friends/cleo/") == (204, None)
    assert ask("ada", "delete", "/api/friends/cleo/") == (204, None)
    assert ask("cleo", "get", "/api/people/ada/")[1]["friendship"] == "none"


def test_nobody_accepts_for_the_other(people):
    ask("ada", "post", "/api/friends/cleo/")
    ask("ada", "post", "/api/friends/cleo/")
    assert ask("ada", "get", "/api/friends/")[1]["asked"] != []


def test_who_asks_by_the_dozen_waits(people, monkeypatch):
    from people import services

    monkeypatch.setattr(services, "REQUESTS_PER_MINUTE", 1)
    ask("ada", "post", "/api/friends/cleo/")
    status, problem = ask("ada", "post", "/api/friends/cleo/")
    assert (status, problem) == (429, {"detail": "no more than 1 requests a minute"})


def test_blocks_are_made_listed_and_taken_back_by_who_made_them(people):
    assert ask("ada", "post", "/api/blocks/ben/") == (204, None)
    listed = [person["username"] for person in ask("ada", "get", "/api/blocks/")[1]]
    assert listed == ["ben", "dora"]
    assert ask("ben", "get", "/api/blocks/") == (200, [])
    assert ask("ben", "delete", "/api/blocks/ada/")[0] == 404
    assert ask("ada", "delete", "/api/blocks/ben/") == (204, None)
    assert ask("ada", "delete", "/api/blocks/ben/")[0] == 404
    assert ask("ada", "get", "/api/people/ben/")[1]["friendship"] == "none"


# Who may


OWN = [
    ("get", "/api/me/"),
    ("patch", "/api/me/"),
    ("delete", "/api/me/"),
    ("get", "/api/people/?search=a"),
    ("get", "/api/friends/"),
    ("get", "/api/blocks/"),
    *((method, path.format("ben")) for method, path in PATHS),
    ("delete", "/api/blocks/ben/"),
]


@pytest.mark.parametrize("method, path", OWN)
def test_nobody_in_particular_gets_nothing(people, method, path):
    assert getattr(Client(), method)(path).status_code == 401


def test_a_cookie_alone_changes_nothing_from_another_site(people):
    browser = browser_of("ada")
    browser.handler.enforce_csrf_checks = True
    for method, path in OWN:
        if method != "get":
            answer = getattr(browser, method)(path, {"password": "ada-demo"}, JSON)
            assert answer.status_code == 403, path
    assert User.objects.filter(username="ada").exists()


def test_a_token_is_as_good(people):
    bearer = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    assert Client().get("/api/me/", headers=bearer).json()["username"] == "ada"
    answer = Client().patch("/api/me/", {"privacy": "public"}, JSON, headers=bearer)
    assert answer.json()["privacy"] == "public"


# Sign-up


def sign_up(**body):
    return Client().post("/api/sign-up/", body, JSON)


def test_who_signs_up_can_obtain_tokens(people):
    answer = sign_up(username="evelyn", password="a long enough one", is_staff=True)
    assert (answer.status_code, answer.json()) == (201, {"username": "evelyn"})
    asked = {"username": "evelyn", "password": "a long enough one"}
    assert Client().post("/api/token/", asked, JSON).status_code == 200
    assert not User.objects.get(username="evelyn").is_staff


@pytest.mark.parametrize("value", [*NASTY, ""])
@pytest.mark.parametrize("field", ["username", "password"])
def test_a_sign_up_that_is_wrong_names_the_field(people, field, value):
    if (field, value) == ("username", 1):
        return  # "1" is a name
    body = {"username": "evelyn", "password": "a long enough one", field: value}
    answer = Client().post("/api/sign-up/", json.dumps(body), JSON)
    assert (answer.status_code, [*answer.json()]) == (400, [field])
    assert User.objects.count() == len(people)


def test_sign_ups_are_limited_for_one_address_whatever_it_claims(people, monkeypatch):
    from people import services

    monkeypatch.setattr(services, "SIGN_UPS_PER_MINUTE", 1)
    sign_up(username="user1", password="a long enough one")
    answer = Client().post(
        "/api/sign-up/",
        {"username": "user2", "password": "a long enough one"},
        JSON,
        headers={"X-Forwarded-For": "192.0.2.9"},
    )
    assert answer.status_code == 429


# In the admin


@pytest.mark.parametrize("model", ["profile", "friendship", "block"])
def test_the_admin_lists_and_finds_them(people, model):
    answer = browser_of("sam").get(f"/admin/people/{model}/", {"q": "ada"})
    assert answer.status_code == 200
    assert answer.context["cl"].queryset.exists()


def test_a_block_made_in_the_admin_is_told(people, monkeypatch):
    told = []
    monkeypatch.setattr("accounts.services.tell_group", told.append)
    fields = {"blocker": people["ben"].pk, "blocked": people["cleo"].pk}
    assert browser_of("sam").post("/admin/people/block/add/", fields).status_code == 302
    assert {f"person.{pk}" for pk in fields.values()} <= {*told}
    assert browser_of("sam").post("/admin/people/friendship/add/").status_code == 403
    assert browser_of("sam").post("/admin/people/profile/add/").status_code == 403


@pytest.mark.parametrize("trainer", ["", "ben"])
def test_a_profile_changed_in_the_admin_is_told_to_who_loses_by_it(people, monkeypatch, trainer):
    from people.models import Profile

    told, ada, ben = [], people["ada"], people["ben"]
    Profile.objects.filter(user=ben).update(role="trainer")
    monkeypatch.setattr("accounts.services.tell_group", told.append)
    monkeypatch.setattr("people.services.tell_group", told.append)
    url, staff = f"/admin/people/profile/{ada.pk}/change/", browser_of("sam")
    fields = {"role": "member", "trainer": ben.pk if trainer else "", "privacy": "private"}
    assert staff.post(url, as_shown(staff, url) | fields).status_code == 302
    profile = Profile.objects.get(user=ada)
    assert (profile.trainer, profile.privacy) == (ben if trainer else None, "private")
    assert {f"person.{people['tom'].pk}", f"workout.{ada.pk}"} <= {*told}


def test_the_admin_makes_nobody_a_client_of_who_is_no_trainer_or_is_blocked(people):
    from people.models import Profile

    Profile.objects.filter(user=people["dora"]).update(role="trainer")
    fields = {"role": "member", "trainer": people["dora"].pk, "privacy": "private"}
    page = browser_of("sam").post(f"/admin/people/profile/{people['ada'].pk}/change/", fields)
    assert page.status_code == 302
    fields = {"role": "member", "trainer": people["ben"].pk, "privacy": "private"}
    page = browser_of("sam").post(f"/admin/people/profile/{people['ada'].pk}/change/", fields)
    assert page.status_code == 200 and page.context["errors"]
    assert Profile.objects.get(user=people["ada"]).trainer == people["tom"]


def test_who_blocks_or_changes_too_often_is_429(people, monkeypatch):
    """Each time the sockets of others look again."""
    monkeypatch.setattr("people.services.CHANGES_PER_MINUTE", 2)
    for status in (204, 204, 429):
        assert ask("cleo", "post", "/api/blocks/ben/")[0] == status
        ask("cleo", "delete", "/api/blocks/ben/")
    for status in (200, 200, 429):
        assert ask("cleo", "patch", "/api/me/", {"privacy": "public"})[0] == status
    page = browser_of("cleo").post("/account/", {"privacy": "private"})
    assert page.status_code == 422
    assert page.context["problems"] == {
        "privacy": ["Wait a moment: no more than 2 profile-changes a minute."]
    }
