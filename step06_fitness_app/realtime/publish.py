"""Send one frame to a group: encoded once, after commit, for one handler."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from msgspec import Struct

from realtime.messages import encode


# --8<-- [start:publish]
async def publish(group: str, message: Struct, number: int | None = None) -> None:
    """Send a frame to a group. With a `number` it belongs to a stream: nobody misses it for good.

    Whoever calls this has committed what the frame tells. PersonConsumer.frame passes it on.
    """
    event = {"type": "frame", "group": group, "text": encode(message), "number": number}
    await get_channel_layer().group_send(group, event)


def publish_on_commit(group: str, message: Struct, number: int | None = None) -> None:
    """The same from sync code, once the transaction around it is committed.

    robust: what was stored stays stored while the channel layer is down. The stream's readers
    fetch it later; what has no number is lost.
    """
    send = async_to_sync(publish)
    transaction.on_commit(lambda: send(group, message, number), robust=True)


# --8<-- [end:publish]
