"""Conversations of two people, and what they said."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

PERSON = settings.AUTH_USER_MODEL


class Conversation(models.Model):
    """Two people, `first` the one with the lower id: a pair has one row, whoever began it.

    It ends with either of them: deleting a person deletes their conversations.
    """

    first = models.ForeignKey(PERSON, models.CASCADE, related_name="+", editable=False)
    second = models.ForeignKey(PERSON, models.CASCADE, related_name="+", editable=False)
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    # The number of the newest message each of them has read.
    first_read = models.PositiveBigIntegerField(default=0, editable=False)
    second_read = models.PositiveBigIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_conversation_a_pair"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="two_in_order"),
        ]

    def __str__(self):
        return f"conversation {self.pk}"

    def other(self, user):
        """The one whom `user` talks to."""
        return self.second if user.pk == self.first_id else self.first

    def positions(self) -> dict[str, int]:
        """How far each of them has read."""
        return {self.first.username: self.first_read, self.second.username: self.second_read}


class Message(models.Model):
    """One message. `number` counts 1, 2, 3 … in its conversation, without gaps: services.store."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    number = models.PositiveBigIntegerField(editable=False)
    sender = models.ForeignKey(PERSON, models.CASCADE, related_name="+")
    text = models.TextField(max_length=2000)
    sent_at = models.DateTimeField(default=timezone.now)
    # Made by the sender's client: a message that is sent twice is stored once.
    client_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001  NULL is not equal to NULL

    class Meta:
        ordering = ["conversation", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "number"], name="one_message_a_conversation_number"
            ),
            models.UniqueConstraint(
                fields=["conversation", "sender", "client_id"], name="one_row_a_sender_client_id"
            ),
        ]

    def __str__(self):
        return f"{self.conversation_id}/{self.number}"
