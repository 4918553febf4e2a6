"""The hub: one layer channel for all sockets of this process, instead of one for each.

A frame comes in once and goes to every local member of its group at once, without a queue and a
task's turn for each. HUB=1 turns it on; without it, groups are Channels' own. Whoever leaves this
file out takes HubMixin out of PersonConsumer's bases.
"""

import asyncio
import logging
import types
from collections import defaultdict, deque
from contextlib import suppress
from uuid import uuid4
from weakref import WeakKeyDictionary

from channels.exceptions import StopConsumer
from channels.layers import get_channel_layer
from django.conf import settings

logger = logging.getLogger(__name__)

REFRESH = 3600  # seconds until the layer is told again of our groups: it forgets them in a day
LINGER = 10  # seconds that a group is heard for when its last member here has left; 0: not at all


# --8<-- [start:hub]
class Hub:
    """The groups of one process. To the layer it is a single member of each."""

    def __init__(self):
        self.layer = get_channel_layer()
        self.members: dict[str, HubMixin] = {}
        self.groups: dict[str, set[str]] = defaultdict(set)
        self.heard: dict[str, str] = {}  # groups that the layer sends us, and on which channel
        self.changing = asyncio.Lock()
        self.settling: set[asyncio.Task] = set()  # else nothing would hold them
        self.listener = self.refresher = None

    async def add(self, name: str, member: "HubMixin") -> None:
        self.members[name] = member
        async with self.changing:
            if self.listener is None or self.listener.done():
                self.channel = await self.layer.new_channel()
                self.listener = asyncio.create_task(self.listen(self.channel))
            self.refresher = self.refresher or asyncio.create_task(self.refresh())

    async def group_add(self, group: str, name: str) -> None:
        self.groups[group].add(name)
        await self.settle(group)

    async def group_discard(self, group: str, name: str) -> None:
        """The layer is told later: who only goes to another page is back in a moment."""
        self.groups[group].discard(name)
        if not LINGER:
            await self.settle(group)
        elif not self.groups[group]:
            asyncio.get_running_loop().call_later(LINGER, self.settle_alone, group)

    def settle_alone(self, group: str) -> None:
        task = asyncio.create_task(self.settle(group))
        self.settling.add(task)
        task.add_done_callback(self.settling.discard)

    async def settle(self, group: str) -> None:
        """Hear a group as long as somebody here is in it: whoever came or went meanwhile."""
        async with self.changing:
            if self.groups[group] and self.heard.get(group) != self.channel:
                await self.layer.group_add(group, self.channel)
                self.heard[group] = self.channel
            elif not self.groups[group] and group in self.heard:
                await self.layer.group_discard(group, self.heard.pop(group))
            if not self.groups[group]:
                del self.groups[group]

    async def refresh(self) -> None:
        """A layer with a `group_expiry` forgets a member that did not join again for so long."""
        while True:
            await asyncio.sleep(REFRESH)
            for group in tuple(self.heard):
                async with self.changing:  # for one at a time: who joins waits no longer than that
                    try:
                        if group in self.heard:
                            await self.layer.group_add(group, self.channel)
                    except Exception:
                        logger.exception("%s is not joined again for now", group)

    async def listen(self, channel: str) -> None:
        """Hand out what comes. If its layer raises, all sockets go: who comes back catches up."""
        try:
            while True:
                event = await self.layer.receive(channel)
                for name in tuple(self.groups.get(event.get("group"), ())):
                    if member := self.members.get(name):
                        member.take(event)
        except Exception:
            logger.exception("the channel layer is gone")
            self.groups.clear()
            self.heard.clear()
            for member in list(self.members.values()):
                member.take({"type": "lost"})


# --8<-- [end:hub]


HUBS: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


class HubMixin:
    """A consumer without a layer channel of its own, if settings.HUB says so."""

    waiting = ()  # what may not go out at once: a deque as soon as there is something
    drain = sending = None

    async def __call__(self, scope, receive, send):
        if not settings.HUB:
            return await super().__call__(scope, receive, send)
        self.scope, self.base_send, self.channel_name = scope, send, f"hub.{uuid4().hex}"
        self.channel_layer = HUBS.setdefault(asyncio.get_running_loop(), Hub())
        try:
            await self.channel_layer.add(self.channel_name, self)
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            self.channel_layer.members.pop(self.channel_name, None)
            if self.drain:
                self.drain.cancel()

    # --8<-- [start:take]
    def take(self, event: dict) -> None:
        """Pass a frame on at once, unless something before it, or this socket, has to wait."""
        is_busy = self.drain or self.sending or self.turn.locked()
        if not is_busy and event.get("type") == "frame" and self.takes(event):
            self.sending = begin(self.base_send({"type": "websocket.send", "text": event["text"]}))
            return
        # Of too much the oldest is dropped: of live data the newest counts, and a numbered
        # stream fetches what it misses.
        self.waiting = self.waiting or deque(maxlen=settings.HUB_WAITING)
        self.waiting.append(event)
        self.drain = self.drain or asyncio.create_task(self.hand_out())

    async def hand_out(self) -> None:
        """What waits, one after the other, between what the client sends."""
        try:
            while self.sending or self.waiting:
                if self.sending:  # the rest of a frame: this client reads slowly
                    await self.sending
                    self.sending = None
                else:
                    await self.dispatch(self.waiting.popleft())
        except Exception:
            logger.exception("%s could not hand out a frame", self.channel_name)
            await self.lost()
        finally:
            self.drain = None

    # --8<-- [end:take]

    async def lost(self, event=None) -> None:
        await self.refuse(4013, "the server lost its connection; try again")


# --8<-- [start:begin]
def begin(coroutine) -> asyncio.Future | None:
    """Run a coroutine up to where it waits; the rest, if there is one, is a task.

    No socket waits for another's, and where none waits (on Daphne) there is no task at all. From
    Python 3.12 on, `asyncio.Task(…, eager_start=True)` does this.
    """
    steps = coroutine.__await__()
    try:
        return asyncio.ensure_future(rest(next(steps), steps))
    except StopIteration:
        return None
    except Exception as problem:  # the socket is closed: its own receive() says so too
        return logger.debug("not sent: %r", problem)


@types.coroutine
def rest(waits_for, steps):
    """What `await coroutine` would do, from its second step on."""
    with suppress(Exception):
        yield waits_for
        yield from steps


# --8<-- [end:begin]
