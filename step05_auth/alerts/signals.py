"""Who loses a team is told at once: their sockets look again what they may hear."""

from django.db.models.signals import m2m_changed, pre_delete
from django.dispatch import receiver

from accounts.services import tell
from alerts.models import Team


# --8<-- [start:removed]
@receiver(m2m_changed, sender=Team.members.through)
def tell_who_left(instance, action, reverse, pk_set, **kwargs):
    """`reverse` is user.teams.remove(team). clear() names nobody, so look before it clears."""
    if action == "pre_clear" and not reverse:
        tell_members(instance)
    elif action in ("post_remove", "pre_clear"):
        for user_id in [instance.pk] if reverse else pk_set:
            tell(user_id)


@receiver(pre_delete, sender=Team)
def tell_members(instance, **kwargs):
    """A deleted team's memberships go without m2m_changed."""
    for user_id in instance.members.values_list("pk", flat=True):
        tell(user_id)


# --8<-- [end:removed]
