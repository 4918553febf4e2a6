"""`manage.py handshake URL`: send an opening handshake over raw TCP and explain every line."""

import socket
import time
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from handshake.handshake import accept_for, problems, request_headers

# What each header is for, and the sections of RFC 6455 that say so.
HEADERS = {
    "host": ("which site is meant", "4.1"),
    "upgrade": ("the protocol to change to", "4.1"),
    "connection": ("the change is for this hop only, up to the next server or proxy", "4.1"),
    "origin": ("which page asks; a browser adds it, any other client may lie", "10.2"),
    "sec-websocket-key": ("a random number, for the server to prove it understood", "11.3.1"),
    "sec-websocket-version": ("which versions are spoken; this RFC's is 13", "4.4, 11.3.5"),
    "sec-websocket-accept": ("the proof, made of our key", "4.2.2, 11.3.3"),
    "sec-websocket-protocol": ("the subprotocol the server chose", "1.9, 11.3.4"),
    "sec-websocket-extensions": ("the extensions the server chose", "9.1, 11.3.2"),
}
OMIT = ["upgrade", "connection", "key", "version"]


class Command(BaseCommand):
    help = "Send a WebSocket opening handshake over raw TCP and explain every line of it."
    requires_system_checks = []

    def create_parser(self, *args, **kwargs):
        """Take `--version` for the handshake; Django means its own by it."""
        return super().create_parser(*args, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser):
        parser.add_argument("url", help="ws://host[:port]/path")
        parser.add_argument("--omit", action="append", default=[], choices=OMIT)
        parser.add_argument("--version", dest="websocket_version", help="another version than 13")
        parser.add_argument("--key", help="another key than a random one")
        parser.add_argument("--origin", help="send this Origin")
        parser.add_argument("--timeout", type=float, default=10, help="seconds for all of it")

    def handle(self, url, **options):
        if not 0 < options["timeout"] <= 600:
            raise CommandError("--timeout is a number of seconds, above 0 and up to 600.")
        host, port, netloc, target = parts(url)
        headers = request_headers(netloc, options["origin"])
        headers["Sec-WebSocket-Key"] = key = options["key"] or headers["Sec-WebSocket-Key"]
        headers["Sec-WebSocket-Version"] = options["websocket_version"] or "13"
        sent = [
            f"{name}: {value}"
            for name, value in headers.items()
            if name.lower().removeprefix("sec-websocket-") not in options["omit"]
        ]
        request = [f"GET {target} HTTP/1.1", *sent]
        self.stdout.write("In parentheses: sections of RFC 6455.\n\n")
        self.show(">", request, "it must be a GET, and HTTP/1.1 or newer (4.1)")

        head = exchange(host, port, "\r\n".join([*request, "", ""]), options["timeout"])
        status, answer = parse(head)
        self.show("<", head, "anything but 101 is a refusal (4.1, 4.2.2)")

        if wrong := problems(status, answer, key):
            raise CommandError("Not a WebSocket: " + "; ".join(wrong) + ".")
        self.stdout.write(f"Open: {accept_for(key)} is what our key had to give.")

    def show(self, mark: str, lines: list[str], first: str):
        """Print each line, and under it what it is for."""
        for number, line in enumerate(lines):
            meaning, sections = HEADERS.get(line.partition(":")[0].lower(), ("plain HTTP", ""))
            explained = f"{meaning} ({sections})" if sections else meaning
            self.stdout.write(f"{mark} {line}\n    {explained if number else first}")
        self.stdout.write("")


def parts(url: str) -> tuple[str, int, str, str]:
    """Host, port, what the Host header says, and the request target of a ws:// URL."""
    try:
        split = urlsplit(url)
        host, port = split.hostname, 80 if split.port is None else split.port
    except ValueError as error:
        raise CommandError(f"Bad URL {url!r}: {error}.") from None
    if split.scheme == "wss":
        raise CommandError("wss:// needs TLS, and this command speaks plain TCP only: use ws://.")
    if split.scheme != "ws" or not host:
        raise CommandError(f"Bad URL {url!r}: it must look like ws://127.0.0.1:8000/ws/echo/.")
    if not (url.isascii() and url.isprintable()) or " " in url or split.fragment:
        raise CommandError(f"Bad URL {url!r}: plain ASCII, without spaces or a fragment.")
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return host, port, split.netloc.rpartition("@")[2], target


def exchange(host: str, port: int, request: str, seconds: float) -> list[str]:
    """Send the request and return the lines of the answer's head."""
    started = time.monotonic()
    answer = b""
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(request.encode())
            # Up to the empty line; no further if this is not HTTP, or has no end.
            while (
                b"\r\n\r\n" not in answer
                and b"HTTP/".startswith(answer[:5])
                and len(answer) < 65536
            ):
                connection.settimeout(max(0.001, started + seconds - time.monotonic()))
                received = connection.recv(4096)
                if not received:
                    break
                answer += received
    except (socket.gaierror, UnicodeError):
        raise CommandError(f"The name {host!r} is not known.") from None
    except TimeoutError:
        raise CommandError(f"No complete answer from {host}:{port} in {seconds:g} s.") from None
    except ConnectionRefusedError:
        raise CommandError(f"Nobody listens on {host}:{port}: is the server running?") from None
    except ConnectionError:
        pass  # what came before counts
    except OSError as error:
        raise CommandError(f"No connection to {host}:{port}: {error}.") from None
    if not answer:
        waited = time.monotonic() - started
        raise CommandError(f"{host}:{port} cut the connection after {waited:.1f} s, no answer.")
    return answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


def parse(head: list[str]) -> tuple[int, dict[str, str]]:
    """Status and headers, names in lower case."""
    words = head[0].split(" ")
    if not head[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdecimal():
        raise CommandError(f"The answer is not HTTP: {head[0][:60]!r}.")
    pairs = (line.partition(":") for line in head[1:])
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}
