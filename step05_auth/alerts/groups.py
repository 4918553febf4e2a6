"""The names of this app's groups, made from database ids only, and who may hear which."""

from django.contrib.auth.models import AnonymousUser, User

PREFIX = "alerts."  # on the wire, a group goes without it
STAFF_GROUP = PREFIX + "staff"


def person_group(user_id: int) -> str:
    """The connections of one person."""
    return f"{PREFIX}person.{user_id}"


def team_group(team_id: int) -> str:
    """The members of a team who asked for its alerts."""
    return f"{PREFIX}team.{team_id}"


# --8<-- [start:may_hear]
def may_hear(user: User | AnonymousUser, group: str) -> bool:
    """Who hears what, decided here alone: what is not listed here is denied.

    `group` may be any text of a client's: it is compared with names made here, never read. The
    database is asked each time, since `user` may be older than the last change.
    """
    now = User.objects.filter(pk=user.pk, is_active=True).first()
    if now is None:  # anonymous, deleted, deactivated
        return False
    groups = [person_group(now.pk), *map(team_group, now.teams.values_list("pk", flat=True))]
    if now.is_staff:
        groups.append(STAFF_GROUP)
    return group in groups


# --8<-- [end:may_hear]
