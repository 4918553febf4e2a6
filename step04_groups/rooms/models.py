"""Rooms, what was said in them, and who is connected."""

from django.db import models
from django.urls import reverse
from django.utils import timezone


class Room(models.Model):
    """A place to talk. `last_number` is the number of its newest message; 0 before the first."""

    name = models.SlugField(max_length=50, unique=True)
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("room", args=[self.name])


class Message(models.Model):
    """One message. `number` counts 1, 2, 3 … in its room, without gaps: services.store."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages")
    number = models.PositiveBigIntegerField(editable=False)
    username = models.CharField(max_length=30)
    text = models.TextField(max_length=2000)
    sent_at = models.DateTimeField(default=timezone.now)
    # Made by the client: a message that its sender repeats is stored once.
    client_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001  NULL is not equal to NULL

    class Meta:
        ordering = ["room", "number"]
        constraints = [
            models.UniqueConstraint(fields=["room", "number"], name="one_message_a_number"),
            models.UniqueConstraint(
                fields=["room", "username", "client_id"], name="one_row_a_client_id"
            ),
        ]

    def __str__(self):
        return f"{self.room_id}/{self.number} {self.username}"


class Connection(models.Model):
    """One open socket of a guest. Two tabs of one guest are two rows with the same `guest`."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="connections")
    channel_name = models.CharField(max_length=100, unique=True)
    guest = models.CharField(max_length=64)
    username = models.CharField(max_length=30)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["room", "username"]
        indexes = [models.Index(fields=["room", "seen_at"])]

    def __str__(self):
        return f"{self.username} in {self.room_id}"
