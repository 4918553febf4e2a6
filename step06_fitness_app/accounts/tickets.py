"""One-use tickets: a token client's way to open a socket, in place of the token itself.

A ticket that leaks, in a log say, has been used already or soon runs out.
"""

import hashlib
import secrets

from django.conf import settings
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from rest_framework.exceptions import APIException


class NotShared(APIException):
    """A ticket issued here would be unknown in the other processes."""

    status_code = 503


def require_shared_cache() -> None:
    """Raises NotShared where several processes serve and each has a cache of its own."""
    if settings.PROCESSES > 1 and isinstance(caches["default"], LocMemCache):
        raise NotShared("tickets need a cache that all processes share: set REDIS_URL")


# --8<-- [start:tickets]
def issue(token: str) -> str:
    """A ticket for an access token, good once and for TICKET_SECONDS. Raises NotShared."""
    require_shared_cache()
    ticket = secrets.token_urlsafe(32)
    cache.set(key_of(ticket), token, timeout=settings.TICKET_SECONDS)
    return ticket


def claim(ticket: str) -> str | None:
    """The token that a ticket stands for, to the first who asks; None to everybody else.

    `delete` is True for exactly one. To mark a ticket as used by `add` would accept it again once
    the mark is evicted.
    """
    token = cache.get(key_of(ticket))
    return token if token is not None and cache.delete(key_of(ticket)) else None


def key_of(ticket: str) -> str:
    """Hashed: who can list the cache's keys has no ticket; any text makes a valid key."""
    return f"ticket.{hashlib.sha256(ticket.encode()).hexdigest()}"


# --8<-- [end:tickets]
