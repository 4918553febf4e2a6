"""The heart rate, pushed: an ASGI application that speaks without being asked."""

import asyncio
import json
import time

from heartrate.recording import bpm_at


# --8<-- [start:push]
async def push_heart_rate(scope, receive, send):
    """Push the heart rate at /ws/heart-rate/ when it changes, until the page goes."""
    await receive()
    await send({"type": "websocket.accept"})
    async with asyncio.TaskGroup() as tasks:
        pushing = tasks.create_task(push(send))
        while (await receive())["type"] != "websocket.disconnect":
            pass  # no use for what the page says
        pushing.cancel()


async def push(send):
    """Look once a second, send only what is new; ends by being cancelled."""
    last = None
    while True:
        now = time.time()
        if (bpm := bpm_at(now)) != last:
            await send(
                {
                    "type": "websocket.send",
                    "text": json.dumps({"type": "heart_rate", "bpm": bpm}),
                }
            )
            last = bpm
        await asyncio.sleep(1 - now % 1)


# --8<-- [end:push]
