"""Take somebody's FIT file over HTTP, and say in a line what came of it."""

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, Throttled
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from realtime import limits
from workouts import fit
from workouts.api import WorkoutSerializer
from workouts.models import Workout
from workouts.services import Conflict, store_recording

PER_MINUTE = 10  # uploads of one person
ENVELOPE = 64 * 1024  # bytes of a form around its file


class TooLarge(APIException):
    """Refused before it is read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A file may have {fit.MAX_BYTES // 2**20} MiB."


class AlreadyThere(APIException):
    """It would be twice."""

    status_code = status.HTTP_409_CONFLICT


class FileSerializer(serializers.Serializer):
    """A FIT file, as `file` of a form."""

    file = serializers.FileField()


# --8<-- [start:upload]
class Import(APIView):
    """POST a form with `file`: the workout in it is stored as yours.

    400 says what is wrong with it, 409 that it is there already. A sync view, since reading takes
    up to seconds: under ASGI each request has a thread of its own, and no socket waits.
    """

    parser_classes = [MultiPartParser]

    def initial(self, request, *args, **kwargs):
        if int(request.META.get("CONTENT_LENGTH") or 0) > fit.MAX_BYTES + ENVELOPE:
            raise TooLarge
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": FileSerializer}, responses={201: WorkoutSerializer}
    )
    def post(self, request):
        form = FileSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if form.validated_data["file"].size > fit.MAX_BYTES:
            raise TooLarge
        try:
            limits.count("uploads", request.user.pk, PER_MINUTE)
            workout = store_recording(request.user, fit.read(form.validated_data["file"]))
        except limits.TooMuch as problem:
            raise Throttled(detail=str(problem)) from None
        except fit.InvalidRecording as problem:
            raise serializers.ValidationError({"file": [str(problem)]}) from None
        except Conflict as problem:
            raise AlreadyThere(str(problem)) from None
        return Response(WorkoutSerializer(workout).data, status=status.HTTP_201_CREATED)


# --8<-- [end:upload]


def summary(workout: Workout) -> str:
    """A line with a workout's totals, for a terminal."""
    duration = timedelta(seconds=round(workout.duration_seconds))
    samples = sum(len(chunk.rows) for chunk in workout.chunks.all())
    parts = [
        f"workout {workout.pk}: {workout.kind}",
        f"{workout.started_at:%Y-%m-%d %H:%M} UTC",
        f"{duration}",
        f"{samples} samples",
    ]
    for value, text in (
        (workout.distance_m, "{:.0f} m"),
        (workout.heart_rate_mean, f"{{:.0f}} bpm (at most {workout.heart_rate_max or 0:.0f})"),
        (workout.cadence_mean, "{:.0f} rpm"),
        (workout.power_mean, f"{{:.0f}} W (at most {workout.power_max or 0:.0f})"),
    ):
        if value is not None:
            parts.append(text.format(value))
    return ", ".join(parts)
