"""Everybody at every door: each message and each request, by each kind of person; and both ways.

What is expected stands in matrix.md: `yes` is answered, `own` too, with one's own only, `none` has
nothing of the owner's, `dropped` no effect; the others are the code of an `error` frame or of the
close. One table for all, which the docs show. A new message or path without a row in it fails here.
"""

import asyncio
import re
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import get_args
from unittest.mock import patch

import httpx
import pytest
from django.contrib.auth.models import User
from django.db.models import BooleanField, Value
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from challenges import api as challenges_api
from challenges.models import Challenge
from chat import services as chat
from chat.models import Conversation
from config.routing import websocket_urlpatterns
from feed.models import Post
from form.consumers import FormConsumer
from notifications.models import Notification
from people.models import Block, Privacy
from people.relations import MAY_SEE, Relation
from tests.attacks import inside, scenes
from tests.attacks.test_tokens import let_in_nobody
from tests.poses import body
from workouts.consumers import WorkoutConsumer
from workouts.models import Workout

PEOPLE = ["not logged in", "stranger", "friend", "blocked", "trainer", "owner"]
SOON = 5  # seconds, of the 60 after which everybody is looked at anyway


def table(section: str) -> list[list[str]]:
    """The cells of each row of a table in matrix.md."""
    text = (Path(__file__).parent / "matrix.md").read_text(encoding="utf-8")
    part = text.split(f"[start:{section}]")[1].split("[end:")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines()[3:]]
    return [row for row in rows if row]


SOCKETS = {
    (place, message): dict(zip(PEOPLE, cells, strict=True))
    for place, messages, *cells in table("sockets")
    for message in messages.split(", ")
}
HTTP = {row[0]: dict(zip(PEOPLE, row[1:], strict=True)) for row in table("http")}

# What is sent of each type, and the answer if it is taken; None: there is none.
SENT = {
    "ping": ({}, {"pong"}),
    "typing": ({"is_typing": True}, None),
    "seen": ({"frames": 1}, None),
    "history": ({"before": 2**62}, {"chat_history", "notifications", "feed"}),
    "mark": ({"numbers": [1], "is_read": True}, {"marked"}),
    "mark_all_read": ({"up_to": 1}, {"marked"}),
    "read": ({"up_to": 2}, {"read"}),
    "chat_message": ({"message": "hello"}, {"ack"}),
    "workout_start": ({"kind": "running", "client_id": "c-1"}, {"ack"}),
    "workout_pause": ({}, {"workout_state"}),
    "workout_resume": ({}, {"workout_state"}),
    "workout_finish": ({}, {"workout_finished"}),
    "workout_update": ({"time": 1, "heart_rate": 100}, {"workout_update"}),
    "workout_update (set)": (
        {"exercise": "squat", "sets": 1, "reps": 5, "weight": 60, "client_id": "c-2"},
        {"ack"},
    ),
    "challenge_join": ({"client_id": "c-3"}, {"ack"}),
    "challenge_leave": ({"client_id": "c-4"}, {"ack"}),
    "progress_update": ({"value": 5, "client_id": "c-5"}, {"ack"}),
    "post": ({"text": "hello", "client_id": "c-6"}, {"ack"}),
    "post (the owner's workout)": (
        {"text": "hello", "client_id": "c-6", "workout_id": "WORKOUT"},
        {"ack"},
    ),
    "cheer": ({"post_id": "POST", "is_on": True}, {"cheered"}),
    "comment": ({"post_id": "POST", "text": "hello", "client_id": "c-7"}, {"ack"}),
    "pose": ({"time": 1, "points": body()}, {"form_update"}),
    "cue": ({"text": "deeper"}, {"form_cue"}),
}
MARK = "mark my words"  # no token: the error that answers it ends a test's waiting


async def talk(target, scene: dict, message: str, name: str) -> str:
    """What comes of a message by somebody: a word of the table."""
    token = scene["tokens"].get(name)
    fields, taken = SENT.get(message, ({"token": token or MARK}, {"authenticated"}))
    fields = {
        key: scene[value] if value in ("POST", "WORKOUT") else value
        for key, value in fields.items()
    }
    path = scene["paths"][name]
    async with target.socket(path, *([f"bearer.{token}"] if token else [])) as socket:
        if message == "typing" and token:
            return await type_to(target, scene, name, socket)
        if token and (first := await socket.hear())["type"] == "closing":
            return str(first["code"])
        await socket.say(message.split(" ")[0], **fields)
        if token and taken is None:
            await socket.say("authenticate", token=MARK)
        return await outcome(socket, taken)


async def outcome(socket, taken: set[str] | None) -> str:
    async with asyncio.timeout(SOON):
        while True:
            match await socket.hear():
                case {"type": "closing", "code": code}:
                    return str(code)
                case {"type": "error", "code": "not_authenticated"} if taken is None:
                    return "yes"
                case {"type": "error", "code": code}:
                    return code
                case {"type": "feed", "posts": []} if taken:
                    return "none"
                case {"type": type} if taken and type in taken:
                    return "yes"


async def type_to(target, scene: dict, name: str, socket) -> str:
    """Typing has no answer: the other side is asked whether it was told."""
    first = await socket.hear()
    if first["type"] == "closing":
        return str(first["code"])
    other = "another" if name == "owner" else "owner"
    async with target.socket(scene["paths"][name], f"bearer.{scene['tokens'][other]}") as listener:
        await listener.hear()
        await socket.say("typing", is_typing=True)
        await socket.say("authenticate", token=MARK)
        await socket.get("error")
        await listener.say("authenticate", token=MARK)
        frames = await listener.until("error")
        return "yes" if "typing" in [frame["type"] for frame in frames] else "dropped"


# The table


@pytest.mark.parametrize(("place", "message"), SOCKETS)
async def test_each_message_by_each_person(target, place, message):
    """And where it is not for them, nothing that is the owner's is another for it."""
    scene = target.call(scenes.scene, place, message)
    found, known = {}, None
    for name, expected in SOCKETS[place, message].items():
        known = known or target.call(scenes.rows, scene["owner"])
        found[name] = await talk(target, scene, message, name)
        if expected != "yes" and name != "owner":
            assert target.call(scenes.rows, scene["owner"]) == known, name
        else:
            known = None
    cells = SOCKETS[place, message].items()
    assert found == {name: "yes" if cell == "own" else cell for name, cell in cells}


def test_the_table_has_a_row_for_each_message_of_each_socket():
    listed = {(place.split(":")[0], message.split(" ")[0]) for place, message in SOCKETS}
    listed = {(place.split(" ")[0], message) for place, message in listed}
    taken = {
        (route_name(route), struct.__struct_config__.tag)
        for route in websocket_urlpatterns
        for struct in get_args(route.callback.consumer_class.messages.Incoming)
    }
    assert listed == taken
    for place in {place for place, _ in SOCKETS}:  # and each way to be there has all of them
        messages = {message.split(" ")[0] for there, message in SOCKETS if there == place}
        assert messages == {message for there, message in taken if place.startswith(there)}


def route_name(route) -> str:
    """`chat`, of any way to write /ws/chat/…/."""
    return re.search(r"ws/(\w+)/", str(route.pattern))[1]


# Requests


def requests() -> set[str]:
    """`METHOD /path/` of every view under /api/, as the table names them."""
    return {
        f"{method.upper()} /{path}"
        for path, view in paths(get_resolver())
        if path.startswith("api/")
        for method in view.cls.http_method_names
        if hasattr(view.cls, method) and method not in ("head", "options", "trace")
    }


def paths(resolver, before: str = ""):
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from paths(pattern, path)
        else:
            yield named(path), pattern.callback


PARTS = {"username": "USERNAME", "conversation_id": "CONVERSATION", "challenge_id": "CHALLENGE"}
PARTS |= {"pk": "WORKOUT", "post_id": "POST"}


def named(path: str) -> str:
    """A pattern with the table's words in the place of its arguments."""
    path = path.replace("^", "").replace("$", "")
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", path)
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PARTS.get(found[1], found[1]), path)


def test_the_table_has_a_row_for_each_request():
    assert set(HTTP) == requests()


def body_of(request: str, scene: dict) -> dict:
    """What a request carries, where an empty one would say little."""
    tomorrow = timezone.now() + timedelta(days=1)
    return {
        "POST /api/token/": {"json": {"username": scene["USERNAME"], "password": "a guess"}},
        "POST /api/token/refresh/": {"json": {"refresh": "a guess"}},
        "DELETE /api/me/": {"json": {"password": "a guess"}},
        "GET /api/people/": {"params": {"search": scene["USERNAME"]}},
        "POST /api/posts/": {"json": {"text": "hello"}},
        "POST /api/posts/POST/comments/": {"json": {"text": "hello"}},
        "POST /api/conversations/": {"json": {"username": scene["USERNAME"]}},
        "POST /api/notifications/marks/": {"json": {"up_to": 1}},
        "GET /api/workouts/": {"params": {"user": scene["USERNAME"]}},
        "POST /api/challenges/": {
            "json": {"name": "One", "metric": "distance_m", "ends_at": str(tomorrow)}
        },
        "PATCH /api/workouts/WORKOUT/": {"json": {"privacy": "private"}},
    }.get(request, {})


def client_of(target, headers: dict) -> httpx.AsyncClient:
    """No TLS here: to read the certificates for it would take longer than to ask."""
    return httpx.AsyncClient(base_url=target.url(""), headers=headers, verify=False)


async def ask(target, scene: dict, request: str, name: str) -> str:
    """The status of an answer, and whether it is an empty list."""
    method, path = request.split()
    for word in PARTS.values():
        path = path.replace(word, str(scene[word]))
    token = scene["tokens"].get(name)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client_of(target, headers) as client:
        answer = await client.request(method, path, **body_of(request, scene))
    is_json = answer.headers.get("content-type") == "application/json"
    content = answer.json() if is_json else None
    lists = content if isinstance(content, dict) else {}
    is_none = content == [] or lists.get("count") == 0 or lists.get("posts") == []
    return f"{answer.status_code}{', none' if is_none else ''}"


@pytest.mark.parametrize("request_", HTTP)
async def test_each_request_by_each_person(target, request_):
    scene = target.call(scenes.everything)
    found, known = {}, None
    for name, expected in HTTP[request_].items():
        known = known or target.call(scenes.rows, scene["USERNAME"])
        found[name] = await ask(target, scene, request_, name)
        if int(expected[:3]) >= 300:
            assert target.call(scenes.rows, scene["USERNAME"]) == known, name
        else:
            known = None
    assert found == HTTP[request_]


# Without their defence


def no_permit_to_watch():
    def permit(self):
        self.owner = User.objects.get(pk=self.scope["url_route"]["kwargs"]["user_id"])
        self.workout = Workout.objects.filter(owner=self.owner).first()
        self.seen = self.workout.pk

    return patch.object(WorkoutConsumer, "permit", permit)


def no_permit_to_look():
    def permit(self):
        asked = self.scope["url_route"]["kwargs"]["workout_id"]
        self.workout = Workout.objects.select_related("owner").get(pk=asked)
        self.role = "watcher"

    return patch.object(FormConsumer, "permit", permit)


def all_conversations():
    linked = Value(True, output_field=BooleanField())
    found = Conversation.objects.annotate(is_linked=linked)
    return patch("chat.services.of", lambda user: found)


def everybody_writes():
    """services.stored, without asking whether the sender is one of the two."""
    asked = chat.stored

    def stored(said, conversation, known, made):
        first, conversation.first_id = conversation.first_id, said[1].pk
        try:
            return asked(said, conversation, known, made)
        finally:
            conversation.first_id = first

    return inside.all_of(all_conversations(), patch("chat.services.stored", stored))


def all_challenges():
    return patch("challenges.services.visible_to", lambda user: Challenge.objects.all())


def everybody_talks():
    linked = Value(True, output_field=BooleanField())
    return inside.all_of(
        patch("chat.services.linked", lambda *pair: linked),
        patch("chat.services.may_talk", return_value=True),
    )


def everybody_sees():
    return patch.dict(MAY_SEE, dict.fromkeys(Relation, {*Privacy}))


def no_blocks():
    apps = ("chat", "people", "workouts", "feed", "challenges", "notifications")
    none = [f"{app}.services.blocks" for app in apps]
    return inside.all_of(
        patch("people.relations.is_blocked", return_value=False),
        patch("people.services.is_blocked", return_value=False),
        *(patch(name, lambda *pair: Block.objects.none()) for name in none),
    )


def nothing_is_hidden():
    return inside.all_of(everybody_sees(), no_blocks())


def everybody_sends():
    """The owner's check of who sends is gone."""
    handle = WorkoutConsumer.handle

    async def careless(self, message):
        self.owner = self.user
        await handle(self, message)

    return patch.object(WorkoutConsumer, "handle", careless)


def everybody_is(role: str):
    return patch("form.services.ROLES", dict.fromkeys(Relation, role))


def everybody_takes_part():
    from challenges.services import progress

    def careless(challenge_id, user, value, client_id):
        challenge = Challenge.objects.get(pk=challenge_id)
        challenge.participants.get_or_create(user=user, defaults={"reached": 1})
        return progress(challenge_id, user, value, client_id)

    return patch("challenges.services.progress", careless)


def everybody_ends():
    post = challenges_api.Change.post

    def careless(self, request, challenge_id):
        request.user = Challenge.objects.get(pk=challenge_id).made_by
        return post(self, request, challenge_id)

    return patch.object(challenges_api.Change, "post", careless)


def everybodys_workouts():
    return patch("workouts.api.reachable", lambda request: Workout.objects.all())


def no_log_in():
    return patch("rest_framework.permissions.IsAuthenticated.has_permission", return_value=True)


def everybodys_posts():
    return patch("feed.services.visible_to", lambda viewer: Post.objects.all())


WITHOUT = [
    (let_in_nobody, (), "notifications", "history", "not logged in", "yes"),
    (everybody_writes, (), "chat of the owner with another", "chat_message", "stranger", "yes"),
    (all_conversations, (), "chat of the owner with another", "history", "trainer", "yes"),
    (everybody_talks, (), "chat with the owner", "chat_message", "stranger", "yes"),
    (everybody_talks, (), "chat with the owner", "typing", "stranger", "yes"),
    (no_blocks, (), "chat with the owner", "history", "blocked", "yes"),
    (no_permit_to_watch, (), "workout: friends", "authenticate", "stranger", "yes"),
    (no_permit_to_watch, (), "workout: private", "authenticate", "trainer", "yes"),
    (everybody_sees, (), "workout: trainer", "authenticate", "friend", "yes"),
    (no_blocks, (), "workout: public", "authenticate", "blocked", "yes"),
    (everybody_sends, (), "workout: friends", "workout_update", "friend", "yes"),
    (everybody_sends, (), "workout: public", "workout_start", "stranger", "yes"),
    (no_permit_to_look, (), "form: friends", "authenticate", "stranger", "yes"),
    (everybody_sees, (), "form: private", "authenticate", "trainer", "yes"),
    (no_blocks, (), "form: public", "authenticate", "blocked", "yes"),
    (everybody_is, ("owner",), "form: friends", "pose", "friend", "yes"),
    (everybody_is, ("trainer",), "form: friends", "cue", "friend", "yes"),
    (all_challenges, (), "challenge: friends", "challenge_join", "stranger", "yes"),
    (all_challenges, (), "challenge: public", "authenticate", "blocked", "yes"),
    (everybodys_posts, (), "social", "history", "trainer", "yes"),
    (everybodys_posts, (), "social", "comment", "stranger", "yes"),
    (everybodys_posts, (), "social", "cheer", "blocked", "yes"),
    (everybody_takes_part, (), "challenge: public", "progress_update", "stranger", "yes"),
]


def name_of(value) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(
    ("removal", "args", "place", "message", "name", "then"), WITHOUT, ids=name_of
)
async def test_without_its_defence_a_cell_is_another(
    target, removal, args, place, message, name, then
):
    scene = target.call(scenes.scene, place, message)
    assert await talk(target, scene, message, name) == SOCKETS[place, message][name]
    with target.without(removal, *args):
        assert await talk(target, scene, message, name) == then


def everybodys_bell():
    """Numbers without whose they are."""
    from notifications.services import mark

    def careless(user_id, is_read, **which):
        Notification.objects.filter(number__in=which["numbers"]).update(read_at=timezone.now())
        return mark(user_id, is_read, **which)

    return patch("notifications.services.mark", careless)


async def test_what_is_ones_own_is_only_by_the_log_in(target):
    scene = target.call(scenes.scene, "notifications", "mark")
    for removal in (None, everybodys_bell):
        before = target.call(scenes.rows, scene["owner"])
        with target.without(removal) if removal else nullcontext():
            assert await talk(target, scene, "mark", "friend") == "yes"
        is_same = target.call(scenes.rows, scene["owner"]) == before
        assert is_same == (removal is None)


WITHOUT_HTTP = [
    (no_log_in, "GET /api/schema/", "not logged in", "200"),
    (no_blocks, "GET /api/people/USERNAME/", "blocked", "200"),
    (no_blocks, "POST /api/friends/USERNAME/", "blocked", "200"),
    (everybody_talks, "POST /api/conversations/", "stranger", "200"),
    (all_conversations, "GET /api/conversations/CONVERSATION/messages/", "friend", "200"),
    (everybody_sees, "GET /api/workouts/WORKOUT/", "stranger", "200"),
    (everybody_sees, "GET /api/workouts/WORKOUT/", "blocked", "404"),
    (nothing_is_hidden, "GET /api/workouts/WORKOUT/", "blocked", "200"),
    (nothing_is_hidden, "GET /api/workouts/WORKOUT/samples/", "blocked", "200"),
    (everybodys_workouts, "PATCH /api/workouts/WORKOUT/", "friend", "200"),
    (all_challenges, "GET /api/challenges/CHALLENGE/", "stranger", "200"),
    (everybodys_posts, "GET /api/posts/", "stranger", "200"),
    (everybodys_posts, "PUT /api/posts/POST/cheer/", "blocked", "200"),
    (everybody_ends, "POST /api/challenges/CHALLENGE/end/", "friend", "200"),
]


@pytest.mark.parametrize(("removal", "request_", "name", "then"), WITHOUT_HTTP, ids=name_of)
async def test_without_its_defence_an_answer_is_another(target, removal, request_, name, then):
    scene = target.call(scenes.everything)
    assert await ask(target, scene, request_, name) == HTTP[request_][name]
    with target.without(removal):
        assert await ask(target, scene, request_, name) == then


# A right that ends while the socket is open


def nobody_is_told_of_it():
    modules = ["accounts", "people", "workouts"]
    return inside.all_of(*(patch(f"{module}.services.tell_group") for module in modules))


BLOCK = ("POST", "/api/blocks/NAME/", None)
UNFRIEND = ("DELETE", "/api/friends/NAME/", None)
NO_TRAINER = ("PATCH", "/api/me/", {"trainer": None})
PRIVATE_PROFILE = ("PATCH", "/api/me/", {"privacy": "private"})
PRIVATE_WORKOUT = ("PATCH", "/api/workouts/WORKOUT/", {"privacy": "private"})
NO_WORKOUT = ("DELETE", "/api/workouts/WORKOUT/", None)
ENDS = [
    ("chat", "friend", BLOCK),
    ("chat", "trainer", BLOCK),
    *(("workout: nothing runs", "friend", end) for end in (BLOCK, UNFRIEND, PRIVATE_PROFILE)),
    *(("workout: nothing runs", "trainer", end) for end in (BLOCK, NO_TRAINER, PRIVATE_PROFILE)),
    *(("workout", "friend", end) for end in (BLOCK, UNFRIEND, PRIVATE_WORKOUT)),
    *(("workout", "trainer", end) for end in (BLOCK, NO_TRAINER, PRIVATE_WORKOUT)),
    *(("form", "friend", end) for end in (BLOCK, UNFRIEND, PRIVATE_WORKOUT, NO_WORKOUT)),
    *(("form", "trainer", end) for end in (BLOCK, NO_TRAINER, PRIVATE_WORKOUT, NO_WORKOUT)),
    *(("challenge", "friend", end) for end in (BLOCK, UNFRIEND)),
]


async def after(target, place: str, name: str, end: tuple, expect) -> str:
    """What comes of somebody's open socket when the owner has done that."""
    there = target.call(scenes.together, place, name)
    method, path, fields = end
    path = path.replace("NAME", there["name"]).replace("WORKOUT", str(there["WORKOUT"]))
    headers = {"Authorization": f"Bearer {there['tokens']['owner']}"}
    async with target.socket(there["path"], f"bearer.{there['tokens']['one']}") as socket:
        assert (await socket.hear())["type"] != "closing"
        async with client_of(target, headers) as owner:
            done = await owner.request(method, path, json=fields)
        assert done.is_success, done.text
        return await expect(socket)


async def the_end(socket) -> str:
    return await outcome(socket, set())


async def an_answer(socket) -> str:
    await socket.say("authenticate", token=MARK)
    return await outcome(socket, None)


@pytest.mark.parametrize(("place", "name", "end"), ENDS)
async def test_whose_right_ends_is_put_out_at_once(target, place, name, end):
    """Long before the look that everybody is due."""
    assert await after(target, place, name, end, the_end) == "4403"
    with target.without(nobody_is_told_of_it):
        assert await after(target, place, name, end, an_answer) == "yes"


@pytest.mark.parametrize("end", [BLOCK, UNFRIEND])
async def test_who_is_no_friend_any_more_is_told_of_no_post(target, end):
    """Nobody is put out of their own feed."""

    async def told(socket) -> list[str]:
        headers = {"Authorization": f"Bearer {there['tokens']['owner']}"}
        async with client_of(target, headers) as owner:
            await owner.request(end[0], end[1].replace("NAME", there["name"]))
            made = await owner.post("/api/posts/", json={"text": "not for you"})
            assert made.status_code == 201
        await socket.say("authenticate", token=MARK)
        return [frame["type"] for frame in await socket.until("error")]

    for removal in (None, nobody_is_told_of_it):
        there = target.call(scenes.together, "social", "friend")
        with target.without(removal) if removal else nullcontext():
            async with target.socket(there["path"], f"bearer.{there['tokens']['one']}") as socket:
                assert (await socket.hear())["type"] == "feed"
                assert ("post_created" in await told(socket)) == (removal is not None)
