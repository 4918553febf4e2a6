"""Whoever is put out of a room is put out of its sockets too."""

from django.db.models.signals import m2m_changed, pre_delete
from django.dispatch import receiver

from accounts import services
from rooms.models import Room


@receiver(m2m_changed, sender=Room.members.through)
def tell_members(sender, instance, action, reverse, pk_set, **kwargs):
    """Before a clear() the members are still known; the message goes out at commit."""
    if action == "pre_clear":
        pk_set = [instance.pk] if reverse else instance.members.values_list("pk", flat=True)
    elif action == "post_remove":
        pk_set = [instance.pk] if reverse else pk_set
    else:
        return
    for user_id in pk_set:
        services.tell(user_id)


@receiver(pre_delete, sender=Room)
def tell_deleted(sender, instance, **kwargs):
    """A deleted room's memberships go without m2m_changed."""
    for user_id in instance.members.values_list("pk", flat=True):
        services.tell(user_id)
