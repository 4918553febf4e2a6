"""People at their feeds."""

from contextlib import asynccontextmanager

from django.contrib.auth.models import User

from tests.people import visit

PATH = "/ws/social/"


@asynccontextmanager
async def enter(username: str):
    """Somebody at their feed: the first page is read."""
    async with visit(PATH, username) as person:
        person.first = await person.hear()
        assert person.first["type"] == "feed", person.first
        yield person


def posted(username: str, *texts: str, workout_id: int | None = None) -> list[int]:
    """Store posts, told to nobody; their ids."""
    from feed import services

    author = User.objects.get(username=username)
    found = [services.post(author, text, f"{username}: {text}", workout_id) for text in texts]
    return [answer.number for answer, _ in found]


async def post(person, text: str, **fields) -> int:
    """Post something; its id."""
    await person.say("post", text=text, client_id=text, **fields)
    return (await person.get("ack", client_id=text))["number"]


async def comment(person, post_id: int, text: str) -> int:
    await person.say("comment", post_id=post_id, text=text, client_id=text)
    return (await person.get("ack", client_id=text))["number"]


async def cheer(person, post_id: int, is_on: bool = True) -> dict:
    await person.say("cheer", post_id=post_id, is_on=is_on)
    return await person.get("cheered", post_id=post_id)


async def quiet(person) -> list[dict]:
    """What came up to now: an answer to a bad message is behind all of it."""
    await person.say("nothing of the kind")
    return (await person.until("error"))[:-1]


def texts(frame: dict) -> list[str]:
    return [post["text"] for post in frame["posts"]]
