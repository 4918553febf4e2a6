"""Who wants a socket: by a token, or by the session that its cookie names."""

import asyncio
from contextlib import suppress

from channels.db import database_sync_to_async as in_thread
from django.conf import settings

from accounts import carriers
from accounts.credentials import (
    CookieCredential,
    Credential,
    NobodyLoggedIn,
    NotAuthenticated,
    TokenCredential,
)
from realtime import metrics
from realtime.messages import Authenticate, Closing, InvalidMessage, decode, encode
from realtime.subprotocol import chosen


class Gone(Exception):
    """They left before they said who they are: nobody is there to be told anything."""


# --8<-- [start:middleware]
class TokenAuthMiddleware:
    """Put a credential in the scope; whoever has none gets no further.

    Not yet a `user`: whether a log-in goes on is asked once, by PersonConsumer, when it is sure to
    be told of its end. A token counts before the cookie, and a bad token is not made good by a
    cookie. Without either, the first message must be one: see from_first_message.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        scope = dict(scope)  # a copy: the caller's stays as it was
        accepted = False
        try:
            if carriers.from_subprotocol(scope, "bearer."):  # asks neither cache nor database
                credential = from_handshake(scope)
            else:
                credential = await in_thread(from_handshake)(scope)
            if credential is None:
                accepted = True
                credential = await from_first_message(scope, receive, send)
        except Gone:
            return
        except NotAuthenticated as problem:
            return await refuse(scope, receive, send, accepted, str(problem))
        scope["credential"] = credential
        if accepted:
            receive, send = already_open(receive, send)
        await self.application(scope, receive, send)


def from_handshake(scope) -> Credential | None:
    """What a handshake carries, or None if that is nothing. Raises NotAuthenticated."""
    if carried := carriers.find(scope):
        via, token = carried
        return TokenCredential.read(token, via)
    try:
        return CookieCredential.read(scope["cookies"].get(settings.SESSION_COOKIE_NAME, ""))
    except NobodyLoggedIn:
        return None


# --8<-- [end:middleware]


# --8<-- [start:first_message]
async def from_first_message(scope, receive, send) -> Credential:
    """Accept, and wait AUTHENTICATE_WITHIN seconds for a token. Raises NotAuthenticated, Gone."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": chosen(scope)})
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
    return TokenCredential.read(message.token, "message")


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
    metrics.REFUSED.labels("handshake", 4401).inc()
    if not accepted:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": chosen(scope)})
    await send({"type": "websocket.send", "text": encode(Closing(4401, reason))})
    await send({"type": "websocket.close", "code": 4401})
