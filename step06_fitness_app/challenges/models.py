"""Challenges: who has done the most by the end."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

PERSON = settings.AUTH_USER_MODEL
MAX_VALUE = 10_000_000.0  # of whatever is measured


class Metric(models.TextChoices):
    """What is counted, and in which unit it is stored and travels."""

    DISTANCE = "distance_m", "distance"
    DURATION = "duration_s", "time"
    REPETITIONS = "repetitions", "repetitions"

    @property
    def unit(self) -> str:
        return {"distance_m": "m", "duration_s": "s"}.get(self.value, "repetitions")


class Challenge(models.Model):
    """A race until `ends_at`. It goes with its maker; its row is the lock of its board."""

    name = models.CharField(max_length=80)
    metric = models.CharField(max_length=11, choices=Metric.choices)
    goal = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_VALUE)]
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(db_index=True)
    made_by = models.ForeignKey(PERSON, models.CASCADE, related_name="+")
    is_public = models.BooleanField(default=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)  # of the board
    shown = models.PositiveBigIntegerField(default=1, editable=False)  # the last version told …
    shown_at = models.DateTimeField(default=timezone.now, editable=False)  # … and when
    # The end is carried out once: then it is dissolved, and has its winner for good.
    dissolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    winner = models.ForeignKey(
        PERSON, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ["-ends_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="ends_after_start")
        ]

    def __str__(self):
        return self.name

    def clean(self):
        """Of a new one: the form and the API both ask here. One that is over may be renamed."""
        if not self._state.adding:
            return
        if self.ends_at <= max(self.starts_at, timezone.now()):
            raise ValidationError({"ends_at": "The end must come after the start, and after now."})
        if (self.ends_at - self.starts_at).days > 366:
            raise ValidationError({"ends_at": "A challenge lasts a year at most."})

    @property
    def is_over(self) -> bool:
        return self.dissolved_at is not None or self.ends_at <= timezone.now()


class Participant(models.Model):
    """Somebody in a challenge. `reached` is the board's version at which `progress` was reached:
    taken under the challenge's lock, it tells who was first where two clocks could not."""

    challenge = models.ForeignKey(Challenge, models.CASCADE, related_name="participants")
    user = models.ForeignKey(PERSON, models.CASCADE, related_name="+")
    progress = models.FloatField(default=0)
    reached = models.PositiveBigIntegerField(editable=False)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["challenge", "user"], name="in_a_challenge_once")
        ]

    def __str__(self):
        return f"{self.user} in {self.challenge}"


class Update(models.Model):
    """A progress message that was taken, so that it counts once however often it is sent."""

    participant = models.ForeignKey(Participant, models.CASCADE, related_name="updates")
    client_id = models.CharField(max_length=64)
    version = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "client_id"], name="one_update_an_id")
        ]

    def __str__(self):
        return f"{self.participant_id}/{self.client_id}"
