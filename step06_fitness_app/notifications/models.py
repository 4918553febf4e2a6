"""What there is to tell somebody, and what they have achieved."""

from django.conf import settings
from django.db import models
from django.utils import timezone

PERSON = settings.AUTH_USER_MODEL


class Kind(models.TextChoices):
    """What a notification tells: the `type` of its frame."""

    ACHIEVEMENT = "achievement_notification", "achievement"
    FRIEND_ACHIEVEMENT = "friend_achievement", "a friend's achievement"
    FRIEND_REQUEST = "friend_request", "friend request"
    FRIEND_ACCEPTED = "friend_accepted", "friend request accepted"
    CHALLENGE_ENDED = "challenge_ended", "end of a challenge"


class Bell(models.Model):
    """A person's stream of notifications: its row is the lock under which they are numbered."""

    user = models.OneToOneField(PERSON, models.CASCADE, primary_key=True, related_name="bell")
    last_number = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self):
        return f"{self.user}'s bell"


class Notification(models.Model):
    """One thing to tell. `number` counts 1, 2, 3 … for its person: services.send.

    It goes with whom it is about, so numbers may be missing; none comes twice.
    """

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="notifications")
    number = models.PositiveBigIntegerField(editable=False)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    data = models.JSONField(default=dict, blank=True)  # the other fields of its frame
    about = models.ForeignKey(PERSON, models.CASCADE, null=True, blank=True, related_name="+")
    # What must not be told twice has one: None is not equal to None.
    key = models.CharField(max_length=300, null=True, blank=True, editable=False)  # noqa: DJ001
    made_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["user", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "number"], name="one_notification_a_number_of_a_person"
            ),
            models.UniqueConstraint(
                fields=["user", "key"], name="one_notification_a_key_of_a_person"
            ),
        ]

    def __str__(self):
        return f"{self.user_id}/{self.number}"


class Achievement(models.Model):
    """What a person has achieved, once. It stays when the workout it came from goes."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="achievements")
    rule = models.CharField(max_length=20, editable=False)
    key = models.CharField(max_length=300, editable=False)  # see achievements.py
    title = models.CharField(max_length=120)
    detail = models.CharField(max_length=120)
    workout = models.ForeignKey(
        "workouts.Workout", models.SET_NULL, null=True, blank=True, related_name="achievements"
    )
    awarded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-awarded_at"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="awarded_once")]

    def __str__(self):
        return f"{self.user_id}: {self.title}"
