"""However somebody leaves a challenge, or it goes: who looks at it is told."""

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from accounts.services import tell
from challenges.models import Challenge, Participant
from notifications.models import Kind, Notification
from people.models import Block
from realtime import groups
from realtime.publish import send_on_commit


@receiver(pre_delete, sender=Participant)
def show_without(sender, instance, **kwargs):
    """Before the row goes, so that the challenge is locked first, as everywhere."""
    found = Challenge.objects.filter(pk=instance.challenge_id)
    found.update(version=F("version") + 1)
    send_on_commit(groups.challenge(instance.challenge_id), "changed")
    tell(instance.user_id)  # a private one may be out of their sight now


@receiver(post_delete, sender=Challenge)
def tell_deleted(sender, instance, **kwargs):
    send_on_commit(groups.challenge(instance.pk), "recheck")


@receiver(post_delete, sender=settings.AUTH_USER_MODEL)
def forget_winner(sender, instance, **kwargs):
    """Their name stands in what all others were told of the challenges that they won."""
    told = Notification.objects.filter(kind=Kind.CHALLENGE_ENDED, data__winner=instance.username)
    changed = [*told.order_by("pk")]
    for notification in changed:
        notification.data["winner"] = None
    Notification.objects.bulk_update(changed, ["data"], 500)


@receiver(post_save, sender=Block)
@transaction.atomic
def put_out(sender, instance, **kwargs):
    """A block ends what the two share: the one is out of the other's running challenges."""
    one, other = instance.blocker, instance.blocked
    # Under the lock of each of them: who joins at the same moment has joined, or sees the block.
    theirs = Challenge.objects.filter(dissolved_at=None, made_by__in=[one, other]).order_by("pk")
    list(theirs.select_for_update())
    running = Participant.objects.filter(challenge__dissolved_at=None)
    shared = Q(user=one, challenge__made_by=other) | Q(user=other, challenge__made_by=one)
    running.filter(shared).delete()
