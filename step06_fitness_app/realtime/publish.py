"""Send one frame to a group: encoded once, after commit, for one handler."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from asgiref.sync import SyncToAsync, async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from msgspec import Struct

from realtime.messages import encode

logger = logging.getLogger(__name__)

SECONDS = 5  # that a thread waits for its event loop


def in_loop(work: Callable[..., Coroutine], *details, **more) -> None:
    """Call async code from sync code, in the event loop whose thread this is, if it is one's.

    async_to_sync would wait for ever for a loop that ends meanwhile: a server that was told to
    stop while something was committed would never be gone.
    """
    loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
    if loop is None or loop.is_closed():
        async_to_sync(work)(*details, **more)
    elif loop.is_running():
        asyncio.run_coroutine_threadsafe(work(*details, **more), loop).result(SECONDS)
    else:
        logger.warning("the server stops: nobody is told what was just committed")


# --8<-- [start:publish]
async def send(group: str, type: str, **fields) -> None:
    """Send an event to a group: its `type` is the name of the consumers' handler."""
    await get_channel_layer().group_send(group, {"type": type, "group": group, **fields})


def send_on_commit(group: str, type: str, **fields) -> None:
    """The same from sync code, once the transaction around it is committed."""
    transaction.on_commit(lambda: in_loop(send, group, type, **fields), robust=True)


async def publish(group: str, message: Struct, number: int | None = None) -> None:
    """Send a frame to a group. With a `number` it belongs to a stream: nobody misses it for good.

    Whoever calls this has committed what the frame tells. PersonConsumer.frame passes it on.
    """
    await send(group, "frame", text=encode(message), number=number)


def publish_on_commit(group: str, message: Struct, number: int | None = None) -> None:
    """The same from sync code, once the transaction around it is committed.

    robust: what was stored stays stored while the channel layer is down. The stream's readers
    fetch it later; what has no number is lost.
    """
    send_on_commit(group, "frame", text=encode(message), number=number)


# --8<-- [end:publish]
