"""Whatever ends or changes a person's right, anywhere in Django, is told to their sockets."""

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts import services
from accounts.models import Login


@receiver(user_logged_in)
def begin_login(sender, request, user, **kwargs):
    """Mark the new session with the log-in it belongs to."""
    request.session["sid"] = str(services.begin(user).pk)


@receiver(user_logged_out)
def end_login(sender, request, user, **kwargs):
    """The log-in ends before the session goes: who reconnects in between is refused."""
    if sid := request.session.get("sid"):
        services.end(sid)


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def tell_saved(sender, instance, created, update_fields, **kwargs):
    """Deactivated, another password, no longer staff: `User.save()` comes by here.

    bulk_update() and update() do not: after those, call services.tell().
    """
    if not created and set(update_fields or ["all"]) != {"last_login"}:
        services.tell(instance.pk)


@receiver(post_delete, sender=settings.AUTH_USER_MODEL)
def tell_deleted(sender, instance, **kwargs):
    services.tell(instance.pk)


@receiver(post_delete, sender=Login)
def tell_login_deleted(sender, instance, **kwargs):
    """A log-in that is no more is one that has ended."""
    services.tell(instance.user_id)
