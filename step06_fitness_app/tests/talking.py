"""People in a conversation of two."""

from contextlib import asynccontextmanager

from tests.people import knock, visit


def path(conversation: object) -> str:
    return f"/ws/chat/{conversation}/"


def start(username: str, other: str) -> int:
    """Begin a conversation; its id."""
    from django.contrib.auth.models import User

    from chat import services

    people = [User.objects.get(username=name) for name in (username, other)]
    return services.start(*people).pk


@asynccontextmanager
async def enter(username: str, conversation: object, **query):
    """A participant: the first frame is read."""
    async with visit(path(conversation), username, **query) as person:
        person.first = await person.hear()
        assert person.first["type"] == "chat_history", person.first
        yield person


async def refused(username: str | None, conversation: object, **query) -> tuple[int, str]:
    """The code and the reason with which a connection is refused; None is nobody in particular."""
    url = path(conversation)
    async with visit(url, username, **query) if username else knock(url) as person:
        return await person.closed()


def texts(frame: dict) -> list[str]:
    return [message["message"] for message in frame["messages"]]


def numbers(frame: dict) -> list[int]:
    return [message["number"] for message in frame["messages"]]
