"""Teams: what makes somebody one of those an alert is for."""

from django.conf import settings
from django.db import models


class Team(models.Model):
    """Some people, and a name for them."""

    name = models.CharField(max_length=100, unique=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="teams", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name
