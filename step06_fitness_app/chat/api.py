"""Conversations over HTTP: the list, one more, and pages of messages. Only ever one's own."""

from django.contrib.auth.models import User
from django.http import Http404
from msgspec import to_builtins
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import messages as wire
from chat import services
from chat.models import Conversation


class StartSerializer(serializers.Serializer):
    """Whom to talk to."""

    username = serializers.CharField(max_length=150)

    def validate_username(self, username: str) -> User:
        other = User.objects.filter(username=username, is_active=True).first()
        if other is None:
            raise serializers.ValidationError("There is nobody of that name.")
        if other == self.context["user"]:
            raise serializers.ValidationError("That is you.")
        return other


class PageSerializer(serializers.Serializer):
    """Which page of messages: before a number, after one, or neither for the newest."""

    before = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)

    def validate(self, numbers: dict) -> dict:
        if len(numbers) == 2:
            raise serializers.ValidationError({"after": "Not together with before."})
        return numbers


class Conversations(APIView):
    """GET: mine, the latest first. POST {"username"}: the one with them, begun if need be."""

    def get(self, request):
        found = services.inbox(request.user)
        return Response([summary(conversation, request.user) for conversation in found])

    def post(self, request):
        form = StartSerializer(data=request.data, context={"user": request.user})
        form.is_valid(raise_exception=True)
        conversation = services.start(request.user, form.validated_data["username"])
        return Response(
            {"id": conversation.pk, "username": conversation.other(request.user).username}
        )


class Messages(APIView):
    """GET: a page of 50, oldest first, as the `chat_history` frame of the socket."""

    def get(self, request, conversation_id: str):
        form = PageSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        try:
            found = services.page(request.user, conversation_id, **form.validated_data)
        except Conversation.DoesNotExist:
            raise Http404 from None
        return Response(to_builtins(wire.history_of(request.user, *found)))


def summary(conversation: Conversation, user: User) -> dict:
    """A line of the list."""
    newest = [to_builtins(wire.frame_of(message)) for message in conversation.newest]
    return {
        "id": conversation.pk,
        "username": conversation.other(user).username,
        "last_message": newest[0] if newest else None,
        "unread": conversation.unread,
    }
