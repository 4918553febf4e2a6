"""Take somebody's FIT file over HTTP, and say in a line what came of it."""

from threading import BoundedSemaphore

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from realtime import limits
from workouts import fit
from workouts.api import WorkoutSerializer
from workouts.services import store_recording

PER_MINUTE = 10  # uploads of one person
ENVELOPE = 64 * 1024  # bytes of a form around its file
READERS = BoundedSemaphore(2)  # files that are read at once: a process has one core for all


class TooLarge(APIException):
    status_code, default_detail = 413, fit.TOO_LARGE


class FileSerializer(serializers.Serializer):
    """A FIT file, as `file` of a form."""

    file = serializers.FileField()


class Import(APIView):
    """POST a form with `file`: the workout in it is stored as yours.

    400 says what is wrong with it, 409 that it is there already. A sync view, since reading takes
    up to seconds: under ASGI each request has a thread of its own, and no socket waits.
    """

    parser_classes = [MultiPartParser]

    def initial(self, request, *args, **kwargs):
        """Before anything is read, as who it is."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > fit.MAX_BYTES + ENVELOPE:
            raise TooLarge
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": FileSerializer}, responses={201: WorkoutSerializer}
    )
    def post(self, request):
        form = FileSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        if file.size > fit.MAX_BYTES:
            raise TooLarge
        limits.count("uploads", request.user.pk, PER_MINUTE)
        connection.close()  # or, if it is of a pool, give it back: to read takes seconds
        try:
            with READERS:
                recording = fit.read(file)
        except fit.InvalidRecording as problem:
            raise serializers.ValidationError({"file": [str(problem)]}) from None
        workout = store_recording(request.user, recording)
        return Response(WorkoutSerializer(workout).data, status=201)
