"""Who watches a fast stream says what arrived; who does not cannot make the server keep it all."""

import pytest

from realtime import seen
from tests.working_out import training, watching

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True, params=[False, True], ids=["groups", "hub"])
def bound(request, settings, monkeypatch):
    settings.HUB = request.param
    monkeypatch.setattr("workouts.consumers.WorkoutConsumer.rate", (100_000, 100_000))
    monkeypatch.setattr(seen, "MOST_UNSEEN", 20)


async def test_who_says_nothing_is_put_out_and_comes_back_to_how_it_is_now(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        for time in range(1, 41):
            await me.update(time=time, power=100)
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
            await me.update(time=time, power=100)
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


async def test_the_owners_own_pages_need_not_say_it(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ada", ada) as other:
        for time in range(1, 41):
            await me.update(time=time, power=100)
        await other.get("workout_update", time=40)


async def test_to_say_it_ahead_earns_no_credit(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as ben:
        await ben.say("seen", frames=1000)
        for time in range(1, 41):
            await me.update(time=time, power=100)
        assert (await ben.get("closing"))["code"] == 4013
