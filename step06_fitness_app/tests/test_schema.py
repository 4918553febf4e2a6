"""The API says what it takes and gives, on a page that needs no network, to who is logged in."""

import re
from io import StringIO

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.people import browser_of, tokens_of

pytestmark = pytest.mark.django_db(transaction=True)

# Whoever has no log-in yet asks for one here.
OPEN = {"/api/token/", "/api/token/refresh/", "/api/sign-up/"}


def test_every_path_is_described_and_the_description_is_valid():
    """A view whose input or output cannot be told is a warning, and each warning a failure."""
    written = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=written)
    assert "/api/ws-ticket/" in written.getvalue()


def operations() -> list[tuple[str, str]]:
    """Each path with its ids filled in, and each method of it."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    filled = {re.sub(r"\{[^}]+\}", "1", path): methods for path, methods in paths.items()}
    return [(path, method) for path, methods in filled.items() for method in methods]


def test_nothing_is_answered_without_a_log_in(people):
    """401 comes before 404: nobody learns which ids there are."""
    asked = operations()
    assert len(asked) > 5
    for path, method in asked:
        if path not in OPEN:
            for headers in ({}, {"Authorization": "Bearer a.b.c"}):
                send = getattr(Client(), method)
                answer = send(path, content_type="application/json", headers=headers)
                assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"


def test_the_description_is_for_who_is_logged_in(people):
    assert Client().get("/api/schema/").status_code == 401
    bearer = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    answer = Client().get("/api/schema/", headers=bearer)
    assert answer.status_code == 200
    assert b"openapi: 3" in answer.content
    answer = Client().get("/api/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/api/")


def test_the_page_to_try_it_asks_no_other_host(people):
    page = browser_of("ada").get("/api/").content.decode()
    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "swagger-ui-bundle.js" in page and len(asked) >= 3
    assert not [address for address in asked if "//" in address]
    for address in asked:
        assert finders.find(address.removeprefix("/static/")), address
