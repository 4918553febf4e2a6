"""The JSON echo as a tutorial would write it, to show what the checks of ours are for."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer


# --8<-- [start:plain_json]
class PlainJsonEcho(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(content)


# --8<-- [end:plain_json]

application = PlainJsonEcho.as_asgi()
