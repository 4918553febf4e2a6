"""Who watches a fast stream says what arrived; who does not cannot make the server keep it all."""

import pytest
from channels.db import database_sync_to_async as in_thread

from realtime import seen
from tests.poses import body
from tests.test_form import enter, pose
from tests.working_out import training, watching
from workouts import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True, params=[False, True], ids=["groups", "hub"])
def bound(request, settings, monkeypatch):
    settings.HUB = request.param
    monkeypatch.setattr("workouts.consumers.WorkoutConsumer.rate", (100_000, 100_000))
    monkeypatch.setattr(seen, "MOST_UNSEEN", 20)


async def train(me, *times: int) -> None:
    """The owner's page, which says what it has seen."""
    for time in times:
        await me.update(time=time, power=100)
        await me.get("workout_update", time=time)
        await me.say("seen", frames=1)


async def test_who_says_nothing_is_put_out_and_comes_back_to_how_it_is_now(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        await train(me, *range(1, 41))
        frames = await ben.until("closing")
        assert frames[-1]["code"] == 4013
        told = [frame["time"] for frame in frames if frame["type"] == "workout_update"]
        assert told == list(range(1, 21))
        await me.until("saved", up_to=40)
        async with watching("ben", ada) as again:
            assert again.first["samples"][-1][0] == 40


async def test_who_says_it_gets_everything(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        for time in range(1, 61):
            await train(me, time)
            await ben.get("workout_update", time=time)
            if time % 10 == 0:
                await ben.say("seen", frames=10)


async def test_without_the_bound_all_is_kept_for_who_says_nothing(people, monkeypatch):
    monkeypatch.setattr(seen, "MOST_UNSEEN", 1000)
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        for time in range(1, 41):
            await me.update(time=time, power=100)
        await ben.get("workout_update", time=40)


async def test_the_owners_own_pages_say_it_too(people):
    """Else twenty of them, each of which sends, could have the server keep what none reads."""
    ada = people["ada"]
    async with training(ada) as me, watching("ada", ada) as other:
        await train(me, *range(1, 22))
        assert (await other.get("closing"))["code"] == 4013
        await train(me, 22)


async def test_to_say_it_ahead_earns_no_credit(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        await ben.say("seen", frames=1000)
        await train(me, *range(1, 41))
        assert (await ben.get("closing"))["code"] == 4013


async def test_at_the_form_coach_too(people, monkeypatch):
    monkeypatch.setattr("form.consumers.PAUSE", 0)
    monkeypatch.setattr("form.consumers.FormConsumer.rate", (100_000, 100_000))
    workout = await in_thread(services.start)(people["ada"], "strength", "friends")
    async with (
        enter("ada", workout) as ada,
        enter("ben", workout) as ben,
        enter("tom", workout) as tom,
    ):
        for time in range(40):
            await pose(ada, body(), time)
            await ada.get("form_update")
            if time % 10 == 9:
                await ada.say("seen", frames=20)
                await tom.say("seen", frames=20)
        frames = await ben.until("closing")
        assert frames[-1]["code"] == 4013
        assert sum(frame["type"] != "closing" for frame in frames) == 20
        told = 0
        while told < 40:
            told += (await tom.hear())["type"] == "form_update"
