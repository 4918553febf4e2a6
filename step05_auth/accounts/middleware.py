"""Who opens a socket: by token here, by cookie in Channels' AuthMiddlewareStack before it."""

import asyncio
from contextlib import suppress

from channels.db import database_sync_to_async as in_thread
from django.conf import settings
from django.contrib.auth.models import User

from accounts import carriers
from accounts.credentials import CookieCredential, Credential, NotAuthenticated, TokenCredential
from accounts.messages import Authenticate, decode
from frames.messages import Closing, InvalidMessage, encode

SUBPROTOCOL = "pulse.v1"


def subprotocol(scope) -> str | None:
    """The application's own subprotocol, if it was offered; never one that carries a token."""
    return SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None


class Gone(Exception):
    """They left before they said who they are: nobody is there to be told anything."""


# --8<-- [start:middleware]
class TokenAuthMiddleware:
    """Put the person and their credential in the scope; whoever proves nothing gets no further.

    A token counts before the cookie, and a bad token is not made good by a cookie. Without
    either, the first message must be one: see from_first_message.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        scope = dict(scope)  # a copy: the caller's stays as it was
        accepted = False
        try:
            found = await in_thread(from_handshake)(scope)
            if found is None:
                accepted = True
                found = await from_first_message(scope, receive, send)
        except Gone:
            return
        except NotAuthenticated as problem:
            return await refuse(scope, receive, send, accepted, str(problem))
        scope["credential"], scope["user"] = found
        if accepted:
            receive, send = already_open(receive, send)
        await self.application(scope, receive, send)


def from_handshake(scope) -> tuple[Credential, User] | None:
    """What a handshake proves, or None if it carries nothing. Raises NotAuthenticated."""
    if carried := carriers.find(scope):
        via, token = carried
        credential = TokenCredential.read(token, via)
    elif scope["user"].is_authenticated:
        credential = CookieCredential(scope["session"].session_key)
    else:
        return None
    return credential, credential.check()


# --8<-- [end:middleware]


# --8<-- [start:first_message]
async def from_first_message(scope, receive, send) -> tuple[Credential, User]:
    """Accept, and wait AUTHENTICATE_WITHIN seconds for a token. Raises NotAuthenticated, Gone."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": subprotocol(scope)})
    try:
        event = await asyncio.wait_for(receive(), settings.AUTHENTICATE_WITHIN)
    except TimeoutError:
        raise NotAuthenticated("log in, or send a token as the first message") from None
    if event["type"] == "websocket.disconnect":
        raise Gone
    message = None
    with suppress(InvalidMessage):
        message = decode(event.get("text"))
    if not isinstance(message, Authenticate):
        raise NotAuthenticated("the first message is not an `authenticate`")
    credential = TokenCredential.read(message.token, "message")
    return credential, await in_thread(credential.check)()


def already_open(receive, send):
    """For an application that begins on an open socket: its connect is made, its accept done."""
    events = [{"type": "websocket.connect"}]

    async def receive_next():
        return events.pop() if events else await receive()

    async def send_unless_accept(event):
        if event["type"] != "websocket.accept":
            await send(event)

    return receive_next, send_unless_accept


# --8<-- [end:first_message]


async def refuse(scope, receive, send, accepted: bool, reason: str) -> None:
    """Accept, say why, close with 4401: before accept, the browser would see a bare 1006."""
    if not accepted:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": subprotocol(scope)})
    await send({"type": "websocket.send", "text": encode(Closing(4401, reason))})
    await send({"type": "websocket.close", "code": 4401})
