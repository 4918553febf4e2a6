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
    # ("close", code, reason), ("log out",), ("token",) to obtain a fresh one, ("pause", seconds).
    # It begins with open or a refusal, and ends with close. For several browsers,
    # ("A", "open", path), ("A", "send", text) and so on, from open to close;
    # ("send all", text, text) leaves nothing time to come in between; ("A", "keep", name) keeps
    # the number of the newest ack, for which {name} then stands, whoever says it.
    actions: tuple[tuple, ...] = ()
    protocols: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    room: str = ""  # to be made first, as the page of step 04 does it
    person: str = ""  # of step 05's demo: who logs in first
    by: str = "cookie"  # how: by "cookie", "token" or "ticket"; {token} and {ticket} stand for it
    people: tuple[tuple[str, str], ...] = ()  # or for several browsers, who logs in in which
    posts: tuple[tuple[str, str, dict], ...] = ()  # who posts what where first; {id} is its id
    page_port: int = 0  # the page is of another server of this machine, on this port in the trace

    @property
    def is_stored(self) -> bool:
        """Whether it leaves something in the database, that another recording would go on from."""
        return bool(self.people)

    def person_of(self, who: str) -> str:
        return dict(self.people).get(who, self.person)

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


def frame(type: str, **fields) -> str:
    """A frame for a socket of step 06."""
    return json.dumps({"type": type, **fields})


def sample(time: int, **measured: float) -> str:
    return frame("workout_update", time=time, **measured)


def progress(metres: int) -> str:
    return frame("progress_update", value=metres, client_id=f"at-{metres}")


def squatting(time: float) -> str:
    """A body deep in a squat, whose knees fall in: shoulders, hips, knees, ankles."""
    points = [[0.55, 0.45], [0.45, 0.45], [0.53, 0.65], [0.47, 0.65]]
    points += [[0.54, 0.7], [0.46, 0.7], [0.57, 0.85], [0.43, 0.85]]
    return frame("pose", time=time, points=[[x, y, 1] for x, y in points])


# How the server of a step is set up for its recordings: tokens of five seconds run out soon.
# A consumer leaves its groups in the order of a set, which is by the texts' hashes.
ENVIRONMENT = {5: {"ACCESS_TOKEN_SECONDS": "5"}, 6: {"PYTHONHASHSEED": "0"}}
AUTHENTICATE = '{"type": "authenticate", "token": "{token}"}'
COMMENT = '{"type": "comment", "post_id": {post}, "text": "Cake!", "client_id": "ben-1"}'
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
        (("messages", 1), ("pause", 1.5), ("token",), ("send", AUTHENTICATE), ("messages", 3)),
        protocols=("pulse.v1", "bearer.{token}"),
        person="ada",
        by="token",
    ),
    # The demo's people are numbered in the order of their names, ada is 1.
    "step06-resume": Script(
        6,
        "/ws/chat/1/?after=3",
        "ada (A) types and writes while ben (B) is away; he comes back",
        (
            ("A", "open", "/ws/chat/1/?after=3"),
            ("A", "messages", 1),
            ("B", "open", "/ws/chat/1/?after=3"),
            ("B", "messages", 1),
            ("A", "send", frame("typing", is_typing=True)),
            ("B", "messages", 2),
            ("B", "close", 4000, "into a tunnel"),
            ("B", "ended"),
            ("A", "send", frame("typing", is_typing=True)),
            ("A", "send", says("Rowing at six?", "ada-1")),
            ("A", "messages", 3),  # the ack and the message
            ("B", "open", "/ws/chat/1/?after=3"),
            ("B", "messages", 1),  # what he missed
            ("B", "send", frame("read", up_to=4)),
            ("A", "messages", 4),
            ("B", "messages", 2),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "ada"), ("B", "ben")),
    ),
    "step06-notification": Script(
        6,
        "/ws/workout/6/",
        "noa trains (A), her bell rings in another browser (B)",
        (
            ("B", "open", "/ws/notifications/"),
            ("B", "messages", 1),
            ("A", "open", "/ws/workout/6/"),
            ("A", "messages", 1),
            ("A", "send", frame("workout_start", kind="rowing", client_id="noa-1")),
            ("A", "messages", 3),
            ("A", "send", sample(1, heart_rate=121)),
            ("A", "messages", 5),  # the sample, and that it is saved
            ("A", "send", frame("workout_finish")),
            ("B", "messages", 2),
            ("A", "messages", 7),
            ("B", "send", frame("mark", numbers=[1], is_read=True)),
            ("B", "messages", 3),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "noa"), ("B", "noa")),
    ),
    "step06-workout": Script(
        6,
        "/ws/workout/1/",
        "ada trains (A), ben watches (B)",
        (
            ("A", "open", "/ws/workout/1/"),
            ("A", "messages", 1),
            ("A", "send", frame("workout_start", kind="cycling", client_id="ada-1")),
            ("A", "messages", 3),
            ("B", "open", "/ws/workout/1/"),
            ("B", "messages", 1),
            (
                "A",
                "send all",
                sample(1, heart_rate=121, power=160),
                sample(2, heart_rate=122, power=170),
                sample(3, heart_rate=124, power=175),
            ),
            ("B", "messages", 4),
            ("A", "messages", 7),  # they come back to her too, and are saved
            ("B", "send", sample(4, heart_rate=60)),
            ("B", "messages", 5),
            ("A", "send", frame("workout_finish")),
            ("B", "messages", 7),
            ("A", "messages", 9),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "ada"), ("B", "ben")),
    ),
    "step06-boards": Script(
        6,
        "/ws/challenge/{id}/",
        "ada (A) sends four updates, ben (B) sees two boards",
        (
            ("A", "open", "/ws/challenge/{id}/"),
            ("A", "messages", 1),
            ("A", "send", frame("challenge_join", client_id="ada-in")),
            ("A", "messages", 3),
            ("B", "open", "/ws/challenge/{id}/"),
            ("B", "messages", 1),
            ("A", "send", progress(100)),
            ("B", "messages", 2),
            ("A", "send all", progress(200), progress(300), progress(400)),
            ("B", "messages", 3),
            ("A", "messages", 9),
            ("A", "send", progress(50)),
            ("A", "messages", 10),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "ada"), ("B", "ben")),
        posts=(
            (
                "ada",
                "/api/challenges/",
                {
                    "name": "To the sea",
                    "metric": "distance_m",
                    "ends_at": "{tomorrow}",
                    "is_public": True,
                },
            ),
        ),
    ),
    "step06-feed": Script(
        6,
        "/ws/social/",
        "ada (A) posts, ben (B) cheers and comments",
        (
            ("A", "open", "/ws/social/"),
            ("A", "messages", 1),
            ("B", "open", "/ws/social/"),
            ("B", "messages", 1),
            ("A", "send", frame("post", text="Ten days in a row!", client_id="ada-1")),
            ("A", "messages", 3),
            ("B", "messages", 2),
            ("A", "keep", "post"),
            ("B", "send", '{"type": "cheer", "post_id": {post}, "is_on": true}'),
            ("A", "messages", 4),
            ("B", "messages", 4),
            ("B", "send", COMMENT),
            ("A", "messages", 5),
            ("B", "messages", 6),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "ada"), ("B", "ben")),
    ),
    "step06-cue": Script(
        6,
        "/ws/form/{workout}/",
        "ada (A) squats, the coach speaks, then tom (B), her trainer",
        (
            ("A", "open", "/ws/workout/1/"),
            ("A", "messages", 1),
            ("A", "send", frame("workout_start", kind="strength", client_id="ada-1")),
            ("A", "messages", 3),
            ("A", "keep", "workout"),
            ("A", "close", 1000),
            ("A", "ended"),
            ("A", "open", "/ws/form/{workout}/"),
            ("A", "messages", 1),
            ("B", "open", "/ws/form/{workout}/"),
            ("B", "messages", 1),
            ("A", "send", squatting(0)),
            ("B", "messages", 2),
            ("A", "send all", squatting(0.2), squatting(0.4)),
            ("B", "messages", 4),
            ("A", "messages", 4),
            ("B", "send", frame("cue", text="And breathe out")),
            ("B", "messages", 5),
            ("B", "close", 1000),
            ("B", "ended"),
            ("A", "close", 1000),
        ),
        people=(("A", "ada"), ("B", "tom")),
    ),
}
