"""Tokens over HTTP: obtained, refreshed, given up, and a ticket for a socket."""

import base64
import json

import pytest
from django.test import Client

from tests.people import browser_of, make_user, tokens_of

JSON = "application/json"
ENDPOINTS = ["/api/token/", "/api/token/refresh/", "/api/logout/", "/api/ws-ticket/"]

pytestmark = pytest.mark.django_db(transaction=True)


def post(path: str, body=None, token: str | None = None):
    """The answer to that body, as JSON or, if it is text, as it is."""
    data = body if isinstance(body, str | bytes) else json.dumps(body or {})
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return Client().post(path, data, content_type=JSON, headers=headers)


def claims(token: str) -> dict:
    """What a token says, to anybody: it is signed, not secret."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


# Obtaining


def test_a_password_gives_a_pair_of_tokens(people):
    answer = post("/api/token/", {"username": "ada", "password": "ada-demo"})
    assert answer.status_code == 200
    tokens = answer.json()
    assert sorted(tokens) == ["access", "refresh"]
    access, refresh = claims(tokens["access"]), claims(tokens["refresh"])
    assert access["user_id"] == refresh["user_id"] == str(people["ada"].pk)
    assert access["sid"] == refresh["sid"]
    assert access["exp"] - access["iat"] in (299, 300)  # simplejwt looks at the clock twice


def test_tokens_tell_no_secret(people):
    for token in tokens_of("ada").values():
        told = set(claims(token)) - {"token_type", "exp", "iat", "jti", "user_id", "sid"}
        assert told == {"hash_password"}  # of the password's hash: it changes with the password
        assert people["ada"].password not in str(claims(token))


@pytest.mark.parametrize(
    "username, password",
    [("ada", "wrong"), ("nobody", "ada-demo"), ("ADA", "ada-demo"), ("old", "old-demo")],
)
def test_a_wrong_password_and_nobody_are_told_alike(people, username, password):
    make_user("old", is_active=False)
    answer = post("/api/token/", {"username": username, "password": password})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "No active account found with the given credentials"


# Bad bodies

BAD = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "no fields": "{}",
    "numbers": '{"username": 1, "password": 2, "refresh": 3}',
    "lists": '{"username": ["ada"], "password": ["x"], "refresh": ["x"]}',
    "nulls": '{"username": null, "password": null, "refresh": null}',
    "blank": '{"username": "", "password": "", "refresh": ""}',
    "NUL": '{"username": "a\\u0000", "password": "\\u0000", "refresh": "\\u0000"}',
    "a lone surrogate": '{"username": "\\ud800", "password": "\\ud800", "refresh": "\\ud800"}',
    "NaN": '{"username": NaN, "password": NaN, "refresh": NaN}',
    "5,000 digits": '{"refresh": %s}' % ("9" * 5000),
    "depth": '{"username": ' + "[" * 100_000,
    "no UTF-8": b"\xff\xfe",
    "long": json.dumps(dict.fromkeys(["username", "password", "refresh"], "x" * 100_000)),
}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_bad_body_is_answered_in_json(people, path):
    for kind, body in BAD.items():
        answer = post(path, body)
        assert answer.status_code in (400, 401), kind
        assert answer["Content-Type"] == JSON, kind
        assert answer.json(), kind


@pytest.mark.parametrize("path", ENDPOINTS)
def test_only_post_is_answered(people, path):
    headers = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(Client(), method)(path, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (405, JSON)


# Refreshing


def test_a_refresh_gives_a_new_pair_of_the_same_log_in(people):
    first = tokens_of("ada")
    answer = post("/api/token/refresh/", {"refresh": first["refresh"]})
    assert answer.status_code == 200
    second = answer.json()
    assert sorted(second) == ["access", "refresh"]
    assert second["refresh"] != first["refresh"]
    sids = {claims(token)["sid"] for pair in (first, second) for token in pair.values()}
    assert len(sids) == 1
    assert post("/api/ws-ticket/", token=second["access"]).status_code == 200


def test_a_refresh_token_is_good_once(people):
    tokens = tokens_of("ada")
    assert post("/api/token/refresh/", {"refresh": tokens["refresh"]}).status_code == 200
    again = post("/api/token/refresh/", {"refresh": tokens["refresh"]})
    assert (again.status_code, again.json()["code"]) == (401, "token_not_valid")


@pytest.mark.parametrize("kind", ["access", "nonsense"])
def test_nothing_but_a_refresh_token_refreshes(people, kind):
    token = {**tokens_of("ada"), "nonsense": "a.b.c"}[kind]
    assert post("/api/token/refresh/", {"refresh": token}).status_code == 401


def log_out(user, tokens):
    assert post("/api/logout/", token=tokens["access"]).status_code == 204


def deactivate(user, tokens):
    user.is_active = False
    user.save()


def change_password(user, tokens):
    user.set_password("another one")
    user.save()


def delete(user, tokens):
    user.delete()


@pytest.mark.parametrize("ending", [log_out, deactivate, change_password, delete])
def test_whatever_ends_a_right_ends_both_tokens(people, ending):
    tokens = tokens_of("ada")
    ending(people["ada"], tokens)
    assert post("/api/token/refresh/", {"refresh": tokens["refresh"]}).status_code == 401
    assert post("/api/ws-ticket/", token=tokens["access"]).status_code == 401
    assert post("/api/logout/", {"refresh": tokens["refresh"]}).status_code in (204, 401)


# Giving up


@pytest.mark.parametrize("by", ["refresh", "access"])
def test_a_log_out_ends_every_token_of_the_log_in(people, by):
    """Also those of an earlier refresh: blacklisting one token would leave them."""
    first, other = tokens_of("ada"), tokens_of("ada")
    second = post("/api/token/refresh/", {"refresh": first["refresh"]}).json()
    if by == "refresh":
        answer = post("/api/logout/", {"refresh": second["refresh"]})
    else:
        answer = post("/api/logout/", token=second["access"])
    assert (answer.status_code, answer.content) == (204, b"")
    for access in (first["access"], second["access"]):
        assert post("/api/ws-ticket/", token=access).status_code == 401
    assert post("/api/token/refresh/", {"refresh": second["refresh"]}).status_code == 401
    assert post("/api/ws-ticket/", token=other["access"]).status_code == 200


def test_a_refresh_token_logs_out_also_beside_an_expired_access_token(people):
    """Many clients send their access token along with everything, whatever has become of it."""
    tokens = tokens_of("ada")
    answer = post("/api/logout/", {"refresh": tokens["refresh"]}, token="an expired one")
    assert answer.status_code == 204
    assert post("/api/ws-ticket/", token=tokens["access"]).status_code == 401


def test_a_log_out_without_a_token_says_what_to_send(people):
    answer = post("/api/logout/")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "send `refresh`, or an access token in Authorization"}


@pytest.mark.parametrize("token", ["a.b.c", "", "spent", "access"])
def test_a_log_out_by_a_token_that_is_none_ends_nothing(people, token):
    tokens = tokens_of("ada")
    sent = {"access": tokens["access"], "spent": tokens["refresh"]}.get(token, token)
    if token == "spent":
        tokens = post("/api/token/refresh/", {"refresh": sent}).json()
    assert post("/api/logout/", {"refresh": sent}).status_code in (400, 401)
    assert post("/api/ws-ticket/", token=tokens["access"]).status_code == 200


# Tickets


def test_an_access_token_gives_a_ticket(people, settings):
    settings.TICKET_SECONDS = 7
    tickets = [post("/api/ws-ticket/", token=tokens_of("ada")["access"]).json() for _ in range(2)]
    for ticket in tickets:
        assert ticket["expires_in"] == 7
        assert len(ticket["ticket"]) == 43  # 32 random bytes
    assert tickets[0]["ticket"] != tickets[1]["ticket"]


def test_a_cookie_gives_no_ticket(people):
    """A page has its cookie at the handshake as well; another site's form would have it here."""
    answer = browser_of("ada").post("/api/ws-ticket/", content_type=JSON)
    assert answer.status_code == 401


@pytest.mark.parametrize("kind", ["refresh", "nonsense", "none", "basic"])
def test_nothing_but_an_access_token_gives_a_ticket(people, kind):
    authorization = {
        "refresh": f"Bearer {tokens_of('ada')['refresh']}",
        "nonsense": "Bearer a.b.c",
        "none": "Bearer ",
        "basic": "Basic YWRhOmFkYS1kZW1v",
    }[kind]
    answer = Client().post(
        "/api/ws-ticket/", content_type=JSON, headers={"Authorization": authorization}
    )
    assert (answer.status_code, answer["Content-Type"]) == (401, JSON)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_no_ticket_where_another_process_would_not_know_it(people, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.PROCESSES = 2
    answer = post("/api/ws-ticket/", token=tokens_of("ada")["access"])
    assert answer.status_code == 503
    assert "set REDIS_URL" in answer.json()["detail"]
