"""Challenges over HTTP: those one may see, one more, in and out, and the end by its maker."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from msgspec import to_builtins
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from challenges import messages as wire
from challenges import services
from challenges.models import Challenge

STATE = OpenApiResponse(OpenApiTypes.OBJECT, "The `challenge_state` frame of the socket")
INFO = OpenApiResponse(OpenApiTypes.OBJECT, "The `challenge` of that frame; of a list, each")


class NewSerializer(serializers.ModelSerializer):
    """A new challenge. It starts now if nothing is said."""

    starts_at = serializers.DateTimeField(required=False)

    class Meta:
        model = Challenge
        fields = ["name", "metric", "goal", "starts_at", "ends_at", "is_public"]

    def validate(self, given: dict) -> dict:
        given = {"starts_at": timezone.now(), **given}
        Challenge(**given).clean()
        return given


class Challenges(APIView):
    """GET: those I may see, up to 100, the last to end first. POST: one more."""

    @extend_schema(operation_id="challenges_list", responses=INFO)
    def get(self, request):
        found = services.list_for(request.user)
        return Response([to_builtins(wire.info_of(challenge)) for challenge in found])

    @extend_schema(request=NewSerializer, responses={201: INFO})
    def post(self, request):
        form = NewSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.count_new(request.user)
        challenge = form.save(made_by=request.user)
        return Response(to_builtins(wire.info_of(challenge)), status.HTTP_201_CREATED)


class OneChallenge(APIView):
    """GET: its state."""

    @extend_schema(responses=STATE)
    def get(self, request, challenge_id: str):
        return state(request.user, services.find(request.user, challenge_id))


class Change(APIView):
    """POST: join, leave or end it, as the path says; gives its state."""

    work = None

    @extend_schema(request=None, responses=STATE)
    def post(self, request, challenge_id: str):
        challenge = services.find(request.user, challenge_id)
        self.work(challenge.pk, request.user)
        challenge.refresh_from_db()  # who has left a private one may not find it any more
        return state(request.user, challenge)


def state(user, challenge: Challenge) -> Response:
    board = services.read(challenge.pk)
    return Response(to_builtins(board.state_for(user.pk, challenge)))
