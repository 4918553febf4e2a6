"""Everybody has a profile, however they came to be."""

from django.conf import settings
from django.db.models.signals import post_save
from django.dispatch import receiver

from people.models import Profile


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def make_profile(sender, instance, created, raw, **kwargs):
    if created and not raw:
        Profile.objects.create(user=instance)
