"""Alerts: one connection in several groups."""

from alerts import messages as wire
from alerts.groups import groups_of
from alerts.models import FitnessClass
from frames.consumers import FrameConsumer, Refused


class AlertConsumer(FrameConsumer):
    """A guest's connection to the alerts, at /ws/alerts/?class=….

    Receives and sends what messages.py lists. Closes with 4400 (`class` is no number) or 4404 (no
    such class), after a `closing` frame. What is sent while a guest is away is lost.
    """

    joined = frozenset()

    async def connect(self):
        await self.accept()
        try:
            await self.pick(self.number_from_query("class"))
        except FitnessClass.DoesNotExist:
            await self.refuse(4404, "no such class")
        except Refused as refusal:
            await self.refuse(refusal.code, refusal.reason)

    async def receive(self, text_data=None, bytes_data=None):
        if not self.joined:
            return  # refused, and this came in before the close went out
        try:
            match wire.decode(text_data):
                case wire.PickClass(class_id):
                    await self.pick(class_id)
                case wire.LeaveClass():
                    await self.pick(None)
        except wire.InvalidMessage as problem:
            await self.reply(wire.Error("invalid_message", str(problem)))
        except FitnessClass.DoesNotExist:
            await self.reply(wire.Error("no_such_class", "there is no such class"))

    # --8<-- [start:pick]
    async def pick(self, class_id: int | None) -> None:
        """Be in the groups of this class, and in no others."""
        picked = None
        if class_id is not None:
            picked = await FitnessClass.objects.select_related("club").aget(pk=class_id)
        groups = groups_of(picked)
        # In the new before out of the old, and never out of what stays: nothing falls between.
        for group in groups - self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        for group in self.joined - groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        self.joined = groups
        if picked is None:
            await self.reply(wire.Picked(None))
        else:
            await self.reply(wire.Picked(picked.pk, picked.name, picked.club.name))

    async def announcement(self, event):
        """Group message: pass the frame on as it is."""
        await self.send(event["text"])

    # --8<-- [end:pick]

    async def disconnect(self, code):
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)
