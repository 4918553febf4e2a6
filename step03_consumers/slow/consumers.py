"""One slow answer in three kinds: who waits for whom?"""

import asyncio
import time

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

SECONDS = 0.5  # what one answer takes, as a slow query or a call to another server would


# --8<-- [start:sync]
class SlowSync(WebsocketConsumer):
    """Block the thread that all sync consumers share. /ws/slow/sync/"""

    def receive(self, text_data=None, bytes_data=None):
        time.sleep(SECONDS)
        self.send(text_data, bytes_data)


# --8<-- [end:sync]


# --8<-- [start:async]
class SlowAsync(AsyncWebsocketConsumer):
    """Wait without blocking anybody. /ws/slow/async/"""

    async def receive(self, text_data=None, bytes_data=None):
        await asyncio.sleep(SECONDS)
        await self.send(text_data, bytes_data)


# --8<-- [end:async]


# --8<-- [start:threads]
class SlowThreads(AsyncWebsocketConsumer):
    """Block, but each time a thread of its own. /ws/slow/threads/"""

    async def receive(self, text_data=None, bytes_data=None):
        await sync_to_async(time.sleep, thread_sensitive=False)(SECONDS)
        await self.send(text_data, bytes_data)


# --8<-- [end:threads]
