"""A person goes, and their conversations with them."""

from django.conf import settings
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from chat.models import Conversation


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def hold_conversations(sender, instance, **kwargs):
    """Whoever writes waits. A message stored in between would make PostgreSQL refuse it all."""
    own = Conversation.objects.filter(Q(first=instance) | Q(second=instance))
    list(own.select_for_update().order_by("pk").values_list("pk"))
