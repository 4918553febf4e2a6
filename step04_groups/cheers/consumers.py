"""The smallest consumer that reaches another browser."""

from channels.generic.websocket import AsyncWebsocketConsumer


# --8<-- [start:consumer]
class CheerConsumer(AsyncWebsocketConsumer):
    """Pass every frame on to everybody at /ws/cheers/. Nothing is stored."""

    async def connect(self):
        await self.channel_layer.group_add("cheers", self.channel_name)
        await self.accept()
        await self.send(f"your channel is {self.channel_name}")

    async def receive(self, text_data=None, bytes_data=None):
        if text_data:
            await self.channel_layer.group_send("cheers", {"type": "cheer", "text": text_data})

    async def cheer(self, event):
        """Called in every member's consumer, the sender's too, because of the message's type."""
        await self.send(event["text"])

    async def disconnect(self, code):
        await self.channel_layer.group_discard("cheers", self.channel_name)


# --8<-- [end:consumer]
