"""Streams that lose nothing: numbered 1, 2, 3 … in the database, delivered once each, in order."""

from urllib.parse import parse_qs

from channels.db import database_sync_to_async as in_thread

from realtime.rights import Refused


class NumberedMixin:
    """Give a PersonConsumer a stream. It resumes at ?after=N, and fetches what the layer lost.

    A subclass says how to read a page (`read`, sync) and how a page travels (`send_page`).
    """

    last = 0  # the number of the newest message this client got

    def read(self, *, after: int | None = None, before: int | None = None) -> list:
        """A page of rows with a `number`, oldest first: after one, before one, or the newest."""
        raise NotImplementedError

    async def send_page(self, page: list) -> None:
        raise NotImplementedError

    # --8<-- [start:numbered]
    async def begin(self, group: str) -> None:
        """Subscribe first, then read: what is sent between the two waits in the queue."""
        after = self.number_from_query("after")
        await self.join(group)
        page = await in_thread(self.read)(after=after)
        self.last = page[-1].number if page else after or 0
        await self.send_page(page)
        if after is not None and page:  # there may be more than a page
            await self.catch_up()

    async def frame(self, event) -> None:
        """Pass a stored message on, in order and once; what has no number, as it comes."""
        if self.takes(event):
            await self.send(event["text"])
        elif event["number"] > self.last:  # one before it was lost, or overtaken
            await self.catch_up()

    def takes(self, event) -> bool:
        number = event["number"]
        is_next = super().takes(event) and number in (None, self.last + 1)
        if is_next and number:
            self.last = number
        return is_next

    async def catch_up(self) -> None:
        """Send, page by page, what was stored after the last message this client got."""
        while page := await in_thread(self.read)(after=self.last):
            await super().look_again()  # this may take long, and a right end meanwhile
            self.last = page[-1].number
            await self.send_page(page)

    async def send_older(self, before: int) -> None:
        """The page before a number; what is newer than the client has comes by itself."""
        await self.send_page(await in_thread(self.read)(before=min(before, self.last + 1)))

    async def look_again(self) -> None:
        await super().look_again()
        if self.watcher:  # not at the beginning: there is nothing yet to go on from
            await self.catch_up()

    # --8<-- [end:numbered]

    def number_from_query(self, field: str) -> int | None:
        """A field of the query string that is a whole number, or None. Raises Refused."""
        query = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if (value := query.get(field, [None])[0]) is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise Refused(4400, f"{field} must be a whole number")
        return int(value)
