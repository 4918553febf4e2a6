"""Alerts: who hears what, for how long, and who may send."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import AsyncClient, Client

from tests.people import Person, browser_of, knock, visit

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
NOT_ALLOWED = {
    "type": "error",
    "code": "not_allowed",
    "detail": "there is no such group for you",
}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def one_process(settings):
    """Whatever layer a .env file chose: these tests are about one process."""
    settings.CHANNEL_LAYERS = IN_MEMORY


class World:
    """ada is in the team, ben is in another one, sam is staff and in none."""

    def __init__(self, people: dict[str, User]):
        from alerts.models import Team

        self.ada, self.ben, self.sam = (people[name] for name in ("ada", "ben", "sam"))
        self.team, self.other = (Team.objects.create(name=name) for name in ("Coaches", "Cleaners"))
        self.team.members.add(self.ada)
        self.other.members.add(self.ben)
        self.names = {  # on the wire
            "person": f"person.{self.ada.pk}",
            "team": f"team.{self.team.pk}",
            "staff": "staff",
        }

    def own(self, who: str) -> str:
        return f"person.{getattr(self, who).pk}"


@pytest.fixture
def world(people) -> World:
    return World(people)


class Listener:
    """Somebody's socket at the alerts."""

    def __init__(self, person: Person):
        self.person, self.hear = person, person.hear

    async def ask(self, type: str, **fields) -> dict:
        await self.person.say(type, **fields)
        return await self.hear()

    async def groups(self, type: str, group: str) -> list[str]:
        """The groups after subscribing or unsubscribing, which is allowed."""
        answer = await self.ask(type, group=group)
        assert answer["type"] == "subscribed", answer
        return answer["groups"]

    async def text(self) -> str:
        """The text of the next frame, which is an alert."""
        frame = await self.hear()
        assert frame["type"] == "alert", frame
        return frame["text"]


@asynccontextmanager
async def listen(user: User, *groups: str):
    """Somebody connected, in these groups besides their own when this returns."""
    async with visit("/ws/alerts/", user.username) as person:
        listener = Listener(person)
        assert await listener.hear() == {"type": "subscribed", "groups": [f"person.{user.pk}"]}
        for group in groups:
            assert group in await listener.groups("subscribe", group)
        yield listener


async def browser(user: User) -> AsyncClient:
    """Where somebody is logged in; it honours CSRF."""
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(user)
    return client


async def send(group: str, text: str, by: User) -> None:
    from alerts.services import aannounce

    await aannounce(f"alerts.{group}", text, by)


async def post(client: AsyncClient, text: str, group: str, **fields):
    """Fill in the form of the page, as a browser does: with its CSRF token."""
    token = (await client.get("/alerts/")).context["csrf_token"]
    fields |= {"text": text, "group": f"alerts.{group}", "csrfmiddlewaretoken": str(token)}
    return await client.post("/alerts/announce/", fields)


# Who hears what: person is ada's own group, team is ada's team


WHO, GROUPS = ["ada", "ben", "sam"], ["person", "team", "staff"]
HEARS = {("ada", "person"), ("ada", "team"), ("sam", "staff")}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("who", WHO)
async def test_who_may_subscribe_and_then_hears(who, group, world):
    may, name = (who, group) in HEARS, world.names[group]
    async with listen(getattr(world, who)) as listener:
        answer = await listener.ask("subscribe", group=name)
        if may:
            assert answer == {"type": "subscribed", "groups": sorted({world.own(who), name})}
        else:
            assert answer == NOT_ALLOWED
            assert f"alerts.{name}" not in get_channel_layer().groups
        await send(name, "for the group", world.sam)
        await send(world.own(who), "the last", world.sam)
        expected = ["for the group", "the last"] if may else ["the last"]
        assert [await listener.text() for _ in expected] == expected


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("who", WHO)
async def test_who_only_connects_hears_what_is_for_them_alone(who, group, world):
    async with listen(getattr(world, who)) as listener:
        await send(world.names[group], "for the group", world.sam)
        await send(world.own(who), "the last", world.sam)
        is_own = (who, group) == ("ada", "person")
        expected = ["for the group", "the last"] if is_own else ["the last"]
        assert [await listener.text() for _ in expected] == expected


@pytest.mark.parametrize("group", GROUPS)
async def test_who_is_not_logged_in_joins_nothing(group, world):
    async with knock("/ws/alerts/") as visitor:
        await visitor.say("subscribe", group=world.names[group])
        assert (await visitor.closed())[0] == 4401
        await send(world.names[group], "for the group", world.sam)
        assert get_channel_layer().groups == {}


async def test_who_is_not_logged_in_and_only_waits_is_closed_too(settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock("/ws/alerts/") as visitor:
        assert (await visitor.closed())[0] == 4401


@pytest.mark.parametrize(
    "name",
    ["team.{team}", "person.{ada}", "staff", "team.999999", "person.999999", "person.None"]
    + ["team.", "team.*", "team.0{other}", "team.+{other}", "team.{other} ", " team.{other}"]
    + ["TEAM.{other}", "team.{other}.", "team.{other}\n", "team.-1", "team.{arabic}"]
    + ["alerts.staff", "alerts.team.{other}", ".staff", "Staff", "staff.{ben}", "everyone"]
    + ["../staff", "room.1", "team.{other} OR 1=1", "'; DROP TABLE auth_user; --", "<b>x</b>"]
    + ["{other}", "team.9223372036854775808", "specific.abc!def", "\u00e9", "\u200bstaff"],
)
@pytest.mark.parametrize("type", ["subscribe", "unsubscribe"])
async def test_what_is_not_for_you_and_what_is_not_there_get_one_answer(type, name, world):
    digits = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")  # int() takes these too
    ids = {key: getattr(world, key).pk for key in ("ada", "ben", "team", "other")}
    name = name.format(**ids, arabic=str(ids["other"]).translate(digits))
    async with listen(world.ben) as ben:
        before = dict(get_channel_layer().groups)
        assert await ben.ask(type, group=name) == NOT_ALLOWED
        assert get_channel_layer().groups == before
        await send(world.own("ben"), "still here", world.sam)
        assert await ben.text() == "still here"


async def test_nobody_anonymous_inactive_or_deleted_may_hear_anything(world):
    from alerts.groups import STAFF_GROUP, may_hear, person_group, team_group

    @sync_to_async
    def hears(user) -> list[bool]:
        groups = [person_group(user.pk), team_group(world.team.pk), STAFF_GROUP]
        return [may_hear(user, group) for group in groups]

    world.ada.is_staff = True  # in memory only: the database decides
    assert await hears(world.ada) == [True, True, False]
    await User.objects.filter(pk=world.ada.pk).aupdate(is_active=False)
    assert await hears(world.ada) == [False, False, False]
    ada, sam = await User.objects.aget(pk=world.ada.pk), await User.objects.aget(username="sam")
    await User.objects.all().adelete()
    for nobody in (ada, sam, AnonymousUser()):
        assert await hears(nobody) == [False, False, False]


# Subscribing


async def test_subscribe_and_unsubscribe_say_what_is_heard_now(world):
    await world.team.members.aadd(world.sam)
    own, team = world.own("sam"), world.names["team"]
    async with listen(world.sam) as sam:
        assert await sam.groups("subscribe", "staff") == [own, "staff"]
        assert await sam.groups("subscribe", team) == [own, "staff", team]
        assert await sam.groups("subscribe", team) == [own, "staff", team]  # once is enough
        await send(team, "once", world.sam)
        assert await sam.text() == "once"
        assert await sam.groups("unsubscribe", team) == [own, "staff"]
        await send(team, "not heard", world.sam)
        assert await sam.groups("unsubscribe", own) == ["staff"]
        await send(own, "not heard either", world.sam)
        await send("staff", "heard", world.sam)
        assert await sam.text() == "heard"
        assert await sam.ask("unsubscribe", group=team) == NOT_ALLOWED
        assert await sam.groups("subscribe", own) == [own, "staff"]


async def test_each_connection_has_its_own_groups_and_leaves_none_behind(world):
    async with listen(world.ada, world.names["team"]) as one, listen(world.ada) as two:
        await send(world.names["team"], "for the team", world.sam)
        await send(world.own("ada"), "for ada", world.sam)
        assert [await one.text(), await one.text()] == ["for the team", "for ada"]
        assert await two.text() == "for ada"
    assert get_channel_layer().groups == {}


async def test_who_is_not_connected_never_gets_it(world):
    await send(world.own("ada"), "too early", world.sam)
    async with listen(world.ada) as ada:
        await send(world.own("ada"), "in time", world.sam)
        assert await ada.text() == "in time"


BAD = {
    "not JSON": "hi",
    "empty": "",
    "binary": b'{"type": "subscribe", "group": "staff"}',
    "an array": "[1]",
    "no type": '{"group": "staff"}',
    "an unknown type": '{"type": "alert", "text": "forged", "group": "staff"}',
    "what the server says": '{"type": "subscribed", "groups": ["staff"]}',
    "a missing field": '{"type": "subscribe"}',
    "a number": '{"type": "subscribe", "group": 1}',
    "a list": '{"type": "subscribe", "group": ["staff"]}',
    "NaN": '{"type": "subscribe", "group": NaN}',
    "null": '{"type": "subscribe", "group": null}',
    "blank": '{"type": "subscribe", "group": " "}',
    "too long": '{"type": "subscribe", "group": "%s"}' % ("x" * 65),
    "5,000 digits": '{"type": "subscribe", "group": %s}' % ("9" * 5000),
    "a lone surrogate": r'{"type": "subscribe", "group": "\ud800"}',
    "a NUL": r'{"type": "subscribe", "group": "staff\u0000"}',
    "deep nesting": '{"type": "subscribe", "group": %s}' % ("[" * 10_000),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_frame_gets_an_error_and_the_socket_stays_open(name, world):
    async with listen(world.sam) as sam:
        await sam.person.send(BAD[name])
        answer = await sam.hear()
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert answer["detail"]
        assert await sam.groups("subscribe", "staff") == [world.own("sam"), "staff"]


OTHERS = ["user", "scope", "query", "leave", "reply", "handle"]  # of the consumer, and no handlers
MISTAKES = [{}, *({"type": type} for type in ["no_such_handler", "_private", *OTHERS])]


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_group_message_nobody_handles_closes_nobody(mistake, world, caplog):
    own = world.own("ada")
    async with listen(world.ada) as one, listen(world.ada) as two:
        await get_channel_layer().group_send(f"alerts.{own}", mistake)
        await send(own, "still here", world.sam)
        assert (await one.text(), await two.text()) == ("still here", "still here")
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


# For as long as they may


async def loses(listener: Listener, group: str) -> None:
    """Wait for the frame that says so: no other comes before it."""
    frame = await asyncio.wait_for(listener.hear(), 1)  # second
    assert frame["type"] == "subscribed", frame
    assert group not in frame["groups"]


def through_the_admin(world: World) -> None:
    admin = browser_of(world.sam)
    answer = admin.post(f"/admin/alerts/team/{world.team.pk}/change/", {"name": "Coaches"})
    assert answer.status_code == 302


REMOVALS = {
    "team.members.remove(user)": lambda world: world.team.members.remove(world.ada),
    "team.members.set([])": lambda world: world.team.members.set([]),
    "team.members.clear()": lambda world: world.team.members.clear(),
    "user.teams.remove(team)": lambda world: world.ada.teams.remove(world.team),
    "user.teams.clear()": lambda world: world.ada.teams.clear(),
    "team.delete()": lambda world: world.team.delete(),
    "Team.objects.delete()": lambda world: type(world.team).objects.all().delete(),
    "the admin": through_the_admin,
}


@pytest.mark.parametrize("removal", REMOVALS)
async def test_who_is_removed_from_a_team_hears_no_more_within_a_second(removal, world):
    team = world.names["team"]
    async with listen(world.ada, team) as ada:
        await sync_to_async(REMOVALS[removal])(world)
        await loses(ada, team)
        await send(team, "for the team", world.sam)
        assert await ada.ask("subscribe", group=team) == NOT_ALLOWED
        await send(world.own("ada"), "for ada", world.sam)
        assert await ada.text() == "for ada"


async def test_who_is_removed_stays_in_their_other_groups(world):
    await world.other.members.aadd(world.ada)
    team, other = world.names["team"], f"team.{world.other.pk}"
    async with listen(world.ada, team, other) as ada, listen(world.ben, other) as ben:
        await world.team.members.aremove(world.ada)
        frame = await ada.hear()
        assert frame == {"type": "subscribed", "groups": sorted([world.own("ada"), other])}
        await send(other, "for the others", world.sam)
        assert (await ada.text(), await ben.text()) == ("for the others", "for the others")


async def test_a_removal_that_is_rolled_back_changes_nothing(world):
    def roll_back():
        with transaction.atomic():
            world.team.members.remove(world.ada)
            transaction.set_rollback(True)

    async with listen(world.ada, world.names["team"]) as ada:
        await sync_to_async(roll_back)()
        await send(world.names["team"], "still in", world.sam)
        assert await ada.text() == "still in"


async def demote(user: User) -> None:
    user.is_staff = False
    await user.asave()


async def test_who_is_no_longer_staff_hears_no_more_within_a_second(world):
    async with listen(world.sam, "staff") as sam:
        await demote(world.sam)
        await loses(sam, "staff")
        await send("staff", "for staff", world.sam)
        assert await sam.ask("subscribe", group="staff") == NOT_ALLOWED
        await send(world.own("sam"), "for sam", world.sam)
        assert await sam.text() == "for sam"


# No signal comes by these, as none does when the layer loses the message.
async def remove_silently(world: World) -> None:
    await world.team.members.through.objects.all().adelete()
    await User.objects.aupdate(is_staff=False)


@pytest.mark.parametrize(("who", "group"), [("ada", "team"), ("sam", "staff")])
async def test_a_loss_nobody_was_told_of_is_noticed_at_the_next_recheck(
    who, group, world, settings
):
    settings.RECHECK_SECONDS = 0.1
    name = world.names[group]
    async with listen(getattr(world, who), name) as listener:
        await remove_silently(world)
        await loses(listener, name)
        await send(name, "for the group", world.sam)
        await send(world.own(who), "the last", world.sam)
        assert await listener.text() == "the last"


@pytest.mark.parametrize(("who", "group"), [("ada", "team"), ("sam", "staff")])
async def test_subscribing_asks_the_database_and_not_what_the_socket_remembers(who, group, world):
    async with listen(getattr(world, who)) as listener:
        await remove_silently(world)
        assert await listener.ask("subscribe", group=world.names[group]) == NOT_ALLOWED


async def test_an_alert_that_was_on_its_way_is_not_heard_after_the_loss(world, monkeypatch):
    layer, team = get_channel_layer(), world.names["team"]
    discard = layer.group_discard

    async def discard_late(group, channel):
        if group == f"alerts.{team}":
            await send(team, "on its way", world.sam)
        await discard(group, channel)

    async with listen(world.ada, team) as ada:
        monkeypatch.setattr(layer, "group_discard", discard_late)
        await world.team.members.aremove(world.ada)
        await loses(ada, team)
        await send(world.own("ada"), "the last", world.sam)
        assert await ada.text() == "the last"


async def test_who_is_deactivated_is_gone(world):
    async with listen(world.ada, world.names["team"]) as ada:
        world.ada.is_active = False
        await world.ada.asave()
        assert (await ada.person.closed())[0] == 4401


# The page and its form


@pytest.mark.parametrize("group", GROUPS)
async def test_staff_send_and_the_alert_names_who_is_logged_in(group, world):
    await world.team.members.aadd(world.sam)
    hearer = world.sam if group == "staff" else world.ada
    name, sam = world.names[group], await browser(world.sam)
    # What a forger adds to the form.
    forged = {"by": "ben", "user": world.ben.pk, "username": "ben", "sent_at": "2000-01-01"}
    async with listen(hearer) as one:
        if group != "person":
            await one.groups("subscribe", name)
        answer = await post(sam, "The sauna is open", name, **forged)
        assert (answer.status_code, answer["Location"]) == (302, "/alerts/")
        frame = await one.hear()
    sent_at = datetime.fromisoformat(frame.pop("sent_at"))
    assert frame == {"type": "alert", "text": "The sauna is open", "group": name, "by": "sam"}
    assert sent_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=1)
    assert "Sent." in (await sam.get("/alerts/")).content.decode()


async def test_who_is_not_staff_sends_nothing(world):
    fields = {"text": "forged", "group": f"alerts.{world.names['team']}"}
    visitor, member, sam = AsyncClient(), AsyncClient(), await browser(world.sam)
    await member.aforce_login(world.ada)
    async with listen(world.ada, world.names["team"]) as ada:
        answer = await visitor.post("/alerts/announce/", fields)
        assert answer.status_code == 302
        assert answer["Location"] == "/login/?next=/alerts/announce/"
        assert (await member.post("/alerts/announce/", fields)).status_code == 403
        assert (await member.post("/alerts/announce/", {})).status_code == 403  # no list of people
        no_csrf_token = await sam.post("/alerts/announce/", fields)
        assert no_csrf_token.status_code == 403
        assert (await sam.get("/alerts/announce/", fields)).status_code == 405
        await post(sam, "from staff", world.names["team"])
        assert await ada.text() == "from staff"


async def test_who_was_staff_a_moment_ago_sends_nothing(world):
    sam = await browser(world.sam)
    token = str((await sam.get("/alerts/")).context["csrf_token"])
    fields = {"text": "forged", "group": "alerts.staff", "csrfmiddlewaretoken": token}
    await demote(world.sam)
    assert (await sam.post("/alerts/announce/", fields)).status_code == 403


@pytest.mark.parametrize(
    ("text", "group"),
    [("", "staff"), ("  ", "staff"), ("x" * 501, "staff"), ("a\0b", "staff")]
    + [("hello", name) for name in ("team.999999", "person.999999", "everyone", "", "room.1")],
)
async def test_a_form_that_is_not_valid_says_so_and_sends_nothing(text, group, world):
    sam = await browser(world.sam)
    async with listen(world.sam, "staff") as one:
        answer = await post(sam, text, group)
        assert answer.status_code == 422
        assert answer.context["form"].errors
        await post(sam, "x" * 500, "staff")
        assert await one.text() == "x" * 500


async def test_nothing_is_offered_for_a_person_who_is_not_active(world):
    world.ben.is_active = False
    await world.ben.asave()
    assert (await post(await browser(world.sam), "hello", world.own("ben"))).status_code == 422


async def test_a_layer_that_is_down_is_an_error_on_the_form(world, monkeypatch):
    async def down(group, event):
        raise ConnectionError("the layer is down")

    sam = await browser(world.sam)
    monkeypatch.setattr(get_channel_layer(), "group_send", down)
    answer = await post(sam, "hello", "staff")
    assert answer.status_code == 503
    assert "Not sent" in answer.content.decode()


async def test_the_page_wants_a_log_in():
    answer = await AsyncClient().get("/alerts/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/alerts/")


@pytest.mark.parametrize("who", WHO)
async def test_the_page_offers_what_its_reader_may_hear(who, world):
    page = (await (await browser(getattr(world, who))).get("/alerts/")).content.decode()
    offered = {name for name in GROUPS if f'value="{world.names[name]}"' in page}
    assert offered == {group for person, group in HEARS - {("ada", "person")} if person == who}
    is_staff = who == "sam"
    assert ('action="/alerts/announce/"' in page) is is_staff
    assert ("Cleaners" in page) is (is_staff or who == "ben")


async def test_markup_in_a_name_or_a_text_stays_text(world):
    markup = "<img src=x onerror=alert(1)>"
    world.team.name = world.ada.username = markup
    await world.team.asave()
    await world.ada.asave()
    for user in (world.ada, world.sam):
        page = (await (await browser(user)).get("/alerts/")).content.decode()
        assert "onerror=alert(1)&gt;" in page
        assert markup not in page
    answer = await post(await browser(world.sam), f"{markup}\0", "staff")  # shown again, to mend
    assert markup not in answer.content.decode()


# From code


@pytest.mark.parametrize("text", ["", " \n", "x" * 501, "a\0b", "\ud800"])
def test_a_text_that_is_not_valid_is_not_sent(text, world):
    from alerts.groups import STAFF_GROUP
    from alerts.services import announce

    with pytest.raises(ValidationError):
        announce(STAFF_GROUP, text, world.sam)


async def test_from_async_code_announce_is_awaited_or_run_in_a_thread(world):
    from alerts.groups import STAFF_GROUP
    from alerts.services import aannounce, announce

    async with listen(world.sam, "staff") as sam:
        with pytest.raises(RuntimeError, match="You cannot use AsyncToSync in the same thread"):
            announce(STAFF_GROUP, "from the loop's own thread", world.sam)
        await aannounce(STAFF_GROUP, "awaited", world.sam)
        await sync_to_async(announce)(STAFF_GROUP, "in a thread", world.sam)
        assert [await sam.text(), await sam.text()] == ["awaited", "in a thread"]


def test_the_admin_finds_teams_by_name_and_by_member(world, admin_client: Client):
    for searched in ("coa", "ada"):
        found = admin_client.get("/admin/alerts/team/", {"q": searched})
        assert list(found.context["cl"].result_list) == [world.team]
