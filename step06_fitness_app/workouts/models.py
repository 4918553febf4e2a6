"""Workouts, what was measured in them, and the sets that were lifted."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from people.models import Privacy


class Kind(models.TextChoices):
    STRENGTH = "strength", "strength"
    CYCLING = "cycling", "cycling"
    RUNNING = "running", "running"
    ROWING = "rowing", "rowing"
    OTHER = "other", "other"


class State(models.TextChoices):
    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    FINISHED = "finished", "finished"


class Workout(models.Model):
    """One workout. The totals are written when it is finished: services.finish."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="workouts", editable=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    privacy = models.CharField(max_length=8, choices=Privacy.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    # [from, to] in seconds since started_at; the last one's `to` is null while paused.
    pauses = models.JSONField(default=list, blank=True, editable=False)
    # The time of the newest stored sample, in seconds since started_at.
    saved_up_to = models.FloatField(null=True, blank=True, editable=False)
    source = models.CharField(
        max_length=6, choices=[("live", "live"), ("import", "import")], default="live"
    )
    # Of an imported recording's content, and made by the client of a live one: neither is twice.
    fingerprint = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001  NULL is not equal to NULL
    client_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001

    # None: not measured.
    duration_seconds = models.FloatField(default=0)
    distance_m = models.FloatField(null=True, blank=True)
    heart_rate_mean = models.FloatField(null=True, blank=True)
    heart_rate_max = models.FloatField(null=True, blank=True)
    cadence_mean = models.FloatField(null=True, blank=True)
    power_mean = models.FloatField(null=True, blank=True)
    power_max = models.FloatField(null=True, blank=True)
    repetitions = models.PositiveIntegerField(default=0)
    volume_kg = models.FloatField(default=0)

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(fields=["owner", "-started_at"], name="workouts_of_an_owner")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=~Q(state="finished"),
                name="one_unfinished_workout_an_owner",
            ),
            models.UniqueConstraint(
                fields=["owner", "fingerprint"], name="one_workout_a_recording"
            ),
            models.UniqueConstraint(
                fields=["owner", "client_id"], name="one_workout_an_owner_client_id"
            ),
        ]

    def __str__(self):
        return f"{self.kind} of {self.started_at:%Y-%m-%d %H:%M}"

    def seconds_to(self, moment) -> float:
        """How long after the beginning that was, pauses included: a sample's `time`."""
        return max(0.0, (moment - self.started_at).total_seconds())

    def now(self) -> float:
        """The same for now. A recording that is played may be ahead of the clock."""
        return max(self.seconds_to(timezone.now()), self.saved_up_to or 0.0)


class Samples(models.Model):
    """A chunk of up to services.CHUNK samples: `rows` of [t, heart_rate, cadence, power, distance].

    Rows are in the order they came in, which two senders can mix: services.rows_of sorts.
    """

    workout = models.ForeignKey(Workout, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    last_t = models.FloatField()  # the highest time in it
    rows = models.JSONField(default=list)

    class Meta:
        ordering = ["workout", "number"]
        verbose_name_plural = "samples"
        constraints = [
            models.UniqueConstraint(fields=["workout", "number"], name="one_chunk_a_number")
        ]

    def __str__(self):
        return f"{self.workout_id}/{self.number}"


class ExerciseSet(models.Model):
    """`sets` times `repetitions` of an exercise. `number` counts 1, 2, 3 … in the workout."""

    workout = models.ForeignKey(Workout, models.CASCADE, related_name="sets")
    number = models.PositiveIntegerField(editable=False)
    exercise = models.CharField(max_length=80)
    sets = models.PositiveSmallIntegerField()
    repetitions = models.PositiveSmallIntegerField()
    weight_kg = models.FloatField()
    at = models.DateTimeField(default=timezone.now)
    client_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001  NULL is not equal to NULL

    class Meta:
        ordering = ["workout", "number"]
        constraints = [
            models.UniqueConstraint(fields=["workout", "number"], name="one_set_a_number"),
            models.UniqueConstraint(fields=["workout", "client_id"], name="one_set_a_client_id"),
        ]

    def __str__(self):
        return f"{self.exercise}: {self.sets} × {self.repetitions} × {self.weight_kg:g} kg"
