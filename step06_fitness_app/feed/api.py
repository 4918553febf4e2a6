"""The feed over HTTP: pages, posts, cheers, comments. What one may not see is not there."""

from uuid import uuid4

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from msgspec import to_builtins
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from feed import messages as wire
from feed import services
from realtime.publish import in_loop

MAX_ID = 2**63 - 1
FEED = OpenApiResponse(OpenApiTypes.OBJECT, "The `feed` frame of the socket")
POST = OpenApiResponse(OpenApiTypes.OBJECT, "A post of that frame")
CHEERED = OpenApiResponse(OpenApiTypes.OBJECT, "The `cheered` frame of the socket")
COMMENTS = OpenApiResponse(OpenApiTypes.OBJECT, "Comments of a post, oldest first")


class BeforeSerializer(serializers.Serializer):
    """Which page: before an id, or the newest."""

    before = serializers.IntegerField(min_value=0, max_value=MAX_ID, required=False)


class CommentSerializer(serializers.Serializer):
    """Something to say. With the same `client_id` it is stored once."""

    text = serializers.CharField(max_length=2000)
    client_id = serializers.CharField(max_length=64, default=lambda: uuid4().hex)


class PostSerializer(CommentSerializer):
    """The same to all friends, about a workout of one's own or not."""

    workout_id = serializers.IntegerField(min_value=0, max_value=MAX_ID, required=False)


def checked(serializer: type[serializers.Serializer], data) -> dict:
    form = serializer(data=data)
    form.is_valid(raise_exception=True)
    return form.validated_data


def do(work, *details, **more):
    """What a service answers, once friends are told."""
    answer, event = work(*details, **more)
    # robust: it is stored, whether or not anybody can be told.
    transaction.on_commit(lambda: in_loop(services.tell, event), robust=True)
    return answer


class Posts(APIView):
    """GET: a page of my feed, newest first. POST: one more."""

    @extend_schema(parameters=[BeforeSerializer], responses=FEED)
    def get(self, request):
        which = checked(BeforeSerializer, request.query_params.dict())
        return Response(to_builtins(services.page(request.user, **which)))

    @extend_schema(request=PostSerializer, responses={201: POST})
    def post(self, request):
        answer = do(services.post, request.user, **checked(PostSerializer, request.data))
        row = services.shown_to(request.user).get(pk=answer.number)
        return Response(to_builtins(wire.shown(row)), status.HTTP_201_CREATED)


class OnePost(APIView):
    """DELETE: a post of mine."""

    @extend_schema(responses={204: None})
    def delete(self, request, post_id: int):
        services.delete(request.user, post_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Cheers(APIView):
    """PUT: I cheer this post. DELETE: no more."""

    @extend_schema(request=None, responses=CHEERED)
    def put(self, request, post_id: int, is_on: bool = True):
        return Response(to_builtins(do(services.cheer, request.user, post_id, is_on)))

    @extend_schema(responses=CHEERED)
    def delete(self, request, post_id: int):
        return self.put(request, post_id, is_on=False)


class Comments(APIView):
    """GET: a page of what is said to a post. POST: say something."""

    @extend_schema(parameters=[BeforeSerializer], responses=COMMENTS)
    def get(self, request, post_id: int):
        which = checked(BeforeSerializer, request.query_params.dict())
        return Response(to_builtins(services.comments(request.user, post_id, **which)))

    @extend_schema(request=CommentSerializer, responses={201: COMMENTS})
    def post(self, request, post_id: int):
        given = checked(CommentSerializer, request.data)
        answer = do(services.comment, request.user, post_id, **given)
        newest = services.comments(request.user, post_id, before=answer.number + 1)
        return Response(to_builtins(newest), status.HTTP_201_CREATED)
