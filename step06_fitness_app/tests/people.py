"""People with a socket: who they are, what they carry, frames to send and to expect."""

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlencode

from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from config.asgi import application as configured
from tests import described
from tests.sockets import HERE, SECONDS, Closed, Direct


class Talking:
    """Frames as structs, for either kind of client of sockets.py."""

    async def say(self, type: str = "chat_message", **fields) -> None:
        await self.send(json.dumps({"type": type, **fields}))

    async def hear(self) -> dict:
        """The next frame, which is one of those that this socket's consumer says it gives."""
        frame = json.loads(await self.receive())
        described.check(self.path, frame)
        return frame

    async def until(self, type: str, **fields) -> list[dict]:
        """All frames up to one of this type with these fields, which is the last."""
        frames = []
        async with asyncio.timeout(SECONDS):
            while True:
                frames.append(await self.hear())
                if {"type": type, **fields}.items() <= frames[-1].items():
                    return frames

    async def get(self, type: str, **fields) -> dict:
        """The next frame of this type; others before it are passed over."""
        return (await self.until(type, **fields))[-1]

    async def said(self, message: str, **fields) -> int:
        """Say something; the number it got once it is stored."""
        await self.say(message=message, **fields)
        return (await self.get("ack", client_id=fields.get("client_id")))["number"]

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes, sooner or later."""
        closing = await self.get("closing")
        try:
            frame = await self.hear()
        except Closed as closed:
            assert closed.code == closing["code"]
            return closed.code, closing["reason"]
        raise AssertionError(f"not closed, but {frame}")


class Person(Talking, Direct):
    """One socket of somebody; `first` is its first frame."""

    first: dict

    async def ended(self) -> None:
        """Wait for the application's end; raises what it raised."""
        await asyncio.wait_for(self.communicator.future, SECONDS)


def make_user(username: str, **fields) -> User:
    """Somebody, whose password is <username>-demo."""
    return User.objects.create_user(username, password=f"{username}-demo", **fields)


def befriend(one: User, other: User) -> None:
    """Make two people friends."""
    from people.models import Friendship

    first, second = sorted([one, other], key=lambda person: person.pk)
    Friendship.objects.create(
        first=first, second=second, asked_by=first, accepted_at=timezone.now()
    )


def browser_of(user: User | str) -> Client:
    """A browser in which that person has logged in."""
    client = Client()
    client.force_login(user if isinstance(user, User) else User.objects.get(username=user))
    return client


def cookie_of(browser: Client) -> str:
    """The Cookie header of a browser."""
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={browser.cookies[name].value}"


def tokens_of(username: str) -> dict[str, str]:
    """An `access` and a `refresh` token, obtained as a client does."""
    asked = {"username": username, "password": f"{username}-demo"}
    answer = Client().post("/api/token/", asked, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def ticket_of(username: str) -> str:
    """A ticket, obtained as a client does."""
    bearer = f"Bearer {tokens_of(username)['access']}"
    answer = Client().post("/api/ws-ticket/", headers={"Authorization": bearer})
    assert answer.status_code == 200, answer.content
    return answer.json()["ticket"]


@asynccontextmanager
async def knock(
    path: str, *subprotocols: str, cookie="", headers=None, application=configured, **query
):
    """A connection that is open, whatever the server makes of it."""
    sent = {**HERE, **({"cookie": cookie} if cookie else {}), **(headers or {})}
    communicator = WebsocketCommunicator(
        application,
        f"{path}?{urlencode(query)}" if query else path,
        headers=[(name.encode(), value.encode()) for name, value in sent.items()],
        subprotocols=list(subprotocols),
    )
    accepted, chosen = await communicator.connect(SECONDS)
    assert accepted, f"refused: {chosen}"
    yield Person(communicator, chosen)
    await communicator.disconnect(1000, SECONDS)


@asynccontextmanager
async def visit(path: str, username: str, **options):
    """A socket of somebody who has logged in in a browser."""
    browser = await in_thread(browser_of)(username)
    async with knock(path, cookie=cookie_of(browser), **options) as person:
        person.browser = browser
        yield person


@contextmanager
def losing_broadcasts():
    """While this lasts, the layer takes what it is given for a group and delivers nothing."""
    layer = get_channel_layer()
    group_send = layer.group_send

    async def lose(group: str, message: dict) -> None:
        pass

    layer.group_send = lose
    try:
        yield
    finally:
        layer.group_send = group_send


def as_shown(browser, url: str) -> dict:
    """The fields of a change page as a browser would send them, unchanged."""
    form = browser.get(url).context["adminform"].form
    given = {}
    for name in form.fields:
        value = form[name].value()
        given |= {name: value, form[name].html_initial_name: value}
    return {name: value for name, value in given.items() if value is not None}
