"""Begin and end log-ins, and tell the sockets that something has changed."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Login
from realtime import groups
from realtime.publish import send_on_commit


class Ended(Exception):
    """This log-in is over, or never was."""


def begin(user: User) -> Login:
    """A new log-in of this person."""
    return Login.objects.create(user=user)


def holders(sid: str | None) -> QuerySet[User]:
    """The one person whose log-in `sid` is and goes on; nobody where there is no such log-in."""
    try:
        return User.objects.filter(logins=UUID(sid), logins__ended_at=None)
    except (TypeError, ValueError, AttributeError):  # no sid, or none that could be one
        return User.objects.none()


def check(sid: str | None, user: User) -> None:
    """Raises Ended unless `sid` names a log-in of this person that goes on."""
    if not holders(sid).filter(pk=user.pk).exists():
        raise Ended


# --8<-- [start:end]
def end(sid: str) -> None:
    """End one log-in: its session, its tokens, its sockets."""
    for login in Login.objects.filter(pk=sid):
        _end(Login.objects.filter(pk=sid), login.user_id)


def end_all(user_id: int) -> None:
    """Kick somebody out: end all their log-ins."""
    _end(Login.objects.filter(user=user_id), user_id)


def _end(logins, user_id: int) -> None:
    if logins.filter(ended_at=None).update(ended_at=timezone.now()):
        tell(user_id)


def tell(user_id: int) -> None:
    """Have every socket of a person look again whether it may go on, once this is committed."""
    tell_group(groups.person(user_id))


def tell_group(group: str) -> None:
    """The same for whoever is in a group.

    The message says nothing but "look": the truth is in the database. It may be lost, so sockets
    look by themselves as well, every RECHECK_SECONDS. robust: what was saved stays saved while
    the channel layer is down.
    """
    send_on_commit(group, "recheck")


# --8<-- [end:end]
