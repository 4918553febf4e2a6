"""Log-ins: made by a page or for tokens, shown by a socket, ended by a log-out or a kick."""

from uuid import uuid4

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import Client

from tests.people import browser_of, cookie_of, knock, make_user, tokens_of, visit

SOCKETS = ["/ws/whoami/", "/ws/chat/1/", "/ws/chat/nowhere/"]

pytestmark = pytest.mark.django_db(transaction=True)


# Who is there


async def test_a_session_says_who_is_there(people):
    for name in ("ada", "ben"):
        async with visit("/ws/whoami/", name) as person:
            assert await person.hear() == {
                "type": "whoami",
                "user_id": people[name].pk,
                "username": name,
                "via": "session",
            }


async def test_who_proves_nothing_is_4401(people, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock("/ws/whoami/") as nobody:
        code, reason = await nobody.closed()
    assert code == 4401
    assert "log in" in reason


@pytest.mark.parametrize("path", SOCKETS)
async def test_nothing_and_nonsense_are_4401_everywhere(people, settings, path):
    settings.AUTHENTICATE_WITHIN = 0.05
    for cookie in ["", f"{settings.SESSION_COOKIE_NAME}=guessed", "not a cookie", "a=b; a=c"]:
        async with knock(path, cookie=cookie) as nobody:
            assert await nobody.hear() == {
                "type": "closing",
                "code": 4401,
                "reason": "log in, or send a token as the first message",
            }


async def test_a_client_cannot_say_who_it_is(people):
    """Not by a field of the query string, not by a header."""
    headers = {"x-user": "ben", "remote-user": "ben", "authorization": "Basic YmVuOmJlbi1kZW1v"}
    path = f"/ws/whoami/?user=ben&username=ben&name=ben&user_id={people['ben'].pk}"
    async with visit(path, "ada", headers=headers) as ada:
        assert (await ada.hear())["username"] == "ada"


# Log-ins by page


def logins() -> list[tuple[str, bool]]:
    """Whose log-ins there are, and whether they have ended."""
    from accounts.models import Login

    found = Login.objects.order_by("made_at").select_related("user")
    return [(login.user.username, login.ended_at is not None) for login in found]


def by_page(username: str, password: str, **fields) -> tuple[Client, int]:
    """A browser that sent the form, and the status of the answer."""
    browser = Client(enforce_csrf_checks=True)
    token = str(browser.get("/login/").context["csrf_token"])
    sent = {"username": username, "password": password, "csrfmiddlewaretoken": token, **fields}
    return browser, browser.post("/login/", sent).status_code


def test_the_page_logs_in_and_out(people):
    browser, status = by_page("ada", "ada-demo")
    assert status == 302
    assert logins() == [("ada", False)]
    assert browser.get("/chat/").status_code == 200
    assert browser.get("/logout/").status_code == 405  # not by a link, nor by a picture's address
    assert browser.post("/logout/").status_code == 403  # nor by another site's form
    token = str(browser.get("/chat/").context["csrf_token"])
    assert browser.post("/logout/", {"csrfmiddlewaretoken": token}).status_code == 302
    assert logins() == [("ada", True)]
    assert browser.get("/chat/").status_code == 302


@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
async def test_a_log_in_over_another_ends_the_first_ones_sockets(people, page):
    """Django tells nobody of it."""
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        asked = {"username": "sam", "password": "sam-demo"}
        assert (await in_thread(ada.browser.post)(page, asked)).status_code == 302
        assert await ada.closed() == (4401, "you are logged out")
    assert (await in_thread(ada.browser.get)("/chat/")).context["user"] == people["sam"]


async def test_a_deleted_log_in_ends_its_sockets(people):
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await in_thread(people["ada"].logins.all().delete)()
        assert await ada.closed() == (4401, "you are logged out")


@pytest.mark.parametrize(
    "username, password", [("ada", "wrong"), ("nobody", "x"), ("", ""), ("ada", ""), ("a\0", "x")]
)
def test_a_wrong_password_is_no_log_in(people, username, password):
    _, status = by_page(username, password)
    assert status == 200  # the form again
    assert logins() == []


def test_who_is_not_active_cannot_log_in(db):
    make_user("old", is_active=False)
    _, status = by_page("old", "old-demo")
    assert (status, logins()) == (200, [])


def test_the_page_leads_back_but_never_to_another_site(people):
    for asked, led_to in [("/workouts/", "/workouts/"), ("//evil.test/", "/"), ("http://x/", "/")]:
        answer = Client().post(f"/login/?next={asked}", {"username": "ada", "password": "ada-demo"})
        assert (answer.status_code, answer["Location"]) == (302, led_to)


@pytest.mark.parametrize("path", ["/chat/", "/live/", "/workouts/"])
def test_the_pages_are_for_those_who_logged_in(client, db, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


# What a log-in is


def test_each_log_in_is_one_of_its_own(people):
    browsers = browser_of("ada"), browser_of("ada")
    sids = {browser.session["sid"] for browser in browsers}
    assert len(sids) == 2
    browsers[0].logout()
    assert sorted(logins()) == [("ada", False), ("ada", True)]


def test_only_a_log_in_that_goes_on_counts(people):
    from accounts import services
    from accounts.models import Login

    ada, ben = people["ada"], people["ben"]
    going, ended = str(services.begin(ada).pk), str(services.begin(ada).pk)
    services.end(ended)
    services.check(going, ada)
    wrong = [ended, str(uuid4()), None, "", "x", going[:-1], "\0", 7, 1.5, [going], {"a": 1}, True]
    for sid in wrong:
        with pytest.raises(services.Ended):
            services.check(sid, ada)
    with pytest.raises(services.Ended):
        services.check(going, ben)  # somebody else's
    assert Login.objects.filter(ended_at=None).count() == 1


def test_an_ended_log_in_keeps_the_time_it_ended(people):
    from accounts import services
    from accounts.models import Login

    login = services.begin(people["ada"])
    services.end(str(login.pk))
    ended_at = Login.objects.get().ended_at
    services.end_all(people["ada"].pk)
    assert Login.objects.get().ended_at == ended_at


def test_a_kick_ends_all_log_ins_of_one_person(people):
    from accounts import services

    browser, other = browser_of("ada"), browser_of("ben")
    tokens_of("ada")
    services.end_all(people["ada"].pk)
    assert sorted(logins()) == [("ada", True), ("ada", True), ("ben", False)]
    assert browser.get("/chat/").status_code == 302
    assert "_auth_user_id" not in browser.session
    assert other.get("/chat/").status_code == 200


def test_a_session_of_no_log_in_is_logged_out(people):
    """One that began before there were log-ins, say."""
    browser = browser_of("ada")
    session = browser.session
    del session["sid"]
    session.save()
    assert browser.get("/chat/").status_code == 302
    assert "_auth_user_id" not in browser.session


async def test_a_session_of_no_log_in_opens_no_socket(people):
    from channels.db import database_sync_to_async as in_thread

    def without_sid() -> str:
        browser = browser_of("ada")
        session = browser.session
        del session["sid"]
        session.save()
        return cookie_of(browser)

    async with knock("/ws/whoami/", cookie=await in_thread(without_sid)()) as ada:
        assert await ada.closed() == (4401, "you are logged out")


# What is told to the sockets


@pytest.fixture
def told(monkeypatch) -> list[int]:
    """Whose sockets were told to look again."""
    ids: list[int] = []
    monkeypatch.setattr("accounts.services.tell", ids.append)
    return ids


def test_saved_and_deleted_is_told_and_made_and_seen_is_not(people, told):
    ada = people["ada"]
    make_user("new")
    browser_of("ada")  # sets last_login
    assert told == []
    ada.save()
    ada.save(update_fields=["is_active"])
    assert told == [ada.pk] * 2
    pk = ada.pk
    ada.delete()
    assert told == [pk] * 4  # the log-in that goes along is told as well


def test_what_is_not_committed_is_not_told(people, monkeypatch):
    from channels.layers import get_channel_layer
    from django.db import transaction

    sent = []

    async def group_send(group, event):
        sent.append((group, event))

    monkeypatch.setattr(get_channel_layer(), "group_send", group_send)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        people["ada"].save()
        1 / 0  # noqa: B018
    assert sent == []
    with transaction.atomic():
        people["ada"].save()
        assert sent == []
    ((group, event),) = sent
    assert (group, event["type"]) == (f"person.{people['ada'].pk}", "recheck")


def test_a_layer_that_is_away_undoes_nothing(people, monkeypatch, caplog):
    from channels.layers import get_channel_layer

    async def fail(group, event):
        raise ConnectionError("the layer is away")

    monkeypatch.setattr(get_channel_layer(), "group_send", fail)
    browser = browser_of("ada")
    people["ada"].is_active = False
    people["ada"].save()
    people["ada"].refresh_from_db()
    assert not people["ada"].is_active
    assert browser.get("/chat/").status_code == 302
    assert "the layer is away" in caplog.text


# The admin


def test_staff_kick_in_the_admin(people):
    from django.contrib.auth.models import User

    ada, sam = browser_of("ada"), browser_of("sam")
    page = sam.get("/admin/auth/user/")
    assert "Log out everywhere, and close their sockets" in page.content.decode()
    chosen = {"action": "kick", "_selected_action": [people["ada"].pk]}
    assert sam.post("/admin/auth/user/", chosen).status_code == 302
    assert sorted(logins()) == [("ada", True), ("sam", False)]
    assert ada.get("/chat/").status_code == 302
    assert User.objects.get(username="ada").is_active  # who may log in again


def test_who_may_only_look_at_people_cannot_kick(people):
    from django.apps import apps
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Permission

    create_permissions(apps.get_app_config("auth"), verbosity=0)
    viewer = make_user("vic", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    browser_of("ada")
    chosen = {"action": "kick", "_selected_action": [people["ada"].pk]}
    vic = browser_of("vic")
    assert vic.get("/admin/auth/user/").status_code == 200
    vic.post("/admin/auth/user/", chosen)
    assert ("ada", False) in logins()


def test_log_ins_are_seen_in_the_admin_and_not_made_or_changed(people):
    from accounts.models import Login

    browser_of("ada")
    sam = browser_of("sam")
    found = sam.get("/admin/accounts/login/", {"q": "ada"}).context["cl"].queryset
    assert [login.user.username for login in found] == ["ada"]
    assert sam.get("/admin/accounts/login/add/").status_code == 403
    path = f"/admin/accounts/login/{Login.objects.get(user=people['ada']).pk}/change/"
    page = sam.get(path)
    assert page.status_code == 200
    assert "_save" not in page.content.decode()  # it would write back an end of None
    changed = {"user": people["ben"].pk, "ended_at_0": "2026-01-01", "ended_at_1": "12:00"}
    assert sam.post(path, changed).status_code == 403
    assert sorted(logins()) == [("ada", False), ("sam", False)]


def test_staff_let_nobody_in_again_who_was_made_inactive_meanwhile(people):
    """Another of the staff did, while this one had the page open to write a name."""
    from django.contrib.auth.models import User

    ada, staff = people["ada"], browser_of("sam")
    url = f"/admin/auth/user/{ada.pk}/change/"
    assert b'name="initial-is_active"' in staff.get(url).content
    shown = {"username": "ada", "initial-username": "ada", "is_active": "on"}
    shown |= {"initial-is_active": "True", "date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    User.objects.filter(pk=ada.pk).update(is_active=False)
    saved = staff.post(url, shown | {"first_name": "Ada"})
    assert saved.status_code == 302, saved.context["errors"]
    ada.refresh_from_db()
    assert (ada.first_name, ada.is_active) == ("Ada", False)
