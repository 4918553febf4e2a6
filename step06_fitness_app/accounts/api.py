"""Tokens over HTTP: obtain, refresh, give up, and a ticket for a socket."""

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services, tickets
from accounts.authentication import TokenAuthentication


# --8<-- [start:sid]
class ObtainSerializer(TokenObtainPairSerializer):
    """POST username, password: access and refresh, of a new log-in."""

    @classmethod
    def get_token(cls, user):
        token = super().get_token(user)
        token["sid"] = str(services.begin(user).pk)  # the access token and every rotation keep it
        return token


class RefreshSerializer(TokenRefreshSerializer):
    """POST refresh: the next pair, as long as the log-in goes on; the old token is spent."""

    @transaction.atomic
    def validate(self, attrs):
        token = RefreshToken(attrs["refresh"])
        user = TokenAuthentication().get_user(token)
        # One at a time: of two requests with one token, the second finds it spent, in super().
        user.logins.select_for_update().filter(pk=token.get("sid")).first()
        return super().validate(attrs)


# --8<-- [end:sid]


class LogoutSerializer(serializers.Serializer):
    refresh = serializers.CharField(required=False)


class TicketSerializer(serializers.Serializer):
    """A ticket, and for how many seconds it is good."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


class LenientAuthentication(TokenAuthentication):
    """An expired access token, which many clients send along, does not hinder a log-out."""

    def authenticate(self, request):
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            return None


@extend_schema(request=LogoutSerializer, responses={204: None}, auth=[{"jwtAuth": []}, {}])
@api_view(["POST"])
@authentication_classes([LenientAuthentication])
@permission_classes([AllowAny])  # whoever holds the refresh token may give it up
def logout(request):
    """POST refresh (or nothing, with an access token): the log-in ends, and its sockets."""
    asked = LogoutSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    token = request.auth
    if raw := asked.validated_data.get("refresh"):
        try:
            token = RefreshToken(raw)
        except TokenError as problem:
            raise InvalidToken(str(problem)) from None
        token.blacklist()
    if token is None:
        raise AuthenticationFailed("send `refresh`, or an access token in Authorization")
    services.end(token.get("sid"))
    return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(request=None, responses=TicketSerializer)
@api_view(["POST"])
@authentication_classes([TokenAuthentication])
@permission_classes([IsAuthenticated])
def ws_ticket(request):
    """POST with an access token: a ticket that opens one socket."""
    ticket = tickets.issue(str(request.auth.token, "ascii"))
    return Response({"ticket": ticket, "expires_in": settings.TICKET_SECONDS})
