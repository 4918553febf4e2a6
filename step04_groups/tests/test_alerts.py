"""Part D: alerts, told through the socket, and everything that may announce."""

import json
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from django.test import AsyncClient, Client

from tests.sockets import Closed, direct, real

PAGE = "steps/step04_groups/#d-from-other-processes"
SIX = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_memory(settings):
    """Whatever layer a .env file chose: these tests are about one process."""
    settings.CHANNEL_LAYERS = IN_MEMORY


@pytest.fixture
def classes() -> dict[str, int]:
    """Two clubs: North has yoga and spinning, South has boxing. Gives the ids."""
    from alerts.models import Club, FitnessClass

    ids = {}
    for club, names in {"North": ["yoga", "spinning"], "South": ["boxing"]}.items():
        ids[club] = (row := Club.objects.create(name=club)).pk
        for name in names:
            ids[name] = FitnessClass.objects.create(club=row, name=name, starts_at=SIX).pk
    return ids


@pytest.fixture
async def staff(django_user_model) -> AsyncClient:
    """A browser that is logged in as staff and honours CSRF."""
    user = await django_user_model.objects.acreate_user("sam", is_staff=True)
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(user)
    return client


async def post(client, text: str, level: str = "everyone"):
    """Fill in the form of the page, as a browser does: with its CSRF token."""
    token = (await client.get("/alerts/")).context["csrf_token"]
    fields = {"text": text, "level": level, "csrfmiddlewaretoken": str(token)}
    return await client.post("/alerts/announce/", fields)


class Listener:
    """A guest's socket: what was picked, and the announcements."""

    def __init__(self, socket):
        self.socket = socket

    async def hear(self) -> dict:
        return json.loads(await self.socket.receive())

    async def text(self) -> str:
        """The text of the next frame, which is an announcement."""
        frame = await self.hear()
        assert frame["type"] == "announcement", frame
        return frame["text"]

    async def ask(self, type: str, **fields) -> dict:
        await self.socket.send(json.dumps({"type": type, **fields}))
        return await self.hear()

    async def pick(self, class_id: int) -> dict:
        return await self.ask("pick_class", class_id=class_id)

    async def leave(self) -> dict:
        return await self.ask("leave_class")


@asynccontextmanager
async def listen(class_id: int | None = None):
    """A guest who is connected: in its groups when this returns."""
    async with direct(f"/ws/alerts/?class={class_id}" if class_id else "/ws/alerts/") as socket:
        listener = Listener(socket)
        first = await listener.hear()
        assert (first["type"], first["class_id"]) == ("picked", class_id)
        yield listener


# Announcing from a view


@pytest.mark.task(
    title="Announce from a view",
    hint="A sync view calls async_to_sync(get_channel_layer().group_send)(group, event); the "
    "consumer at ws/alerts/ joined that group and sends the event's text on.",
    page=PAGE,
    part="D",
)
async def test_staff_announce_to_every_open_page(staff):
    async with listen() as one, listen() as two:
        answer = await post(staff, "The sauna is open")
        assert (answer.status_code, answer["Location"]) == (302, "/alerts/")
        frame = await one.hear()
        assert frame == await two.hear()
    assert set(frame) == {"type", "text", "level", "sent_at"}
    assert (frame["text"], frame["level"]) == ("The sauna is open", "everyone")
    sent_at = datetime.fromisoformat(frame["sent_at"])
    assert sent_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=1)


async def test_a_guest_sees_the_page_and_no_form(async_client, classes):
    page = (await async_client.get("/alerts/")).content.decode()
    assert "yoga" in page
    assert "/alerts/announce/" not in page


async def test_staff_see_the_form(staff, classes):
    page = (await staff.get("/alerts/")).content.decode()
    assert 'action="/alerts/announce/"' in page
    assert f'value="club.{classes["North"]}"' in page


@pytest.mark.task(
    title="Let only staff announce, and only from our own page",
    hint="staff_member_required and require_POST on the view; the CSRF middleware does the rest.",
    page=PAGE,
    part="D",
)
async def test_who_is_not_staff_announces_nothing(staff, async_client, django_user_model):
    member = AsyncClient()
    await member.aforce_login(await django_user_model.objects.acreate_user("mia"))
    async with listen() as guest:
        for client in (async_client, member):
            answer = await client.post("/alerts/announce/", {"text": "free", "level": "everyone"})
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")
        no_token = await staff.post("/alerts/announce/", {"text": "forged", "level": "everyone"})
        assert no_token.status_code == 403
        assert (await staff.get("/alerts/announce/")).status_code == 405
        await post(staff, "from staff")
        assert await guest.text() == "from staff"


@pytest.mark.parametrize(
    ("text", "level"),
    [("", "everyone"), ("  ", "everyone"), ("x" * 501, "everyone"), ("a\0b", "everyone")]
    + [("hello", "class.999"), ("hello", "room.1"), ("hello", "")],
)
async def test_a_form_that_is_not_valid_says_so_and_announces_nothing(text, level, staff):
    async with listen() as guest:
        answer = await post(staff, text, level)
        assert answer.status_code == 422
        assert answer.context["form"].errors
        await post(staff, "x" * 500)
        assert await guest.text() == "x" * 500


async def test_a_layer_that_is_down_is_an_error_on_the_form(staff, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [settings.REDIS_URL]},
        }
    }
    answer = await post(staff, "hello")
    assert answer.status_code == 503
    assert "No connection to 127.0.0.1:1" in answer.content.decode()


# Levels


@pytest.mark.task(
    title="Reach a club, a class, or everyone",
    hint="A connection joins one group a level: everyone, club.<id> of the class it picked, and "
    "class.<id>. An announcement goes to one group.",
    page="steps/step04_groups/#several-groups",
    part="D",
)
async def test_an_announcement_reaches_all_below_its_level_and_nobody_else(staff, classes):
    async with (
        listen(classes["yoga"]) as yoga,
        listen(classes["spinning"]) as spinning,
        listen(classes["boxing"]) as boxing,
        listen() as nowhere,
    ):
        await post(staff, "for yoga", f"class.{classes['yoga']}")
        await post(staff, "for North", f"club.{classes['North']}")
        await post(staff, "for all")
        for guest, texts in {
            yoga: ["for yoga", "for North", "for all"],
            spinning: ["for North", "for all"],
            boxing: ["for all"],
            nowhere: ["for all"],
        }.items():
            assert [await guest.text() for _ in texts] == texts


async def test_a_guest_changes_class_and_leaves_the_old_groups(staff, classes):
    async with listen(classes["yoga"]) as guest:
        picked = await guest.pick(classes["boxing"])
        assert picked == {
            "type": "picked",
            "class_id": classes["boxing"],
            "name": "boxing",
            "club": "South",
        }
        await post(staff, "for yoga", f"class.{classes['yoga']}")
        await post(staff, "for North", f"club.{classes['North']}")
        await post(staff, "for boxing", f"class.{classes['boxing']}")
        assert await guest.text() == "for boxing"
        assert (await guest.leave())["class_id"] is None
        await post(staff, "for South", f"club.{classes['South']}")
        await post(staff, "for all")
        assert await guest.text() == "for all"


async def test_changing_within_a_club_never_leaves_the_club(classes, monkeypatch):
    async with listen(classes["yoga"]) as guest:
        left = []
        layer, discard = get_channel_layer(), get_channel_layer().group_discard

        async def watch(group, channel):
            left.append(group)
            await discard(group, channel)

        monkeypatch.setattr(layer, "group_discard", watch)
        await guest.pick(classes["spinning"])
        assert left == [f"class.{classes['yoga']}"]


async def test_a_guest_who_left_is_in_no_group(classes):
    async with listen(classes["yoga"]):
        assert len(get_channel_layer().groups) == 3
    assert get_channel_layer().groups == {}


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [("?class=999", 4404, "no such class"), ("?class=0", 4404, "no such class")]
    + [(f"?class={bad}", 4400, "a whole number") for bad in ("", "yoga", "-1", "1.5", "9" * 19)],
)
async def test_a_class_that_is_not_there_is_refused_in_words(query, code, reason):
    async with direct(f"/ws/alerts/{query}") as socket:
        closing = json.loads(await socket.receive())
        assert (closing["type"], closing["code"]) == ("closing", code)
        assert reason in closing["reason"]
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == code


async def test_picking_a_class_that_is_not_there_changes_nothing(staff, classes):
    async with listen(classes["yoga"]) as guest:
        answer = await guest.pick(999)
        assert (answer["type"], answer["code"]) == ("error", "no_such_class")
        await post(staff, "for yoga", f"class.{classes['yoga']}")
        assert await guest.text() == "for yoga"


BAD = {
    "not JSON": "hi",
    "empty": "",
    "binary": b'{"type": "pick_class", "class_id": 1}',
    "an array": "[1]",
    "no type": '{"class_id": 1}',
    "an unknown type": '{"type": "announcement", "text": "forged"}',
    "a missing field": '{"type": "pick_class"}',
    "a string": '{"type": "pick_class", "class_id": "1"}',
    "a float": '{"type": "pick_class", "class_id": 1.5}',
    "true": '{"type": "pick_class", "class_id": true}',
    "NaN": '{"type": "pick_class", "class_id": NaN}',
    "null": '{"type": "pick_class", "class_id": null}',
    "zero": '{"type": "pick_class", "class_id": 0}',
    "more than 64 bits": '{"type": "pick_class", "class_id": 9223372036854775808}',
    "5,000 digits": '{"type": "pick_class", "class_id": %s}' % ("9" * 5000),
    "a lone surrogate": r'{"type": "\ud800"}',
    "a NUL": r'{"type": "\u0000"}',
    "deep nesting": '{"type": "pick_class", "class_id": %s}' % ("[" * 100_000),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_frame_gets_an_error_and_the_socket_stays_open(name):
    async with listen() as guest:
        await guest.socket.send(BAD[name])
        answer = await guest.hear()
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert answer["detail"]
        assert (await guest.leave())["type"] == "picked"


# One wrong message type


OTHERS = ["joined", "scope", "query", "connect", "reply"]  # of the consumer, and no handlers
TYPES = ["no_such_handler", "_private", None, *OTHERS]
MISTAKES = [{"text": "no type"}, *({"type": type} for type in TYPES)]


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_group_message_nobody_handles_closes_nobody(mistake, caplog):
    from alerts.services import aannounce

    async with listen() as one, listen() as two:
        await get_channel_layer().group_send("everyone", mistake)
        await aannounce("still here")
        assert (await one.text(), await two.text()) == ("still here", "still here")
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


# --8<-- [start:guard]
@pytest.mark.parametrize("guarded", [True, False])
async def test_without_the_guard_one_mistake_closes_every_member(guarded, daphne):
    server = daphne(application="tests.unguarded:application")
    path = server.url("/ws/guarded/" if guarded else "/ws/unguarded/", "ws")
    async with real(path) as one, real(path) as two, real(server.url("/ws/send/", "ws")) as sender:
        members = [Listener(one), Listener(two)]
        assert [(await member.hear())["type"] for member in members] == ["picked", "picked"]
        await sender.send('{"type": "no_such_handler"}')
        await sender.send('{"type": "announcement", "text": "still here"}')
        for member in members:
            if guarded:
                assert await member.socket.receive() == "still here"
            else:
                with pytest.raises(Closed) as closed:
                    await member.hear()
                assert closed.value.code == 1011


# --8<-- [end:guard]


# From sync and from async code


async def test_from_async_code_announce_is_awaited_or_run_in_a_thread():
    from alerts.services import aannounce, announce

    async with listen() as guest:
        with pytest.raises(RuntimeError, match="You cannot use AsyncToSync in the same thread"):
            announce("from the loop's own thread")
        await aannounce("awaited")
        await sync_to_async(announce)("in a thread")
        assert [await guest.text(), await guest.text()] == ["awaited", "in a thread"]


@pytest.mark.parametrize("text", ["", " \n", "x" * 501, "a\0b", "\ud800"])
def test_a_text_that_is_not_valid_is_not_announced(text):
    from alerts.services import announce

    with pytest.raises(ValidationError):
        announce(text)


# From a command


@pytest.mark.task(
    title="Refuse to announce to nobody",
    hint="manage.py announce is a process of its own. If get_channel_layer() is an "
    "InMemoryChannelLayer, raise CommandError and name REDIS_URL.",
    page=PAGE,
    part="D",
)
def test_the_command_refuses_an_in_memory_layer():
    with pytest.raises(CommandError, match="this process only.* REDIS_URL"):
        call_command("announce", "hello")


def test_the_command_says_what_does_not_exist():
    with pytest.raises(CommandError, match="no club 9"):
        call_command("announce", "hello", "--club", "9")
    with pytest.raises(CommandError, match="no fitness class 9"):
        call_command("announce", "hello", "--class", "9")
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("announce", "hello", "--club", "9", "--class", "9")


def test_check_channels_measures_the_in_memory_layer(capsys):
    call_command("check_channels")
    out = capsys.readouterr().out
    assert "InMemoryChannelLayer: channel " in out
    assert "this process only" in out


@pytest.fixture
def silent():
    """The address of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.parametrize("backend", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://127.0.0.1:1/0", "No connection to 127.0.0.1:1. Is Redis running there?"),
        ("silent", "No answer in time from 127.0.0.1:"),
        ("redis://no-such-host.invalid/0", "The host name no-such-host.invalid in REDIS_URL is"),
        ("redis://:s3cr/et@127.0.0.1/0", "REDIS_URL cannot be read."),
        ("http://127.0.0.1/0", "REDIS_URL cannot be read."),
    ],
)
def test_check_channels_says_what_is_wrong(url, says, backend, settings, request):
    url = request.getfixturevalue("silent") if url == "silent" else url
    settings.REDIS_URL = url
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": f"channels_redis.{backend}", "CONFIG": {"hosts": [url]}}
    }
    with pytest.raises(CommandError) as failure:
        call_command("check_channels", "--timeout", "0.5")
    assert str(failure.value).startswith(f"{backend.partition('.')[2]}: {says}")
    assert "s3cr" not in str(failure.value)


# From a signal


async def move(class_id: int, **changes) -> None:
    from alerts.models import FitnessClass

    row = await FitnessClass.objects.aget(pk=class_id)
    for name, value in changes.items():
        setattr(row, name, value)
    await row.asave()


@pytest.mark.task(
    title="Tell a class that it has moved, after the commit",
    hint="pre_save keeps the stored starts_at; post_save hands transaction.on_commit what compares "
    "it with the new one, and announces.",
    page="steps/step04_groups/#a-signal",
    part="D",
)
async def test_a_class_that_moves_tells_those_who_picked_it(classes):
    async with listen(classes["yoga"]) as yoga, listen(classes["boxing"]) as boxing:
        await move(classes["yoga"], name="hot yoga")  # no new time: no alert
        await move(classes["yoga"], starts_at=SIX + timedelta(hours=1))
        assert await yoga.text() == "hot yoga has moved. It starts at 05 Jan 2026 19:00 UTC."
        await move(classes["boxing"], starts_at=SIX + timedelta(hours=2))
        assert "20:00" in await boxing.text()


@pytest.mark.parametrize("new", ["2026-01-05T19:00Z", F("starts_at") + timedelta(hours=1)])
async def test_a_time_that_is_a_text_or_an_expression_is_told_as_it_is_stored(classes, new):
    async with listen(classes["yoga"]) as yoga:
        await move(classes["yoga"], starts_at="2026-01-05T18:00Z")  # as before: no alert
        await move(classes["yoga"], starts_at=new)
        assert await yoga.text() == "yoga has moved. It starts at 05 Jan 2026 19:00 UTC."


async def test_nothing_is_sent_before_the_commit_nor_on_a_rollback(classes):
    from alerts.models import FitnessClass
    from alerts.services import announce

    def roll_back():
        with transaction.atomic():
            row = FitnessClass.objects.get(pk=classes["yoga"])
            row.starts_at = SIX + timedelta(hours=1)
            row.save()
            transaction.set_rollback(True)

    def commit():
        with transaction.atomic():
            row = FitnessClass.objects.get(pk=classes["yoga"])
            row.starts_at = SIX + timedelta(hours=2)
            row.save()
            announce("before the commit")

    async with listen(classes["yoga"]) as guest:
        await sync_to_async(roll_back)()
        await sync_to_async(commit)()
        assert await guest.text() == "before the commit"
        assert "20:00" in await guest.text()


@pytest.mark.parametrize(
    "hours, told", [((1,), ["19:00"]), ((1, 0), ["18:00"]), ((1, 2), ["20:00", "20:00"])]
)
async def test_several_saves_in_one_transaction_are_told_one_by_one(classes, hours, told):
    """A limit that the page names: also where nobody ever saw the time between."""
    from alerts.models import FitnessClass
    from alerts.services import aannounce

    def save_each():
        row = FitnessClass.objects.get(pk=classes["yoga"])
        with transaction.atomic():
            for hour in hours:
                row.starts_at = SIX + timedelta(hours=hour)
                row.save()

    async with listen(classes["yoga"]) as guest:
        await sync_to_async(save_each)()
        await aannounce("that is all")
        for text in [*told, "that is all"]:
            assert text in await guest.text()


# --8<-- [start:bulk]
async def test_bulk_operations_send_nothing(classes):
    from alerts.models import FitnessClass

    later, yoga = SIX + timedelta(hours=1), FitnessClass.objects.filter(pk=classes["yoga"])
    async with listen(classes["yoga"]) as guest:
        await yoga.aupdate(starts_at=later)
        row = await yoga.aget()
        row.starts_at = SIX
        await FitnessClass.objects.abulk_update([row], ["starts_at"])
        new = FitnessClass(club_id=classes["North"], name="pilates", starts_at=SIX)
        await FitnessClass.objects.abulk_create([new])
        row.starts_at = later
        await FitnessClass.objects.abulk_create(
            [row], update_conflicts=True, unique_fields=["id"], update_fields=["starts_at"]
        )
        # update_or_create saves each row by itself, so it does send.
        again = {"starts_at": later + timedelta(hours=1)}
        await FitnessClass.objects.aupdate_or_create(pk=classes["yoga"], defaults=again)
        assert "20:00" in await guest.text()


# --8<-- [end:bulk]


async def test_a_time_that_is_not_written_is_not_announced(classes):
    from alerts.models import FitnessClass
    from alerts.services import aannounce

    async with listen(classes["yoga"]) as guest:
        row = await FitnessClass.objects.aget(pk=classes["yoga"])
        row.starts_at = SIX + timedelta(hours=1)
        await row.asave(update_fields=["name"])
        await aannounce("next")
        assert await guest.text() == "next"


def test_a_class_is_saved_even_while_the_layer_is_down(classes, monkeypatch, caplog):
    from alerts.models import FitnessClass

    async def down(group, event):
        raise ConnectionError("the layer is down")

    monkeypatch.setattr(get_channel_layer(), "group_send", down)
    row = FitnessClass.objects.get(pk=classes["yoga"])
    row.starts_at = SIX + timedelta(hours=1)
    row.save()
    assert FitnessClass.objects.get(pk=classes["yoga"]).starts_at == row.starts_at
    assert "the layer is down" in caplog.text


# The admin


def test_the_admin_finds_and_filters_classes(classes, admin_client: Client):
    found = admin_client.get(f"/admin/alerts/fitnessclass/?q=yo&club__id__exact={classes['North']}")
    assert [row.name for row in found.context["cl"].result_list] == ["yoga"]
    found = admin_client.get("/admin/alerts/club/?q=sou")
    assert [row.name for row in found.context["cl"].result_list] == ["South"]
