"""A workout goes, and what was measured in it with it."""

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from workouts.models import Workout


@receiver(pre_delete, sender=Workout)
def hold_workout(sender, instance, **kwargs):
    """Whoever stores, adds a set or finishes waits, and finds no workout: they lock it first, too.

    Of several, Django calls this in the order of their ids.
    """
    list(Workout.objects.select_for_update().filter(pk=instance.pk).values_list("pk"))
