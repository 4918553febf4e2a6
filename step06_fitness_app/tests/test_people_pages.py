"""The pages of the people: sign-up, one's account, the others, and the demo's one click."""

import importlib
import re
import sys

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import clear_url_caches

from people.models import Block, Profile
from people.relations import Relation, friends_of, relation
from people.views import DEMO_PEOPLE
from tests.people import browser_of, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def text_of(answer) -> str:
    """A page in one line, without what is different each time."""
    text = " ".join(answer.content.decode().split())
    return re.sub('name="csrfmiddlewaretoken" value="[^"]*"', "", text)


# Sign-up


def test_who_signs_up_is_logged_in(people):
    browser = Client()
    assert "Sign up" in text_of(browser.get("/sign-up/"))
    asked = {"username": "evelyn", "password": "a long enough one"}
    answer = browser.post("/sign-up/", asked)
    assert (answer.status_code, answer.url) == (302, "/")
    assert "evelyn" in text_of(browser.get("/account/"))
    assert User.objects.get(username="evelyn").logins.count() == 1


@pytest.mark.parametrize(
    "fields, problem, field",
    [
        ({"username": "ada"}, "A user with that username already exists.", "username"),
        ({"username": "a b"}, "Enter a valid username.", "username"),
        ({"username": ""}, "This field may not be blank.", "username"),
        ({"password": "short"}, "This password is too short.", "password"),
        ({"password": ""}, "This field may not be blank.", "password"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(people, fields, problem, field):
    asked = {"username": "evelyn", "password": "a long enough one", **fields}
    answer = Client().post("/sign-up/", asked)
    assert answer.status_code == 422
    page = text_of(answer)
    assert f'<p id="about-{field}" class="problem" role="alert">{problem}' in page
    assert page.count('aria-invalid="true"') == page.count('role="alert"') == 1
    assert "a long enough one" not in page
    assert User.objects.count() == len(people)


def test_a_sign_up_too_many_is_told(people, monkeypatch):
    from people import services

    monkeypatch.setattr(services, "SIGN_UPS_PER_MINUTE", 0)
    answer = Client().post("/sign-up/", {"username": "eve", "password": "a long enough one"})
    assert answer.status_code == 422
    assert "no more than 0 sign-ups a minute" in text_of(answer)


# One's account


def test_an_account_shows_and_changes_the_profile(people):
    browser = browser_of("ada")
    page = text_of(browser.get("/account/"))
    assert 'value="tom"' in page and '<option value="friends" selected' in page
    asked = {"role": "trainer", "trainer": "", "privacy": "public"}
    answer = browser.post("/account/", asked, follow=True)
    assert "Saved." in text_of(answer)
    profile = Profile.objects.get(user=people["ada"])
    assert (profile.role, profile.trainer, profile.privacy) == ("trainer", None, "public")


@pytest.mark.parametrize(
    "field, value, problem",
    [
        ("trainer", "ben", "There is no trainer of that name."),
        ("trainer", "a\0b", "Null characters are not allowed."),
        ("role", "king", "&quot;king&quot; is not a valid choice."),
        ("privacy", "all", "&quot;all&quot; is not a valid choice."),
    ],
)
def test_what_is_wrong_with_a_profile_is_said_at_its_field(people, field, value, problem):
    asked = {"role": "member", "trainer": "tom", "privacy": "private", field: value}
    answer = browser_of("ada").post("/account/", asked)
    assert answer.status_code == 422
    assert f'<p id="about-{field}" class="problem" role="alert">{problem}</p>' in text_of(answer)
    assert Profile.objects.get(user=people["ada"]).privacy == "friends"


def test_an_account_is_deleted_with_its_password(people):
    browser = browser_of("ada")
    answer = browser.post("/account/", {"delete": "yes", "password": "wrong"})
    assert answer.status_code == 422
    assert "That is not your password." in text_of(answer)
    answer = browser.post("/account/", {"delete": "yes", "password": "ada-demo"})
    assert (answer.status_code, answer.url) == (302, "/")
    assert not User.objects.filter(username="ada").exists()
    assert browser.get("/account/").status_code == 302  # to the log-in


# The others


def test_the_people_page_has_all_lists_and_a_search(people):
    from people import services

    services.ask(people["cleo"], people["ada"])
    services.ask(people["ada"], people["sam"])
    browser = browser_of("ada")
    page = text_of(browser.get("/people/"))
    for heading in ("They ask to be your friends", "Friends", "You asked", "Blocked"):
        assert f"{heading}</h2>" in page
    for name in ("cleo", "ben", "sam"):
        assert f'href="/people/{name}/"' in page
    assert 'href="/people/dora/"' not in page and "dora" in page
    assert 'href="/people/tom/"' in text_of(browser.get("/people/?search=to"))
    assert "Nobody's name has that in it." in text_of(browser.get("/people/?search=zz"))


def test_a_trainer_finds_their_clients_there(people):
    assert [one.username for one in browser_of("tom").get("/people/").context["clients"]] == ["ada"]
    assert "You train" not in browser_of("ben").get("/people/").content.decode()


@pytest.mark.parametrize("search", ["", " ", "%00", "x" * 151])
def test_a_search_for_nothing_is_said_at_its_field(people, search):
    answer = browser_of("ada").get(f"/people/?search={search}")
    assert answer.status_code == 422
    assert '<p id="about-search" class="problem" role="alert">' in text_of(answer)


def test_what_one_does_with_somebody(people):
    ada, cleo = browser_of("ada"), browser_of("cleo")
    assert "Ask to be friends" in text_of(ada.get("/people/cleo/"))
    assert ada.post("/people/cleo/", {"do": "ask"}).url == "/people/cleo/"
    assert "Take the request back" in text_of(ada.get("/people/cleo/"))
    page = text_of(cleo.get("/people/ada/"))
    assert "Accept" in page and "Decline" in page
    assert cleo.post("/people/ada/", {"do": "ask", "back": "yes"}).url == "/people/"
    assert people["cleo"] in friends_of(people["ada"].pk)
    page = text_of(ada.get("/people/cleo/"))
    assert "You are friends." in page and "Talk" in page
    ada.post("/people/cleo/", {"do": "unfriend"})
    assert people["cleo"] not in friends_of(people["ada"].pk)
    assert ada.post("/people/cleo/", {"do": "block"}).url == "/people/"
    assert relation(people["cleo"].pk, people["ada"].pk) == Relation.BLOCKED
    assert ada.get("/people/cleo/").status_code == 404
    assert ada.post("/people/cleo/", {"do": "unblock"}).url == "/people/"
    assert not Block.objects.filter(blocked=people["cleo"]).exists()


def test_a_request_is_taken_back_or_declined_and_no_friendship(people):
    """The page may be older than the answer: its button then ends nothing."""
    ada, cleo = browser_of("ada"), browser_of("cleo")
    for browser, name in ((ada, "cleo"), (cleo, "ada")):
        ada.post("/people/cleo/", {"do": "ask"})
        browser.post(f"/people/{name}/", {"do": "decline"})
        assert "Ask to be friends" in text_of(ada.get("/people/cleo/"))
    ada.post("/people/cleo/", {"do": "ask"})
    assert 'value="decline"' in text_of(ada.get("/people/cleo/"))
    cleo.post("/people/ada/", {"do": "ask"})
    answer = ada.post("/people/cleo/", {"do": "decline"}, follow=True)
    assert "You are friends." in text_of(answer)
    assert people["cleo"] in friends_of(people["ada"].pk)


@pytest.mark.parametrize(
    "do", ["ask", "decline", "unfriend", "block", "unblock", "shout", "", None]
)
def test_to_the_blocked_a_page_is_that_of_nobody(people, do):
    browser = browser_of("dora")
    answers = []
    for name in ("ada", "eve"):
        path = f"/people/{name}/"
        answers.append(browser.post(path, {"do": do}) if do is not None else browser.get(path))
    assert {answer.status_code for answer in answers} == {404}
    ours, theirs = map(text_of, answers)
    assert "There is nobody of that name for you here." in ours
    assert ours == theirs


def test_an_unknown_deed_changes_nothing(people):
    assert browser_of("ada").post("/people/ben/", {"do": "shout"}).status_code == 404


def test_ones_own_page_is_the_account(people):
    assert browser_of("ada").get("/people/ada/").url == "/account/"


def test_who_asks_by_the_dozen_is_told_to_wait(people, monkeypatch):
    from people import services

    monkeypatch.setattr(services, "REQUESTS_PER_MINUTE", 0)
    answer = browser_of("ada").post("/people/cleo/", {"do": "ask"})
    assert answer.status_code == 429
    assert "Wait a moment: no more than 0 requests a minute." in text_of(answer)


@pytest.mark.parametrize("path", ["/account/", "/people/", "/people/ben/"])
def test_who_is_not_logged_in_is_sent_to_the_log_in(people, path):
    assert Client().get(path).url == f"/login/?next={path}"
    assert Client().post(path, {"do": "ask"}).status_code == 302


@pytest.mark.parametrize("path", ["/sign-up/", "/account/", "/people/cleo/"])
def test_no_form_is_taken_from_another_site(people, path):
    browser = browser_of("ada")
    browser.handler.enforce_csrf_checks = True
    fields = {"do": "ask", "delete": "yes", "password": "ada-demo", "username": "eve"}
    assert browser.post(path, fields).status_code == 403
    assert User.objects.count() == len(people)


# The demo's one click


@pytest.fixture
def routed(settings):
    """The paths as these settings make them: `routed(DEMO=True, DEBUG=True)`."""

    def load(**chosen):
        for name, value in chosen.items():
            setattr(settings, name, value)
        for module in ("accounts.urls", "people.urls", "config.urls"):
            importlib.reload(sys.modules[module])
        clear_url_caches()

    Client().get("/login/")  # so that config.urls is loaded
    yield load
    load(DEMO=False, DEBUG=False)


@pytest.mark.parametrize("demo, debug", [(False, False), (True, False), (False, True)])
def test_there_is_no_demo_log_in_without_both(people, routed, demo, debug):
    routed(DEMO=demo, DEBUG=debug)
    assert Client().post("/demo-log-in/", {"username": "ada"}).status_code == 404


@pytest.mark.parametrize("name", ["ada", "ben", "cleo", "tom"])
def test_one_click_logs_in_as_one_of_the_demos_people(people, routed, name):
    routed(DEMO=True, DEBUG=True)
    browser = Client()
    answer = browser.post("/demo-log-in/", {"username": name})
    assert (answer.status_code, answer.url) == (302, "/")
    assert browser.get("/api/me/").json()["username"] == name


def test_the_log_in_page_names_them_all(people, routed):
    assert "ada-demo" not in text_of(Client().get("/login/"))
    routed(DEMO=True, DEBUG=True)
    page = text_of(Client().get("/login/"))
    assert [name for name in DEMO_PEOPLE if not re.search(rf"\b{name}\b", page)] == []


def test_one_click_is_nobody_elses(people, routed):
    routed(DEMO=True, DEBUG=True)
    make_user("eve")
    User.objects.filter(username="ben").update(is_active=False)
    User.objects.filter(username="tom").delete()
    for fields in ({"username": name} for name in ("sam", "eve", "ben", "tom", "", "a\0b")):
        assert Client().post("/demo-log-in/", fields).status_code == 404, fields
    assert Client().post("/demo-log-in/").status_code == 404
    assert Client().get("/demo-log-in/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/demo-log-in/", {"username": "ada"}).status_code == 403


def test_settings_refuse_a_demo_in_production(monkeypatch):
    import runpy

    from django.core.exceptions import ImproperlyConfigured

    from tests.conftest import STEP

    production = {"DEBUG": "False", "SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "pulse.example.org"}
    for name, value in {**production, "REDIS_URL": "", "PROCESSES": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEMO", "0")
    assert runpy.run_path(str(STEP / "config/settings.py"))["DEMO"] is False
    monkeypatch.setenv("DEMO", "1")
    with pytest.raises(ImproperlyConfigured, match="DEMO to False: it lets anybody in"):
        runpy.run_path(str(STEP / "config/settings.py"))
