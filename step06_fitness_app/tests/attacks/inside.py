"""What tests have the server do from inside: people, what they carry, rows, and broken parts."""

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.contrib.auth.models import User
from django.db import OperationalError

from accounts import services, tickets
from accounts.api import ObtainSerializer
from chat.models import Message
from chat.services import start
from tests.people import befriend, browser_of, cookie_of


def person(username: str, fields: dict | None = None) -> int:
    """Somebody new; no password, which would cost a slow hash each."""
    return User.objects.create_user(username, **(fields or {})).pk


def talk(username: str, other: str) -> int:
    """A conversation of two friends."""
    people = [User.objects.get(username=name) for name in (username, other)]
    befriend(*people)
    return start(*people).pk


def cookie(username: str) -> str:
    """The Cookie header of a browser in which that person has logged in."""
    return cookie_of(browser_of(username))


def refresh_token(username: str):
    """What POST /api/token/ makes, without the password."""
    return ObtainSerializer.get_token(User.objects.get(username=username))


def tokens(username: str) -> dict[str, str]:
    """A pair of tokens of a new log-in."""
    refresh = refresh_token(username)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def access(username: str, claims: dict | None = None) -> str:
    """An access token with these claims, or (None) without them, signed with the real key."""
    token = refresh_token(username).access_token
    for name, value in (claims or {}).items():
        if value is None:
            del token[name]
        else:
            token[name] = value
    return str(token)


def ticket(username: str) -> str:
    return tickets.issue(access(username))


def texts(path: str) -> list[tuple[str, str]]:
    """Who said what in the conversation of that path, as it is stored."""
    rows = Message.objects.filter(conversation=id_of(path)).order_by("number")
    return list(rows.values_list("sender__username", "text"))


def how_many(path: str) -> int:
    return Message.objects.filter(conversation=id_of(path)).count()


def id_of(path: str) -> str:
    return path.split("/")[-2]


def end_all(username: str) -> None:
    """Log somebody out everywhere; the sockets are told over HTTP only, so: for what comes next."""
    services.end_all(User.objects.get(username=username).pk)


@contextmanager
def all_of(*contexts):
    """Several removals as one."""
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


def database_is_away():
    """Every query fails, as with a database that is down. A removal like any other."""
    return patch(
        "django.db.backends.utils.CursorWrapper.execute", side_effect=OperationalError("away")
    )
