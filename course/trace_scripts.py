"""What each recorded trace is of: where to connect, and what the pages do there."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Script:
    """One trace: where to connect and what the page does there, in order."""

    step: int
    url: str
    title: str
    # ("send", text), ("bytes", numbers), ("messages", how many have come by now),
    # ("close", code, reason), ("log out",), ("token",) to obtain a fresh one. It begins with open
    # or a refusal, and ends with close. For several browsers, ("A", "open", path),
    # ("A", "send", text) and so on, from open to close.
    actions: tuple[tuple, ...] = ()
    protocols: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    room: str = ""  # to be made first, as the page of step 04 does it
    person: str = ""  # of step 05's demo: who logs in first
    by: str = "cookie"  # how: by "cookie", "token" or "ticket"; {token} and {ticket} stand for it
    page_port: int = 0  # the page is of another server of this machine, on this port in the trace

    def by_browser(self) -> list[tuple]:
        """The actions of all browsers; a single one has no letter."""
        if self.actions and len(self.actions[0][0]) == 1:
            return list(self.actions)
        return [("", "open", self.url), *(("", *action) for action in self.actions)]

    def sent(self) -> list[str]:
        """The texts the first page sends: what the inspector offers to send when it is live."""
        actions = self.by_browser()
        sending = (actions[0][0], "send")
        texts = [action[2] for action in actions if action[:2] == sending]
        return [text for text in texts if "{token}" not in text]

    def offered(self) -> list[str]:
        """The subprotocols anybody may see."""
        return [name for name in self.protocols if "{" not in name]


def says(text: str, client_id: str) -> str:
    """A frame for a room."""
    return json.dumps({"type": "chat_message", "message": text, "client_id": client_id})


# How the server of a step is set up for its recordings: tokens of five seconds run out soon.
ENVIRONMENT = {5: {"ACCESS_TOKEN_SECONDS": "5"}}
AUTHENTICATE = '{"type": "authenticate", "token": "{token}"}'
WHOAMI = (("messages", 1), ("close", 1000))
ECHO = (("send", "hi"), ("messages", 1), ("close", 1000))
TRACES = {
    "step02-echo": Script(2, "/ws/echo/", "An echo in plain ASGI", ECHO),
    "step02-refused": Script(2, "/ws/refused/", "Closed before accepting: HTTP 403"),
    "step02-silence": Script(2, "/ws/silent/", "Neither accepted nor closed: cut after about 5 s"),
    "step02-unknown": Script(2, "/ws/no-such-path/", "A path that no route knows: HTTP 500"),
    "step02-scope": Script(
        2,
        "/ws/scope/?lesson=2",
        "A connection that is told its own scope",
        (("messages", 1), ("close", 1000)),
        cookies=("step02_asgi_sessionid",),
    ),
    "step03-echo": Script(3, "/ws/echo/async-websocket/", "One message there and back", ECHO),
    "step03-close": Script(
        3,
        "/ws/lifecycle/",
        "The page closes with 4001",
        (("send", "hi"), ("messages", 1), ("close", 4001, "done here")),
    ),
    "step03-server-close": Script(
        3,
        "/ws/lifecycle/",
        "The consumer closes with 4001",
        (("send", '{"type": "close", "code": 4001, "reason": "as you asked"}'), ("messages", 1)),
    ),
    "step03-exception": Script(
        3, "/ws/lifecycle/", "The consumer raises: 1011", (("send", '{"type": "raise"}'),)
    ),
    "step03-subprotocol": Script(
        3,
        "/ws/lifecycle/",
        "Two subprotocols offered, one in common",
        ECHO,
        protocols=("chat.v9", "echo.v2"),
    ),
    "step03-no-subprotocol": Script(
        3, "/ws/lifecycle/", "No subprotocol in common", protocols=("chat.v9",)
    ),
    "step03-refused": Script(3, "/ws/lifecycle/?refuse=before", "Refused before accepting"),
    "step03-accept-then-close": Script(
        3, "/ws/lifecycle/?refuse=after", "Accepted, then closed with 4403"
    ),
    "step03-slow": Script(
        3,
        "/ws/slow/async/",
        "Three messages to a slow handler: one at a time",
        (("send", "one"), ("send", "two"), ("send", "three"), ("messages", 3), ("close", 1000)),
    ),
    "step04-cheer": Script(
        4,
        "/ws/cheers/",
        "Two browsers, one group, one cheer",
        (
            ("A", "open", "/ws/cheers/"),
            ("A", "messages", 1),
            ("B", "open", "/ws/cheers/"),
            ("B", "messages", 1),
            ("A", "send", "go!"),
            ("A", "messages", 2),
            ("B", "messages", 2),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
    ),
    "step04-room": Script(
        4,
        "/ws/chat/lobby/?name=Ann",
        "Ann (A) and Bob (B) in one room: stored, then broadcast",
        (
            ("A", "open", "/ws/chat/lobby/?name=Ann"),
            ("A", "messages", 2),  # history, online
            ("B", "open", "/ws/chat/lobby/?name=Bob"),
            ("B", "messages", 2),
            ("A", "messages", 3),  # Bob has joined
            ("A", "send", says("hello", "ann-1")),
            ("A", "messages", 5),  # the ack and the message
            ("B", "messages", 3),
            ("B", "close", 1000),
            ("A", "messages", 6),  # Bob has left
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        room="lobby",
    ),
    "step04-resume": Script(
        4,
        "/ws/chat/gym/?name=Ann",
        "Bob (B) comes back and asks for what came after number 1",
        (
            ("A", "open", "/ws/chat/gym/?name=Ann"),
            ("A", "messages", 2),
            ("A", "send", says("hello", "ann-1")),
            ("A", "messages", 4),
            ("B", "open", "/ws/chat/gym/?name=Bob"),
            ("B", "messages", 2),  # history up to number 1
            ("A", "messages", 5),
            ("B", "close", 4000, "into a tunnel"),
            ("A", "messages", 6),
            ("B", "ended"),
            ("A", "send", says("still there?", "ann-2")),
            ("A", "messages", 8),
            ("A", "send", says("hello?", "ann-3")),
            ("A", "messages", 10),
            ("B", "open", "/ws/chat/gym/?name=Bob&after=1"),
            ("B", "messages", 2),  # the two that were missed
            ("A", "messages", 11),
            ("B", "close", 1000),
            ("A", "messages", 12),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        room="gym",
    ),
    "step04-impersonation": Script(
        4,
        "/ws/chat/bikes/?name=Ann",
        "Ann (A) leaves; somebody else (B) comes as Ann",
        (
            ("A", "open", "/ws/chat/bikes/?name=Ann"),
            ("A", "messages", 2),  # history, online
            ("A", "send", says("Lunch at one?", "ann-1")),
            ("A", "messages", 4),  # the ack and the message
            ("A", "close", 1000),
            ("A", "ended"),
            ("B", "open", "/ws/chat/bikes/?name=Ann"),
            ("B", "messages", 2),
            ("B", "send", says("I sell my bike: 10 euros", "b-1")),
            ("B", "messages", 4),
            ("B", "close", 1000),
        ),
        room="bikes",
    ),
    "step05-session": Script(
        5, "/ws/whoami/", "ada's browser has a session cookie", WHOAMI, person="ada"
    ),
    "step05-origin": Script(
        5,
        "/ws/whoami/",
        "A page of another server, in ada's browser: the cookie comes along, HTTP 403",
        person="ada",
        page_port=8009,
    ),
    "step05-anonymous": Script(5, "/ws/whoami/", "No cookie and no token: 4401 after 3 s"),
    "step05-ticket": Script(
        5,
        "/ws/whoami/",
        "A ticket, offered as a subprotocol",
        WHOAMI,
        protocols=("pulse.v1", "ticket.{ticket}"),
        person="ada",
        by="ticket",
    ),
    "step05-subprotocol": Script(
        5,
        "/ws/whoami/",
        "A token, offered as a subprotocol",
        WHOAMI,
        protocols=("pulse.v1", "bearer.{token}"),
        person="ada",
        by="token",
    ),
    "step05-first-message": Script(
        5,
        "/ws/whoami/",
        "A token as the first message",
        (("send", AUTHENTICATE), *WHOAMI),
        person="ada",
        by="token",
    ),
    "step05-query": Script(
        5,
        "/ws/whoami/?token={token}",
        "A good token in the query string: refused",
        person="ada",
        by="token",
    ),
    "step05-forbidden": Script(
        5, "/ws/chat/lobby/", "cleo is logged in, and no member of the room: 4403", person="cleo"
    ),
    "step05-logout": Script(
        5,
        "/ws/whoami/",
        "The page logs out: its socket closes with 4401",
        (("messages", 1), ("log out",)),
        person="ada",
    ),
    "step05-expired": Script(
        5,
        "/ws/whoami/",
        "Tokens of five seconds: one fresh one on the open socket, then none",
        (("messages", 1), ("token",), ("send", AUTHENTICATE), ("messages", 3)),
        protocols=("pulse.v1", "bearer.{token}"),
        person="ada",
        by="token",
    ),
}
