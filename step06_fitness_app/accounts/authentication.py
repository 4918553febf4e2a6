"""Whose token that is: the one check behind the HTTP API and the sockets."""

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
        """Whose token that is. Raises AuthenticationFailed."""
        user = super().get_user(validated_token)
        try:
            services.check(validated_token.get("sid"), user)
        except services.Ended:
            raise AuthenticationFailed("you are logged out", code="logged_out") from None
        return user


# --8<-- [end:authentication]
