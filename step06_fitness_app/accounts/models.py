"""Log-ins: what can be ended."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone


# --8<-- [start:login]
class Login(models.Model):
    """One log-in of somebody, by the page or for tokens.

    Its id is the `sid` that the session and each of its tokens carry, also after a refresh. Once
    it has ended, none of them counts any more. A blacklisted refresh token alone would leave its
    access tokens valid.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="logins")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self):
        return f"{self.user} since {self.made_at:%d %b %H:%M}"


# --8<-- [end:login]
