"""A room that loses nothing: store, commit, broadcast, and resume by number."""

from channels.db import database_sync_to_async as in_thread

from frames.consumers import FrameConsumer, Refused
from rooms import messages as wire
from rooms import services
from rooms.groups import room_group
from rooms.models import Message, Room
from rooms.people import PeopleMixin


class RoomConsumer(PeopleMixin, FrameConsumer):
    """A guest's connection to a room, at /ws/chat/<slug>/?name=…&after=….

    Receives and sends what messages.py lists. Without `after`, the first frame is the newest
    history; with it, all that came after that number. Closes with 4400 (name or `after` not
    valid), 4404 (no such room), 4409 (name taken), 4013 (silent for too long: come again), each
    after a `closing` frame.
    """

    last = 0  # the number of the newest message this client got

    # --8<-- [start:connect]
    async def connect(self):
        await self.accept()
        try:
            room = await in_thread(services.find)(self.scope["url_route"]["kwargs"]["slug"])
            after = self.number_from_query("after")
            if (after or 0) > room.last_number:  # made again under its name, and not yet as far
                raise Room.DoesNotExist
            await self.join(room)
        except Room.DoesNotExist:
            return await self.refuse(4404, "there is no such room")
        except Refused as refusal:
            return await self.refuse(refusal.code, refusal.reason)
        # Subscribe first, then read: what is sent between the two waits in the queue.
        await self.channel_layer.group_add(room_group(self.room_id), self.channel_name)
        if after is None:
            page = await in_thread(services.before)(self.room_id)
        else:
            page = await in_thread(services.after)(self.room_id, after)
        self.last = page[-1].number if page else after or 0
        await self.send_history(page)
        await self.catch_up()
        await self.arrived()

    # --8<-- [end:connect]

    # --8<-- [start:receive]
    async def receive(self, text_data=None, bytes_data=None):
        if self.room_id is None:
            return  # refused, and this came in before the close went out
        try:
            message = wire.decode(text_data)
        except wire.InvalidMessage as problem:
            return await self.reply(wire.Error("invalid_message", str(problem)))
        match message:
            case wire.SendMessage():
                await self.say(message.message, message.client_id)
            case wire.AskHistory():
                before = min(message.before, self.last + 1)  # what is newer comes by itself
                await self.send_history(await in_thread(services.before)(self.room_id, before))
            case wire.SendTyping() | wire.SendPrivate():
                await self.receive_from_person(message)

    async def say(self, text: str, client_id: str | None) -> None:
        """Store and commit, then broadcast: what one member saw, every member can read again."""
        message = await in_thread(services.store)(self.room_id, self.username, text, client_id)
        frame = wire.encode(frame_of(message))  # once, however many receive it
        event = {"type": "stored", "number": message.number, "text": frame}
        await self.channel_layer.group_send(room_group(self.room_id), event)
        await self.reply(wire.Ack(client_id, message.number))

    # --8<-- [end:receive]

    # --8<-- [start:handlers]
    async def stored(self, event):
        """Group message: pass a stored message on, in order and once."""
        if event["number"] == self.last + 1:
            self.last += 1
            await self.send(event["text"])
        elif event["number"] > self.last:  # one before it was lost, or overtaken
            await self.catch_up()

    async def catch_up(self) -> None:
        """Send, page by page, what was stored after the last message this client got."""
        while page := await in_thread(services.after)(self.room_id, self.last):
            self.last = page[-1].number
            await self.send_history(page)

    # --8<-- [end:handlers]

    async def send_history(self, page: list[Message]) -> None:
        await self.reply(wire.ChatHistory([*map(frame_of, page)], self.username))


def frame_of(message: Message) -> wire.ChatMessage:
    """A stored message as it travels."""
    return wire.ChatMessage(
        message.number, message.text, message.username, message.sent_at, message.client_id
    )
