"""Whose token that is: the one check behind the HTTP API and the sockets."""

from types import SimpleNamespace

from django.contrib.auth.models import User
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication

from accounts import services


# --8<-- [start:authentication]
class TokenAuthentication(JWTAuthentication):
    """simplejwt checks signature, type, times, active, password; this, that
    the log-in goes on.

    `AccessToken(raw)` alone would take the token of an inactive user, and a raw `jwt.decode` a
    refresh token as well.
    """

    def get_user(self, validated_token) -> User:
        """Whose token that is: one question to the database. Raises AuthenticationFailed."""
        holders = services.holders(validated_token.get("sid"))
        # super() asks self.user_model.objects.get(…): of those who hold this log-in, so that both
        # are one question. It would catch user_model.DoesNotExist: () catches nothing.
        self.user_model = SimpleNamespace(objects=holders, DoesNotExist=())
        try:
            return super().get_user(validated_token)
        except User.DoesNotExist:
            raise AuthenticationFailed("you are logged out", code="logged_out") from None


# --8<-- [end:authentication]
