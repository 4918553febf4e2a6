"""Clubs and their classes: the levels an announcement can go to."""

from django.db import models


class Club(models.Model):
    """A place with classes."""

    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class FitnessClass(models.Model):
    """An hour of a club's timetable. Who picks it, hears of it."""

    club = models.ForeignKey(Club, models.CASCADE, related_name="classes")
    name = models.CharField(max_length=100)
    starts_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at", "name"]
        verbose_name_plural = "fitness classes"

    def __str__(self):
        return f"{self.name}, {self.starts_at:%d %b %H:%M}"
