"""People in a conversation of two."""

from contextlib import asynccontextmanager

from django.contrib.auth.models import User

from tests.people import befriend, knock, visit


def path(conversation: object) -> str:
    return f"/ws/chat/{conversation}/"


def start(username: str, other: str) -> int:
    """Begin a conversation of two, who become friends if they may not talk yet; its id."""
    from chat import services
    from people.relations import may_talk

    one, two = (User.objects.get(username=name) for name in (username, other))
    if not may_talk(one.pk, two.pk):
        befriend(one, two)
    return services.start(one, two).pk


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
