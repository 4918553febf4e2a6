"""What is counted, under which names, and who may see it."""

import re

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import Client

from tests.people import knock, visit

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a token for whoever scrapes"


@pytest.fixture(autouse=True)
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape() -> dict[str, float]:
    """Our own lines of the page: `pulse_connections{consumer="WhoamiConsumer"}` and so on."""
    answer = Client().get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    lines = re.findall(r"^(pulse_\S+) (\S+)$", answer.content.decode(), re.MULTILINE)
    return {name: float(value) for name, value in lines if "_created" not in name}


async def counted(name: str) -> float:
    return (await in_thread(scrape)()).get(name, 0)


OPEN = 'pulse_connections{consumer="WhoamiConsumer"}'
RECEIVED = 'pulse_messages_received_total{consumer="WhoamiConsumer"}'


def refused(consumer: str, code: int) -> str:
    return f'pulse_refused_total{{code="{code}",consumer="{consumer}"}}'


async def test_open_sockets_are_counted_up_and_down(people):
    before = await counted(OPEN)
    async with visit("/ws/whoami/", "ada") as ada, visit("/ws/whoami/", "ben") as ben:
        await ada.hear(), await ben.hear()
        assert await counted(OPEN) == before + 2
    assert await counted(OPEN) == before


async def test_who_is_refused_or_crashes_is_not_open(people, settings, monkeypatch):
    before, code = await counted(OPEN), refused("WhoamiConsumer", 4429)
    told = await counted(code)
    settings.CONNECTIONS_PER_USER = 0
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.closed())[0] == 4429
    assert (await counted(OPEN), await counted(code)) == (before, told + 1)
    settings.CONNECTIONS_PER_USER = 20

    async def crash(self, message):
        raise ZeroDivisionError

    monkeypatch.setattr("accounts.consumers.WhoamiConsumer.renew", crash)
    with pytest.raises(ZeroDivisionError):
        async with visit("/ws/whoami/", "ada") as ada:
            await ada.say("authenticate", token="x")
            await ada.ended()
    assert await counted(OPEN) == before


async def test_each_frame_of_a_client_is_counted_a_bad_one_too(people):
    before = await counted(RECEIVED)
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
        await ada.say("ping")
        await ada.send("{")
        await ada.get("error")
        assert await counted(RECEIVED) == before + 2


async def test_who_does_not_get_past_the_handshake_is_counted(people):
    before = await counted(refused("handshake", 4401))
    async with knock("/ws/whoami/", "bearer.a.b.c") as nobody:
        assert (await nobody.closed())[0] == 4401
    assert await counted(refused("handshake", 4401)) == before + 1


async def test_nobody_can_make_new_names(people):
    """A label of a client's choosing would fill the memory: of a path, a user, a type."""

    async def once(name: str) -> None:
        async with visit(f"/ws/chat/{name}/", name, after=len(name)) as person:
            await person.closed()
        async with visit("/ws/whoami/", name) as person:
            await person.hear()
            await person.say(f"type-{name}")
            await person.get("error")

    await once("ada")
    names = (await in_thread(scrape)()).keys()
    for name in ("ben", "cleo", "sam"):
        await once(name)
    assert (await in_thread(scrape)()).keys() == names


@pytest.mark.parametrize("given", ["", TOKEN, "Bearer ", "Bearer x", f"bearer {TOKEN}", "Bearer é"])
def test_without_the_token_there_is_no_such_page(client, given):
    headers = {"Authorization": given.encode().decode("latin-1")} if given else {}
    assert client.get("/metrics/", headers=headers).status_code == 404


def test_without_the_setting_there_is_none_for_anybody(client, settings):
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer", ""):
        assert client.get("/metrics/", headers={"Authorization": given}).status_code == 404
