"""People in a challenge."""

from contextlib import asynccontextmanager
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from tests.people import knock, visit

NONE = (4403, "there is no such challenge that you may see")


def path(challenge: object) -> str:
    return f"/ws/challenge/{challenge}/"


def make(by: str = "ada", *members: str, begins=-60.0, lasts=3600.0, **fields) -> int:
    """A challenge of hers, and who takes part in it; its id. It begins and lasts in seconds."""
    from challenges.models import Challenge

    starts_at = timezone.now() + timedelta(seconds=begins)
    fields = {"name": "Long way", "metric": "distance_m", "is_public": True, **fields}
    challenge = Challenge.objects.create(
        made_by=User.objects.get(username=by),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=lasts),
        **fields,
    )
    for number, name in enumerate(members, 1):
        user = User.objects.get(username=name)
        challenge.participants.create(user=user, reached=number)
    Challenge.objects.filter(pk=challenge.pk).update(version=len(members) + 1)
    return challenge.pk


@asynccontextmanager
async def enter(username: str, challenge: object, **query):
    """Somebody who looks at it: the first frame is read."""
    async with visit(path(challenge), username, **query) as person:
        person.first = await person.hear()
        assert person.first["type"] == "challenge_state", person.first
        yield person


async def refused(username: str | None, challenge: object) -> tuple[int, str]:
    """The code and the reason with which a connection is refused; None is nobody."""
    way = visit(path(challenge), username) if username else knock(path(challenge))
    async with way as person:
        return await person.closed()


async def did(person, value: float, client_id: str | None = None) -> int:
    """Say how much one has done; the version that has it."""
    client_id = client_id or f"did {value}"
    await person.say("progress_update", value=value, client_id=client_id)
    return (await person.get("ack", client_id=client_id))["number"]


async def board(person, **fields) -> dict:
    """The first board with these fields."""
    return await person.get("leaderboard_update", **fields)


def names(frame: dict) -> list[str]:
    return [line["username"] for line in frame["top"]]
