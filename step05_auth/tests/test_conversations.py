"""One-to-one conversations, told through the socket: who may, and that nothing is lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.db import IntegrityError, connection, transaction

from tests.people import losing_broadcasts, tokens_of, visit
from tests.talking import enter, numbers, path, refused, start, texts

pytestmark = pytest.mark.django_db(transaction=True)
NOT_YOURS = (4403, "this is no conversation of yours")


@pytest.fixture
def talk(people) -> int:
    """The id of Ada's and Ben's conversation."""
    return start("ada", "ben")


@pytest.fixture
def unlimited(settings) -> None:
    """Nobody is slowed down."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000
    settings.USER_MESSAGES_PER_MINUTE = 1_000_000


async def stored(talk: int) -> list:
    from conversations.models import Message

    found = Message.objects.filter(conversation=talk).select_related("sender")
    return [message async for message in found]


# Storing, numbering, acknowledging


async def test_a_message_reaches_both_with_its_number(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.say(message="hello", client_id="a-1")
        assert await here.hear() == {"type": "ack", "client_id": "a-1", "number": 1}
        frame = await there.hear()
        assert await here.hear() == frame
        sent = datetime.fromisoformat(frame.pop("timestamp"))
        assert sent.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)
        assert frame == {
            "type": "chat_message",
            "number": 1,
            "message": "hello",
            "username": "ada",
            "client_id": "a-1",
        }


async def test_the_first_frame_says_who_you_are_and_who_read_how_far(talk):
    for person in ("ada", "ben"):
        async with enter(person, talk) as here:
            assert here.first == {
                "type": "chat_history",
                "messages": [],
                "username": person,
                "read": {"ada": 0, "ben": 0},
            }


async def test_a_message_is_encoded_once_for_all_who_receive_it(talk, monkeypatch):
    from conversations import messages

    encoded = []
    encode = messages.encode
    monkeypatch.setattr(messages, "encode", lambda frame: encoded.append(frame) or encode(frame))
    async with (
        enter("ada", talk) as here,
        enter("ben", talk) as there,
        enter("ben", talk) as other_tab,
    ):
        await here.said("hello")
        assert await there.receive() == await other_tab.receive()
    assert [frame.message for frame in encoded] == ["hello"]


async def test_a_message_is_committed_before_it_is_broadcast(talk, monkeypatch):
    layer, seen = get_channel_layer(), []
    group_send = layer.group_send

    async def look_first(group, event):
        if event.get("number"):
            seen.append([message.text for message in await stored(talk)])
        await group_send(group, event)

    monkeypatch.setattr(layer, "group_send", look_first)
    async with enter("ada", talk) as here:
        await here.said("hello")
    assert seen == [["hello"]]


async def test_both_at_once_are_numbered_without_gaps_and_seen_in_order(talk):
    async def chatter(person, name):
        for n in range(10):
            await person.say(message=f"{name} {n}")

    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await asyncio.gather(chatter(here, "ada"), chatter(there, "ben"))
        for person in (here, there):
            seen = []
            while not seen or seen[-1] < 20:
                frame = await person.hear()
                if frame["type"] != "ack":
                    seen += [message["number"] for message in frame.get("messages", [frame])]
            assert seen == list(range(1, 21))


async def test_a_repeated_client_id_is_one_row_and_acknowledged_again(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        assert await here.said("hello", client_id="a-1") == 1
        assert await here.said("hello", client_id="a-1") == 1
        assert await here.said("next", client_id="a-2") == 2
        assert [frame["number"] for frame in await there.until("chat_message", number=2)] == [1, 2]
    assert [message.text for message in await stored(talk)] == ["hello", "next"]


async def test_one_client_id_of_two_senders_is_two_rows(talk):
    """Else whoever guesses the other's next client_id could swallow their message."""
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        assert await here.said("mine", client_id="same") == 1
        assert await there.said("mine too", client_id="same") == 2
        assert await here.said("mine", client_id="same") == 1
    kept = [(message.sender.username, message.text) for message in await stored(talk)]
    assert kept == [("ada", "mine"), ("ben", "mine too")]


async def test_a_client_id_counts_in_its_own_conversation_only(talk):
    other_talk = await in_thread(start)("ada", "cleo")
    async with enter("ada", talk) as here, enter("ada", other_talk) as there:
        assert await here.said("to ben", client_id="same") == 1
        assert await there.said("to cleo", client_id="same") == 1
    assert [message.text for message in await stored(other_talk)] == ["to cleo"]


async def test_a_layer_that_fails_ends_the_connection_and_the_message_is_kept(talk, monkeypatch):
    layer = get_channel_layer()
    group_send = layer.group_send

    async def fail(group, event):
        monkeypatch.setattr(layer, "group_send", group_send)
        raise ConnectionError("the layer is away")

    with pytest.raises(ConnectionError, match="the layer is away"):
        async with enter("ada", talk) as here:
            monkeypatch.setattr(layer, "group_send", fail)
            await here.say(message="hello", client_id="a-1")
            await here.ended()
    assert not layer.groups.get(f"conversation.{talk}")  # a crash leaves the group too
    async with enter("ada", talk, after=0) as here:
        assert texts(here.first) == ["hello"]
        assert await here.said("hello", client_id="a-1") == 1


# Who says what to whom is not the client's to say


async def test_what_a_client_claims_beside_its_text_changes_nothing(talk):
    from conversations.models import Message

    other_talk = await in_thread(start)("ben", "cleo")
    claims = {
        "username": "ben",
        "sender": 2,
        "sender_id": 2,
        "user_id": 2,
        "number": 99,
        "id": 99,
        "timestamp": "2001-01-01T00:00:00Z",
        "sent_at": "2001-01-01T00:00:00Z",
        "to": "cleo",
        "conversation": other_talk,
        "conversation_id": other_talk,
        "group": f"conversation.{other_talk}",
    }
    async with (
        enter("ada", talk) as here,
        enter("ben", talk) as there,
        enter("ben", other_talk) as away,
    ):
        await here.say(message="I am Ben", client_id="a-1", **claims)
        frame = await there.get("chat_message")
        assert (frame["number"], frame["username"]) == (1, "ada")
        assert datetime.fromisoformat(frame["timestamp"]).year > 2001
        await away.say("history", before=9)
        assert (await away.hear())["messages"] == []  # and no message came before it
    [message] = [message async for message in Message.objects.select_related("sender")]
    assert (message.conversation_id, message.number) == (talk, 1)
    assert message.sender.username == "ada"
    assert message.sent_at.year > 2001


async def test_reading_for_the_other_one_is_reading_for_oneself(talk):
    async with enter("ada", talk) as here:
        await here.said("hello")
        await here.say("read", up_to=1, username="ben", reader=2)
        assert await here.get("read") == {"type": "read", "username": "ada", "up_to": 1}
    async with enter("ben", talk) as there:
        assert there.first["read"] == {"ada": 1, "ben": 0}


# History and resuming


async def test_history_is_the_newest_50_oldest_first(talk, unlimited):
    async with enter("ada", talk) as here:
        for number in range(1, 56):
            await here.said(f"message {number}")
    async with enter("ben", talk) as there:
        assert numbers(there.first) == list(range(6, 56))
        assert texts(there.first)[-1] == "message 55"
        await there.say("history", before=6)
        assert numbers(await there.get("chat_history")) == [1, 2, 3, 4, 5]
        await there.say("history", before=1)
        assert (await there.get("chat_history"))["messages"] == []


async def test_asking_for_what_is_yet_to_come_skips_nothing(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        with losing_broadcasts():
            await here.said("lost on the way")
        await there.say("history", before=2**63 - 1)
        assert (await there.hear())["messages"] == []
        await here.said("next")
        assert texts(await there.hear()) == ["lost on the way", "next"]


async def test_after_gives_exactly_what_came_later(talk):
    async with enter("ada", talk) as here:
        said = [*"abcde"]
        for text in said:
            await here.said(text)
        for after in (0, 3, 4, 7, 9):
            async with enter("ben", talk, after=after) as back:
                assert texts(back.first) == said[after:]
                said.append(f"then {len(said) + 1}")
                await here.said(said[-1])
                assert (await back.hear())["message"] == said[-1]


async def test_more_than_a_page_is_missed_and_all_of_it_comes(talk, unlimited):
    async with enter("ada", talk) as here:
        for number in range(1, 103):
            await here.said(str(number))
    async with visit(path(talk), "ben", after=1) as back:
        await back.say("history", before=0)  # its answer comes after all that
        pages = await back.until("chat_history", messages=[])
    assert [number for page in pages for number in numbers(page)] == list(range(2, 103))


@pytest.mark.parametrize("after", ["", "-1", "1.0", "x", "²", "1" * 19, " 1", "0x1"])
async def test_after_that_is_no_number_is_4400(talk, after):
    code, reason = await refused("ada", talk, after=after)
    assert code == 4400
    assert "after" in reason


async def test_what_is_sent_while_somebody_joins_is_shown_once(talk, monkeypatch):
    layer = get_channel_layer()
    group_add = layer.group_add
    async with enter("ada", talk) as here:

        async def between(group, channel):
            if group != f"conversation.{talk}":
                return await group_add(group, channel)
            monkeypatch.undo()
            await here.said("before")
            await group_add(group, channel)
            await here.said("after")

        monkeypatch.setattr(layer, "group_add", between)
        async with enter("ben", talk) as there:
            await here.said("last")
            assert texts(there.first) == ["before", "after"]
            assert (await there.hear())["message"] == "last"


async def test_a_lost_broadcast_is_fetched_at_the_next_message(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.said("one")
        with losing_broadcasts():
            await here.said("two")
            await here.said("three")
        await here.said("four")
        assert (await there.hear())["message"] == "one"
        assert texts(await there.hear()) == ["two", "three", "four"]
        await here.said("five")
        assert (await there.hear())["message"] == "five"


async def test_a_lost_broadcast_is_fetched_at_the_next_recheck(talk, settings):
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        with losing_broadcasts():
            await here.said("lost")
            assert texts(await there.get("chat_history")) == ["lost"]


def test_only_handlers_can_be_called_by_the_layer():
    from conversations.consumers import ConversationConsumer as Consumer
    from frames.guard import is_handler

    called = {name for name in dir(Consumer) if is_handler(Consumer, name)}
    of_channels = {"websocket_connect", "websocket_receive", "websocket_disconnect"}
    assert called == of_channels | {"recheck", "stored", "pass_on"}


# Read receipts


async def test_both_see_who_has_read_how_far(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        for text in "abc":
            await here.said(text)
        await there.say("read", up_to=2)
        for person in (here, there):
            frame = {"type": "read", "username": "ben", "up_to": 2}
            assert await person.get("read") == frame
    async with enter("ada", talk) as here:
        assert here.first["read"] == {"ada": 0, "ben": 2}


async def test_a_read_position_never_goes_back_nor_beyond_the_last_message(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await there.say("read", up_to=5)  # there is nothing to read yet
        await there.say("history", before=0)
        assert (await there.get("chat_history"))["read"] == {"ada": 0, "ben": 0}
        for text in "abc":
            await here.said(text)
        for up_to in (2, 1, 2, 0, 2**63 - 1, 3):
            await there.say("read", up_to=up_to)
        await there.say(message="d")
        frames = await there.until("chat_message", message="d")
        assert [frame["up_to"] for frame in frames if frame["type"] == "read"] == [2, 3]
    async with enter("ben", talk) as there:
        assert there.first["read"] == {"ada": 0, "ben": 3}


# Who may


async def test_a_stranger_is_refused_as_if_there_were_nothing(talk):
    assert await refused("cleo", talk) == NOT_YOURS
    assert await refused("ada", talk + 1) == NOT_YOURS


async def test_a_stranger_would_read_along_if_nobody_asked_whose_it_is(talk, monkeypatch):
    from conversations import services
    from conversations.models import Conversation

    monkeypatch.setattr(services, "of", lambda user: Conversation.objects.all())
    async with enter("ada", talk) as here:
        await here.said("for Ben only")
        async with enter("cleo", talk) as spy:
            assert texts(spy.first) == ["for Ben only"]


@pytest.mark.parametrize(
    "asked",
    ["0", "-1", "x", "1.0", "1e3", "a/b", "..", "%00", "%0A", "%20", "٣", "%C2%B2", "1%00", "1%0A"]
    + ["9" * 18, "9" * 19, "9" * 5000, ""],
)
async def test_what_cannot_be_an_id_is_refused_like_a_strangers(talk, asked):
    assert await refused("ada", quote(asked, safe="%/.")) == NOT_YOURS


async def test_nobody_in_particular_is_4401(talk, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    code, _ = await refused(None, talk)
    assert code == 4401


async def test_a_strangers_socket_hears_nothing_before_it_closes(talk):
    async with enter("ada", talk) as here, visit(path(talk), "cleo") as spy:
        await spy.say(message="let me in")
        assert await spy.closed() == NOT_YOURS
        await here.said("for Ben only")
        assert await spy.communicator.receive_nothing()
    assert [message.text for message in await stored(talk)] == ["for Ben only"]


async def test_a_fresh_token_is_taken_on_the_open_socket(talk):
    async with enter("ada", talk) as here:
        token = (await in_thread(tokens_of)("ada"))["access"]
        await here.say("authenticate", token=token)
        assert (await here.hear())["type"] == "authenticated"
        assert await here.said("still here") == 1


# A participant goes


async def test_a_deleted_participant_ends_the_conversation_for_both(people, talk):
    from conversations.models import Conversation

    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.said("hello")
        await there.get("chat_message")
        await people["ben"].adelete()
        code, _ = await there.closed()
        assert code == 4401
        await here.say(message="are you there?")
        assert await here.closed() == NOT_YOURS
    assert not await Conversation.objects.aexists()
    assert await refused("ada", talk) == NOT_YOURS


@pytest.mark.parametrize("type, fields", [("history", {"before": 1}), ("read", {"up_to": 1})])
async def test_whatever_is_asked_of_a_conversation_that_is_gone_closes(people, talk, type, fields):
    async with enter("ada", talk) as here:
        await people["ben"].adelete()
        await here.say(type, **fields)
        assert await here.closed() == NOT_YOURS


async def test_who_is_left_alone_is_told_at_the_next_recheck(people, talk, settings):
    settings.RECHECK_SECONDS = 0.05
    async with enter("ada", talk) as here:
        await people["ben"].adelete()
        assert await here.closed() == NOT_YOURS


# One row for a pair


def test_a_pair_has_one_conversation_whoever_begins(people):
    ada, ben, cleo, _ = people.values()
    from conversations import services

    begun = services.start(ada, ben)
    assert services.start(ben, ada) == services.start(ada, ben) == begun
    assert services.start(ada, cleo) != begun
    assert (begun.other(ada), begun.other(ben)) == (ben, ada)


async def test_two_who_begin_at_once_are_in_the_same_conversation(people):
    ada, ben, cleo, _ = people.values()
    from conversations import services

    def begin(one, other):
        try:
            return services.start(one, other).pk
        finally:
            connection.close()

    ids = await asyncio.gather(
        *(asyncio.to_thread(begin, *pair) for pair in [(ada, ben), (ben, ada)] * 4)
    )
    assert len(set(ids)) == 1


def test_the_database_itself_refuses_a_conversation_with_oneself_or_a_second_one(people):
    ada, ben, cleo, _ = people.values()
    from conversations.models import Conversation

    Conversation.objects.create(first=ada, second=ben)
    for first, second in [(ada, ada), (ben, ada), (ada, ben)]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Conversation.objects.create(first=first, second=second)


def test_services_store_and_mark_nothing_for_a_stranger(people, talk):
    cleo = people["cleo"]
    from conversations import services
    from conversations.models import Conversation

    for attempt in (
        lambda: services.store(talk, cleo, "hello", None),
        lambda: services.mark_read(talk, cleo, 1),
        lambda: services.page(cleo, talk),
    ):
        with pytest.raises(Conversation.DoesNotExist):
            attempt()
