"""Clients that cost little: raw sockets, which count what comes without reading it."""

import asyncio
import base64
import os
import time


class Crowd:
    """What all of a crowd's sockets received, in bytes, and who waits for how much."""

    def __init__(self):
        self.received = 0
        self._target = self._reached = None

    def count(self, number: int) -> None:
        self.received += number
        if self._target is not None and self.received >= self._target:
            self._target = None
            self._reached.set_result(None)

    async def until(self, target: int, seconds: float = 20) -> None:
        if self.received < target:
            self._target, self._reached = target, asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._reached
            finally:
                self._target = None

    async def until_quiet(self, seconds: float = 1.5) -> None:
        """What is still on its way comes, or never will."""
        before = -1
        while before != self.received:
            before = self.received
            await asyncio.sleep(seconds)


class Socket(asyncio.Protocol):
    """One WebSocket. Frames from the server are counted by their bytes, not parsed."""

    def __init__(self, crowd: Crowd, request: bytes):
        self.crowd, self.request, self.head = crowd, request, b""
        self.received = 0
        self.opened = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()
        self.times: list[tuple[int, bytes]] | None = None
        self.marker, self.tail, self.heard = b"", b"", None

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.head += data
            if b"\r\n\r\n" not in self.head:
                return
            status, _, data = self.head.partition(b"\r\n\r\n")
            if not status.startswith(b"HTTP/1.1 101"):
                return self.opened.set_exception(ConnectionError(status[:80].decode()))
            self.opened.set_result(None)
            if not data:
                return
        if self.times is not None:
            self.times.append((time.perf_counter_ns(), data))
        if self.heard:
            if self.marker in self.tail + data:
                self.heard.set_result(None)
                self.heard = None
            self.tail = data[-len(self.marker) :]
        self.received += len(data)
        self.crowd.count(len(data))

    def connection_lost(self, problem) -> None:
        if not self.opened.done():
            self.opened.set_exception(problem or ConnectionError("closed in the handshake"))
        self.ended.set_result(None)

    def hear(self, marker: bytes) -> asyncio.Future:
        """Done as soon as a frame has this in it."""
        self.marker, self.tail = marker, b""
        self.heard = asyncio.get_running_loop().create_future()
        return self.heard

    def send(self, text: str) -> None:
        data = text.encode()  # masked with zeros: the same bytes
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
        self.transport.write(b"\x81" + size + bytes(4) + data)

    async def close(self) -> None:
        self.transport.write(b"\x88\x80" + bytes(4))
        await self.ended


async def connect(port: int, path: str, crowd: Crowd, token: str | None = None) -> Socket:
    """Open a socket. Raises ConnectionError if the server refuses."""
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Origin": f"http://127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    if token:
        headers["Sec-WebSocket-Protocol"] = f"pulse.v1, bearer.{token}"
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(crowd, request), "127.0.0.1", port)
    await socket.opened
    return socket


async def connect_many(number: int, ports: list[int], path: str, crowd: Crowd, tokens: list[str]):
    """Open so many, twenty at a time, with the ports and the tokens in turn."""
    twenty = asyncio.Semaphore(20)

    async def one(index: int) -> Socket:
        async with twenty:
            port, token = ports[index % len(ports)], tokens[index % len(tokens)]
            return await connect(port, path, crowd, token)

    return await asyncio.gather(*map(one, range(number)))
