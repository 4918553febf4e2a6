"""A page of somebody else's opens a socket in the victim's browser, with the victim's cookie."""

from unittest.mock import patch

import pytest
from websockets.exceptions import InvalidStatus

from tests.people import browser_of, cookie_of


def log_in(username: str) -> str:
    """The Cookie header of that person's browser."""
    return cookie_of(browser_of(username))


def no_origin_check():
    return patch("accounts.origin.is_allowed", lambda scope: True)


FORGED = ["http://evil.test", "http://127.0.0.1:1", "https://127.0.0.1", "null", None]


@pytest.mark.parametrize("origin", FORGED)
async def test_a_page_of_another_origin_gets_no_socket(target, origin):
    cookie = target.call(log_in, "ada")
    with pytest.raises(InvalidStatus, match="403"):
        async with target.socket("/ws/whoami/", cookie=cookie, origin=origin):
            pass


@pytest.mark.parametrize("origin", FORGED)
async def test_without_the_check_it_gets_the_victims_socket(target, origin):
    cookie = target.call(log_in, "ada")
    with target.without(no_origin_check):
        async with target.socket("/ws/whoami/", cookie=cookie, origin=origin) as attacker:
            assert (await attacker.hear())["username"] == "ada"
