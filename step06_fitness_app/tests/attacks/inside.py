"""What tests have the server do from inside: people, what they carry, rows, and broken parts."""

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.contrib.auth.models import User
from django.db import OperationalError

from accounts import services, tickets
from accounts.api import ObtainSerializer
from rooms.models import Message, Room
from tests.people import browser_of, cookie_of


def person(username: str, fields: dict | None = None) -> int:
    """Somebody new; no password, which would cost a slow hash each."""
    return User.objects.create_user(username, **(fields or {})).pk


def room(name: str, *members: str) -> int:
    """A room of these people."""
    made = Room.objects.create(name=name)
    made.members.set(User.objects.filter(username__in=members))
    return made.pk


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


def texts(room_name: str) -> list[tuple[str, str]]:
    """Who said what in a room, as it is stored."""
    rows = Message.objects.filter(room__name=room_name).order_by("number")
    return list(rows.values_list("user__username", "text"))


def how_many(room_name: str) -> int:
    return Message.objects.filter(room__name=room_name).count()


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
