"""Everybody has a profile; and whatever changes a right between people is told to their sockets."""

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.services import tell
from people.models import Block, Friendship, Profile


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def make_profile(sender, instance, created, raw, **kwargs):
    if created and not raw:
        Profile.objects.create(user=instance)


# --8<-- [start:tell]
@receiver([post_save, post_delete], sender=Friendship)
def tell_friends(sender, instance, **kwargs):
    if instance.accepted_at:  # a request allows nothing
        tell(instance.first_id)
        tell(instance.second_id)


@receiver([post_save, post_delete], sender=Block)
def tell_blocked(sender, instance, **kwargs):
    tell(instance.blocker_id)
    tell(instance.blocked_id)


# --8<-- [end:tell]
