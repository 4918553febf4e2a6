"""Workouts over HTTP: lists, one, its samples. One's own, and what others show."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from workouts import services
from workouts.models import ExerciseSet, Workout
from workouts.totals import Totals, thin


class SetSerializer(serializers.ModelSerializer):
    class Meta:
        model = ExerciseSet
        fields = ["number", "exercise", "sets", "repetitions", "weight_kg", "at"]


class WorkoutSerializer(serializers.ModelSerializer):
    """A workout with its totals. Its privacy is what its owner may change."""

    username = serializers.CharField(source="owner.username", read_only=True)
    sets = SetSerializer(many=True, read_only=True)

    class Meta:
        model = Workout
        fields = ["id", "username", "kind", "privacy", "state", "started_at", "finished_at"]
        fields += ["source", *Totals.__struct_fields__, "sets"]
        read_only_fields = [field for field in fields if field != "privacy"]


class WhoseSerializer(serializers.Serializer):
    user = serializers.CharField(max_length=150, required=False, help_text="Whose; else mine.")


class PointsSerializer(serializers.Serializer):
    points = serializers.IntegerField(
        min_value=1, max_value=services.POINTS, default=services.POINTS
    )


class SamplesSerializer(serializers.Serializer):
    """Rows of time, heart rate, cadence, power, distance; null is not measured."""

    count = serializers.IntegerField(help_text="how many there are, before they are thinned")
    samples = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True))
    )


class Pages(PageNumberPagination):
    page_size = 20


def reachable(request) -> QuerySet[Workout]:
    """One's own, running or not, and others' finished ones that one may see."""
    found = Workout.objects.filter(owner=request.user)
    if request.method == "GET":
        found |= services.visible_to(request.user)
    return found.select_related("owner").prefetch_related("sets")


class Workouts(generics.ListAPIView):
    """GET: mine or another's, the latest first."""

    serializer_class, pagination_class = WorkoutSerializer, Pages
    queryset = Workout.objects.none()

    def get_queryset(self):
        asked = WhoseSerializer(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        username = asked.validated_data.get("user", self.request.user.username)
        return reachable(self.request).filter(owner__username=username)

    @extend_schema(parameters=[WhoseSerializer])
    def get(self, request):
        return super().get(request)


class OneWorkout(generics.RetrieveUpdateDestroyAPIView):
    """GET: one. PATCH {"privacy"} and DELETE: one of mine."""

    http_method_names = ["get", "patch", "delete", "head", "options"]
    serializer_class = WorkoutSerializer
    queryset = Workout.objects.none()

    def get_queryset(self):
        return reachable(self.request)

    def perform_update(self, serializer):
        if "privacy" in serializer.validated_data:
            services.change_privacy(serializer.instance, serializer.validated_data["privacy"])

    def perform_destroy(self, instance):
        services.delete(instance)


class WorkoutSamples(APIView):
    """GET: the samples, thinned to at most `points`."""

    @extend_schema(parameters=[PointsSerializer], responses=SamplesSerializer)
    def get(self, request, pk: int):
        asked = PointsSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        rows = services.rows_of(generics.get_object_or_404(reachable(request), pk=pk))
        samples = thin(rows, asked.validated_data["points"])
        return Response({"count": len(rows), "samples": samples})
