"""A class that moves tells those who picked it, once the new time is committed."""

from django.db import transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from alerts.groups import class_group
from alerts.models import FitnessClass
from alerts.services import announce


# --8<-- [start:signal]
@receiver(pre_save, sender=FitnessClass)
def notice_move(sender, instance, raw, update_fields, **kwargs):
    """Compare with the stored time. bulk_create, bulk_update and update() do not come by here."""
    stored = sender.objects.filter(pk=instance.pk).values_list("starts_at", flat=True).first()
    is_written = not raw and (update_fields is None or "starts_at" in update_fields)
    instance.has_moved = is_written and stored not in (None, instance.starts_at)


@receiver(post_save, sender=FitnessClass)
def tell_move(sender, instance, **kwargs):
    """On commit: before it, a reader would find the old time; after a rollback, there is no new."""
    if instance.has_moved:
        text = f"{instance.name} has moved. It starts at {instance.starts_at:%d %b %Y %H:%M %Z}."
        # robust: the class is saved even while the channel layer is down; that is logged. No
        # partial: robust logs a name that partials have not.
        transaction.on_commit(lambda: announce(text, class_group(instance.pk)), robust=True)


# --8<-- [end:signal]
