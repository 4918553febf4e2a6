"""How somebody proved who they are, and whether it still holds. Sync: called in a thread."""

from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

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
    via: str = "session"
    expires: None = None

    def check(self) -> User:
        """Who that is now. Raises NotAuthenticated. A database outage is no answer: it raises."""
        if not self.session_key.isalnum():  # as Django makes them; a NUL would break PostgreSQL
            raise NobodyLoggedIn("you are logged out")
        engine = import_module(settings.SESSION_ENGINE)
        session = engine.SessionStore(self.session_key)  # read anew: a scope's is a snapshot
        user = get_user(SimpleNamespace(session=session))  # active, and of this password
        if not user.is_authenticated:
            raise NobodyLoggedIn("you are logged out")
        try:
            services.check(session.get("sid"), user)
        except services.Ended:
            raise NotAuthenticated("you are logged out") from None
        return user


# --8<-- [end:cookie]


# --8<-- [start:token]
@dataclass(frozen=True)
class TokenCredential:
    """An access token, however it was carried."""

    token: Token = field(repr=False)
    via: str

    @classmethod
    def read(cls, raw: str, via: str) -> "TokenCredential":
        """Check signature, type and times. Raises NotAuthenticated."""
        try:
            return cls(TokenAuthentication().get_validated_token(raw.encode()), via)
        except (AuthenticationFailed, TokenError, UnicodeEncodeError):
            raise NotAuthenticated("the token is not valid, or has expired") from None

    @property
    def expires(self) -> int:
        """When the right ends, in seconds since 1970."""
        return self.token["exp"]

    def check(self) -> User:
        """Who that is now. Raises NotAuthenticated. A database outage is no answer: it raises."""
        try:
            self.token.check_exp(current_time=timezone.now())
            return TokenAuthentication().get_user(self.token)
        except (AuthenticationFailed, TokenError):
            raise NotAuthenticated("the token is not valid, or has expired") from None


# --8<-- [end:token]


Credential = CookieCredential | TokenCredential
