"""Who may talk, and what becomes of it when they no longer may: blocks, ended links, typing."""

import pytest
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import User
from django.test.utils import CaptureQueriesContext

from tests.people import browser_of, losing_broadcasts
from tests.talking import enter, refused, start, texts

pytestmark = pytest.mark.django_db(transaction=True)
NOT_YOURS = (4403, "this is no conversation of yours")
NOT_LINKED = "You can talk to friends, your trainer and your clients."
JSON = "application/json"


@pytest.fixture
def talk(people) -> int:
    """The id of Ada's and Ben's conversation."""
    return start("ada", "ben")


def block(blocker: str, blocked: str) -> None:
    from people import services

    services.block(*(User.objects.get(username=name) for name in (blocker, blocked)))


def unfriend(one: str, other: str) -> None:
    from people import services

    services.unfriend(*(User.objects.get(username=name) for name in (one, other)))


async def count(**which) -> int:
    from chat.models import Message

    return await Message.objects.filter(**which).acount()


# Beginning


@pytest.mark.parametrize(
    "one, other, may",
    [
        ("ada", "ben", True),
        ("ben", "ada", True),
        ("ada", "tom", True),
        ("tom", "ada", True),
        ("ada", "cleo", False),
        ("ben", "tom", False),
        ("ada", "sam", False),
    ],
)
def test_friends_and_a_trainer_and_their_client_may_begin(people, one, other, may):
    from chat.models import Conversation

    browser = browser_of(one)
    by_api = browser.post("/api/conversations/", {"username": other}, JSON)
    by_page = browser.post("/chat/", {"user": other})
    if may:
        assert (by_api.status_code, by_page.status_code) == (200, 302)
        return
    assert (by_api.status_code, by_api.json()) == (403, {"detail": NOT_LINKED})
    assert by_page.status_code == 422
    assert NOT_LINKED in by_page.content.decode()
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("one, other", [("ada", "dora"), ("dora", "ada")])
def test_to_the_blocked_the_other_is_not_there(people, one, other):
    """Word for word as for a name that nobody has."""
    browser = browser_of(one)
    answers = [
        (browser.post("/api/conversations/", {"username": name}, JSON)) for name in (other, "none")
    ]
    assert answers[0].status_code == answers[1].status_code == 400
    assert answers[0].content == answers[1].content
    page = browser.post("/chat/", {"user": other})
    assert page.status_code == 422
    assert "There is nobody of that name." in page.content.decode()


def test_the_service_itself_begins_nothing_for_strangers(people):
    from chat import services

    with pytest.raises(services.NotLinked, match="You can talk to friends"):
        services.start(people["ada"], people["cleo"])


# A block


@pytest.mark.parametrize("blocker, blocked", [("ada", "ben"), ("ben", "ada")])
async def test_a_block_closes_both_sockets_at_once_and_hides_all(talk, blocker, blocked):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.said("hello")
        await in_thread(block)(blocker, blocked)
        assert await here.closed() == NOT_YOURS
        assert await there.closed() == NOT_YOURS
    for name in ("ada", "ben"):
        assert await refused(name, talk) == NOT_YOURS
        browser = await in_thread(browser_of)(name)
        listed = await in_thread(browser.get)("/api/conversations/")
        assert listed.json() == []
        for path in (f"/api/conversations/{talk}/messages/", f"/chat/{talk}/"):
            assert (await in_thread(browser.get)(path)).status_code == 404


async def test_a_block_whose_message_is_lost_stores_nothing_more(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        with losing_broadcasts():
            await in_thread(block)("ada", "ben")
            await there.say(message="do you hear me?")
            assert await there.closed() == NOT_YOURS
            await here.say("read", up_to=1)
            assert await here.closed() == NOT_YOURS
    assert await count() == 0


async def test_who_is_unblocked_reads_again_what_was_said(talk):
    from people.models import Block

    async with enter("ada", talk) as here:
        await here.said("hello")
        await in_thread(block)("ada", "ben")
    await Block.objects.all().adelete()
    async with enter("ben", talk) as there:
        assert texts(there.first) == ["hello"]
        await there.say(message="hello again")  # but they are no longer friends
        assert (await there.hear())["code"] == "not_allowed"


# No longer linked


@pytest.mark.parametrize("told", [True, False])
async def test_who_is_no_longer_linked_reads_and_writes_nothing(talk, told):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.said("hello", client_id="a-1")
        await there.get("chat_message")
        if told:
            await in_thread(unfriend)("ben", "ada")
        else:
            with losing_broadcasts():
                await in_thread(unfriend)("ben", "ada")
        for person in (here, there):
            await person.say(message="still there?")
            answer = await person.get("error")
            assert answer == {"type": "error", "code": "not_allowed", "detail": NOT_LINKED}
            await person.say("history", before=2)
            assert texts(await person.get("chat_history")) == ["hello"]
        await there.say("read", up_to=1)
        assert (await here.get("read"))["up_to"] == 1
        assert await here.said("hello", client_id="a-1") == 1  # it was stored: the ack was lost
    async with enter("ada", talk) as again:
        assert texts(again.first) == ["hello"]
    assert await count() == 1


async def test_friends_again_talk_again(talk):
    from tests.people import befriend

    async with enter("ada", talk) as here, enter("ben", talk):
        await in_thread(unfriend)("ada", "ben")
        await here.say(message="hello?")
        await here.get("error", code="not_allowed")
        users = {user.username: user async for user in User.objects.all()}
        await in_thread(befriend)(users["ada"], users["ben"])
        assert await here.said("hello!") == 1


async def test_a_former_client_writes_nothing_to_the_trainer(people):
    from people.models import Profile

    talk = await in_thread(start)("ada", "tom")
    async with enter("tom", talk) as tom:
        await Profile.objects.filter(user=people["ada"]).aupdate(trainer=None)
        await tom.say(message="train!")
        assert (await tom.hear())["code"] == "not_allowed"


def test_without_the_question_a_stranger_to_one_writes_on(talk, monkeypatch):
    """The other way: it is this question alone that stores nothing."""
    from django.db.models import Value

    from chat import services
    from chat.models import Conversation

    unfriend("ada", "ben")
    ben = User.objects.get(username="ben")
    with pytest.raises(services.NotLinked):
        services.store(talk, ben, "hello?", None)
    everybody = Conversation.objects.annotate(is_linked=Value(True))
    monkeypatch.setattr(services, "unblocked", lambda: everybody)
    assert services.store(talk, ben, "hello?", None).number == 1


def test_the_right_costs_no_query_of_its_own(talk, monkeypatch):
    """Lock, look for the client_id, take the number, store: the right is asked with the lock."""
    from django.db import connection

    from chat import services

    ada = User.objects.get(username="ada")
    with CaptureQueriesContext(connection) as queries:
        services.store(talk, ada, "hello", "a-1")
    begun = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    assert len([q for q in queries if not q["sql"].startswith(begun)]) == 4


# Typing


async def test_typing_goes_to_the_other_only(talk):
    others = await in_thread(start)("ada", "cleo")
    async with (
        enter("ada", talk) as here,
        enter("ada", talk) as own_tab,
        enter("ben", talk) as there,
        enter("ben", talk) as their_tab,
        enter("cleo", others) as cleo,
        enter("ada", others) as elsewhere,
    ):
        await here.say("typing", is_typing=True)
        for person in (there, their_tab):
            frame = {"type": "typing", "username": "ada", "is_typing": True}
            assert await person.hear() == frame
        await here.say("typing", is_typing=False)
        assert (await there.hear())["is_typing"] is False
        for person in (here, own_tab, cleo, elsewhere):
            await person.say("history", before=0)
            assert (await person.hear())["type"] == "chat_history"


async def test_typing_is_not_stored_and_asks_no_database(talk, monkeypatch):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.say("history", before=0)
        await here.hear()
        with monkeypatch.context() as without_threads:
            without_threads.setattr("chat.consumers.in_thread", None)
            await here.say("typing", is_typing=True)
            assert (await there.hear())["type"] == "typing"
    async with enter("ben", talk) as there:
        assert there.first["messages"] == []


async def test_what_a_typist_claims_changes_nothing(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await here.say("typing", is_typing=True, username="ben", conversation=99, to="ada")
        assert (await there.hear())["username"] == "ada"


async def test_a_lost_typing_hinders_nothing(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        with losing_broadcasts():
            await here.say("typing", is_typing=True)
            await here.say("history", before=0)
            await here.hear()
        await here.said("hello")
        assert (await there.hear())["number"] == 1


async def test_typing_is_limited_like_all(talk, settings):
    settings.MESSAGES_PER_SECOND, settings.MESSAGE_BURST = 0.001, 2
    async with enter("ada", talk) as here:
        for _ in range(3):
            await here.say("typing", is_typing=True)
        assert (await here.hear())["code"] == "too_fast"


async def test_who_is_no_longer_linked_is_not_seen_typing(talk):
    async with enter("ada", talk) as here, enter("ben", talk) as there:
        await in_thread(unfriend)("ada", "ben")
        await here.say(message="hello?")
        await here.get("error", code="not_allowed")  # so the recheck before it is done
        await here.say("typing", is_typing=True)
        await here.say("read", up_to=0)
        await here.say("history", before=0)
        await here.get("chat_history")
        await there.say("history", before=0)
        assert (await there.hear())["type"] == "chat_history"


def test_the_page_says_that_one_can_only_read(talk):
    browser = browser_of("ada")
    assert "You can read this." not in browser.get(f"/chat/{talk}/").content.decode()
    unfriend("ada", "ben")
    page = browser.get(f"/chat/{talk}/").content.decode()
    assert "You can read this." in page and '<form id="composer" hidden>' in page
