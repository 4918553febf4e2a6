"""A class that moves tells those who picked it, once the new time is committed."""

from datetime import datetime

from django.db import transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from alerts.groups import class_group
from alerts.models import FitnessClass
from alerts.services import announce


# --8<-- [start:signal]
@receiver(pre_save, sender=FitnessClass)
def notice_move(sender, instance, raw, update_fields, **kwargs):
    """Keep the stored time. bulk_create, bulk_update and update() do not come by here."""
    stored = sender.objects.filter(pk=instance.pk).values_list("starts_at", flat=True).first()
    is_written = not raw and (update_fields is None or "starts_at" in update_fields)
    instance.started_at = stored if is_written else None


@receiver(post_save, sender=FitnessClass)
def tell_move(sender, instance, **kwargs):
    """On commit: before it, a reader would find the old time; after a rollback, there is no new."""
    pk, before = instance.pk, instance.started_at
    if before is not None:
        # robust: the class is saved even while the channel layer is down; that is logged. No
        # partial: robust logs a name that partials have not.
        transaction.on_commit(lambda: announce_move(pk, before), robust=True)


def announce_move(pk: int, before: datetime) -> None:
    """Read the class again: what was saved may be a text, or F("starts_at") + an_hour."""
    row = FitnessClass.objects.filter(pk=pk).exclude(starts_at=before).first()
    if row:
        text = f"{row.name} has moved. It starts at {row.starts_at:%d %b %Y %H:%M %Z}."
        announce(text, class_group(pk))


# --8<-- [end:signal]
