"""Whether the channel layer carries messages, how fast, and if not, why."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from socket import gaierror
from urllib.parse import urlsplit
from uuid import uuid4

from channels.layers import get_channel_layer
from django.conf import settings
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


@dataclass(frozen=True)
class Latency:
    """How long a message took, in milliseconds."""

    channel: float
    group: float


# --8<-- [start:measure]
async def measure(seconds: float) -> Latency:
    """Send through a unique channel and through a group. Raises for whatever goes wrong."""
    async with asyncio.timeout(seconds):
        if settings.REDIS_URL:
            await ping()
        layer = get_channel_layer()
        channel, group = await layer.new_channel(), f"check.{uuid4().hex}"
        # Subscribe to both before anything is sent: Pub/Sub keeps nothing for who comes later.
        await layer.group_add(group, channel)
        by_channel = await round_trip(layer, channel, lambda event: layer.send(channel, event))
        by_group = await round_trip(layer, channel, lambda event: layer.group_send(group, event))
        await layer.group_discard(group, channel)
        if hasattr(layer, "wait_received"):  # core: it clears up in the background
            await layer.wait_received()
    return Latency(by_channel, by_group)


async def round_trip(layer, channel: str, send: Callable[[dict], Awaitable]) -> float:
    """Milliseconds from sending to having it; the second time, as the first one connects."""
    for _ in range(2):
        began = time.perf_counter()
        await send({"type": "check"})
        await layer.receive(channel)
    return (time.perf_counter() - began) * 1000


# --8<-- [end:measure]


async def ping() -> None:
    """Ask Redis for a sign of life, once: a layer would try again until the time is over."""
    async with Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0)) as client:
        await client.ping()


def explain(problem: Exception) -> str:
    """What went wrong, in a sentence. It never holds the password."""
    if isinstance(problem, ValueError):
        return "REDIS_URL cannot be read. It is like redis://:password@host:6379/0."
    url = urlsplit(settings.REDIS_URL)
    where = f"{url.hostname}:{url.port or 6379}"
    match problem, problem.__context__:
        case exceptions.AuthenticationError(), _:
            return f"Redis at {where} refuses the password in REDIS_URL, or asks for one."
        case exceptions.ConnectionError(), gaierror():
            return f"The host name {url.hostname} in REDIS_URL is not known."
        case exceptions.ConnectionError(), OSError():
            return f"No connection to {where}. Is Redis running there?"
        case exceptions.TimeoutError() | TimeoutError(), _:
            return f"No answer in time from {where}." if url.hostname else "No answer in time."
    return f"{type(problem).__name__}: {problem}"
