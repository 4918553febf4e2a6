"""Notifications over HTTP: pages of one's own, and marking them."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from msgspec import to_builtins
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.parsers import BoundedJSONParser
from notifications import messages as wire
from notifications import services
from realtime.pages import PageSerializer

MAX_ID = 2**63 - 1


class MarkSerializer(serializers.Serializer):
    """Which to mark: some by number, as read or unread; or all up to a number, as read."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=MAX_ID),
        min_length=1,
        max_length=100,
        required=False,
    )
    is_read = serializers.BooleanField(required=False)
    up_to = serializers.IntegerField(min_value=0, max_value=MAX_ID, required=False)

    def validate(self, given: dict) -> dict:
        if given.keys() not in ({"numbers", "is_read"}, {"up_to"}):
            raise serializers.ValidationError({"numbers": "With is_read, or up_to alone."})
        return {"is_read": True, **given}


class Notifications(APIView):
    """GET: a page of 50 of mine, oldest first, as the `notifications` frame of the socket."""

    @extend_schema(parameters=[PageSerializer], responses=OpenApiTypes.OBJECT)
    def get(self, request):
        form = PageSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        page = services.page(request.user.pk, **form.validated_data)
        return Response(to_builtins(wire.page_of(page, *services.unread(request.user.pk))))


class Marks(APIView):
    """POST: mark some of mine; the answer is the `marked` frame that each open tab gets."""

    parser_classes = [BoundedJSONParser]  # what a form leaves out counts as false

    @extend_schema(request=MarkSerializer, responses=OpenApiTypes.OBJECT)
    def post(self, request):
        form = MarkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(to_builtins(services.mark(request.user.pk, **form.validated_data)))
