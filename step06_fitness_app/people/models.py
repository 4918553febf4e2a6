"""Who somebody is here, and who is what to whom."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

PERSON = settings.AUTH_USER_MODEL


class Privacy(models.TextChoices):
    """Who may see a workout, besides its owner and never who is blocked."""

    PUBLIC = "public", "everybody here"
    FRIENDS = "friends", "friends and my trainer"
    TRAINER = "trainer", "my trainer"
    PRIVATE = "private", "nobody"


class Role(models.TextChoices):
    """What somebody is here for. A trainer can be chosen by members as theirs."""

    MEMBER = "member", "member"
    TRAINER = "trainer", "trainer"


class Profile(models.Model):
    """What a person says about themselves. Made with the person: see signals.py."""

    user = models.OneToOneField(PERSON, models.CASCADE, primary_key=True, related_name="profile")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    trainer = models.ForeignKey(
        PERSON, models.SET_NULL, null=True, blank=True, related_name="clients"
    )
    # Of new workouts; each has one of its own.
    privacy = models.CharField(max_length=8, choices=Privacy.choices, default=Privacy.FRIENDS)

    def __str__(self):
        return f"{self.user}, {self.role}"


class Friendship(models.Model):
    """Two people, `first` the one with the lower id. Asked for by one, accepted by the other."""

    first = models.ForeignKey(PERSON, models.CASCADE, related_name="+", editable=False)
    second = models.ForeignKey(PERSON, models.CASCADE, related_name="+", editable=False)
    asked_by = models.ForeignKey(PERSON, models.CASCADE, related_name="+", editable=False)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_friendship_a_pair"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="friends_in_order"),
        ]

    def __str__(self):
        return f"{self.first} and {self.second}"


class Block(models.Model):
    """One who wants nothing to do with another. It counts both ways."""

    blocker = models.ForeignKey(PERSON, models.CASCADE, related_name="blocks")
    blocked = models.ForeignKey(PERSON, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="one_block_a_pair"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="not_oneself"),
        ]

    def __str__(self):
        return f"{self.blocker} blocks {self.blocked}"
