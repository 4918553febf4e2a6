"""The names of this app's groups, in one place, made from database ids only."""

from alerts.models import FitnessClass

EVERYONE = "everyone"


# --8<-- [start:groups]
def club_group(club_id: int) -> str:
    """Everybody who picked a class of this club."""
    return f"club.{club_id}"


def class_group(class_id: int) -> str:
    """Everybody who picked this class."""
    return f"class.{class_id}"


def groups_of(picked: FitnessClass | None) -> frozenset[str]:
    """One group a level: so an announcement to a level reaches all below it, once."""
    if picked is None:
        return frozenset([EVERYONE])
    return frozenset([EVERYONE, club_group(picked.club_id), class_group(picked.pk)])


# --8<-- [end:groups]
