"""Conversations over HTTP: the list, one more, and pages of messages. Only ever one's own."""

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from msgspec import to_builtins
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import messages as wire
from chat import services
from chat.models import Conversation
from people.services import find
from realtime.pages import PageSerializer


class StartSerializer(serializers.Serializer):
    """Whom to talk to."""

    username = serializers.CharField(max_length=150)

    def validate_username(self, username: str) -> User:
        try:
            return find(self.context["user"], username)
        except User.DoesNotExist:
            raise serializers.ValidationError("There is nobody of that name.") from None


class MessageSerializer(serializers.Serializer):
    """The `chat_message` frame of the socket."""

    type = serializers.CharField()
    number = serializers.IntegerField()
    message = serializers.CharField()
    username = serializers.CharField()
    timestamp = serializers.DateTimeField()
    client_id = serializers.CharField(allow_null=True)


class HistorySerializer(serializers.Serializer):
    """The `chat_history` frame of the socket."""

    type = serializers.CharField()
    messages = MessageSerializer(many=True)
    username = serializers.CharField()
    read = serializers.DictField(child=serializers.IntegerField())


class BegunSerializer(serializers.Serializer):
    """A conversation, and with whom it is."""

    id = serializers.IntegerField()
    username = serializers.CharField()


class ConversationSerializer(BegunSerializer):
    """A line of the list."""

    last_message = MessageSerializer(allow_null=True)
    unread = serializers.IntegerField()


class Conversations(APIView):
    """GET: mine, the latest first. POST {"username"}: the one with them, begun if need be."""

    @extend_schema(responses=ConversationSerializer(many=True))
    def get(self, request):
        found = services.inbox(request.user)
        return Response([summary(conversation, request.user) for conversation in found])

    @extend_schema(request=StartSerializer, responses=BegunSerializer)
    def post(self, request):
        form = StartSerializer(data=request.data, context={"user": request.user})
        form.is_valid(raise_exception=True)
        conversation = services.start(request.user, form.validated_data["username"])
        return Response(
            {"id": conversation.pk, "username": conversation.other(request.user).username}
        )


class Messages(APIView):
    """GET: a page of 50, oldest first, as the `chat_history` frame of the socket."""

    @extend_schema(parameters=[PageSerializer], responses=HistorySerializer)
    def get(self, request, conversation_id: str):
        form = PageSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        found = services.page(request.user, conversation_id, **form.validated_data)
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
