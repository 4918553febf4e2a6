"""How somebody proves who they are, and whether it still holds.

`read` says who that would be; only `check` asks whether they are: active, and still logged in.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from time import time
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import User
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError

from accounts import services
from accounts.authentication import TokenAuthentication


class NotAuthenticated(Exception):
    """This proves nothing, or no longer; the text says why, and never what was sent."""


class NobodyLoggedIn(NotAuthenticated):
    """There is no session, or nobody has logged in in it."""


# --8<-- [start:cookie]
@dataclass(frozen=True)
class CookieCredential:
    """The session that a browser's cookie names."""

    session_key: str = field(repr=False)
    user_id: int = field(repr=False)
    via: str = "session"
    expires: None = None

    @classmethod
    def read(cls, session_key: str) -> "CookieCredential":
        """Whose session that is. Raises NobodyLoggedIn."""
        user_id = session_of(session_key).get(SESSION_KEY)
        if user_id is None:
            raise NobodyLoggedIn("log in")
        return cls(session_key, int(user_id))

    def check(self) -> User:
        """Who that is now. Raises NotAuthenticated. A database outage is no answer: it raises."""
        session = session_of(self.session_key)
        user = get_user(SimpleNamespace(session=session))  # active, and of this password
        if user.pk != self.user_id:  # whose group the socket has joined
            raise NotAuthenticated("you are logged out")
        try:
            services.check(session.get("sid"), user)
        except services.Ended:
            raise NotAuthenticated("you are logged out") from None
        return user


def session_of(key: str):
    """The session, read anew: a scope's is a snapshot. Raises NobodyLoggedIn for what is no key."""
    if not key.isalnum():  # as Django makes them; a NUL would break PostgreSQL
        raise NobodyLoggedIn("log in")
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


# --8<-- [end:cookie]


# --8<-- [start:token]
CLAIMS = ("user_id", "sid", "exp", "hash_password")  # the whole token is three times as much


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """What an access token says, however it was carried; kept as long as the socket is open."""

    claims: dict = field(repr=False)
    user_id: int = field(repr=False)
    via: str

    @classmethod
    def read(cls, raw: str, via: str) -> "TokenCredential":
        """Check signature, type and times. Raises NotAuthenticated."""
        try:
            token = TokenAuthentication().get_validated_token(raw.encode())
            claims = {name: token.get(name) for name in CLAIMS}
            return cls(claims, int(token["user_id"]), via)
        except (AuthenticationFailed, TokenError, KeyError, ValueError, TypeError):
            raise NotAuthenticated("the token is not valid, or has expired") from None

    @property
    def expires(self) -> int:
        """When the right ends, in seconds since 1970."""
        return self.claims["exp"]

    def check(self) -> User:
        """Who that is now. Raises NotAuthenticated. A database outage is no answer: it raises."""
        if time() < self.expires:
            with suppress(AuthenticationFailed):
                return TokenAuthentication().get_user(self.claims)
        raise NotAuthenticated("the token is not valid, or has expired") from None


# --8<-- [end:token]


Credential = CookieCredential | TokenCredential
