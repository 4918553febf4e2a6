"""Live workouts, told through the socket: who hears what, and that nothing is lost."""

import asyncio
import threading
import time
from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from tests.people import browser_of
from tests.working_out import begin, finish, saved, stored, the, training, watching

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr("workouts.buffer.EVERY", 0.05)


async def test_the_first_frame_of_a_member_at_rest(people):
    for name, role in (("ada", "owner"), ("ben", "watcher")):
        async with watching(name, people["ada"]) as here:
            assert here.first == {
                "type": "workout_state",
                "user_id": people["ada"].pk,
                "username": "ada",
                "role": role,
                "workout": None,
                "sets": [],
                "samples": [],
            }


async def test_a_start_is_acknowledged_and_told_to_all_tabs_and_watchers(people):
    ada = people["ada"]
    async with (
        watching("ada", ada) as me,
        watching("ada", ada) as my_phone,
        watching("ben", ada) as friend,
    ):
        workout = await begin(me, kind="rowing", privacy="public")
        assert workout["elapsed_seconds"] <= workout["time"] + 0.1 < 5
        assert (workout["kind"], workout["privacy"], workout["state"]) == (
            "rowing",
            "public",
            "running",
        )
        assert datetime.fromisoformat(workout["started_at"]).utcoffset() == timedelta(0)
        assert workout["saved_up_to"] is workout["totals"]["distance_m"] is None
        for other, role in ((my_phone, "owner"), (friend, "watcher")):
            state = await other.get("workout_state", role=role)
            assert state["workout"]["id"] == workout["id"]


@pytest.mark.task(
    title="Show a workout to who may watch it",
    hint="At /ws/workout/<user id>/ the owner sends workout_update; it goes to the group at "
    "once, and to a buffer, which is stored and told as saved once a second.",
    page="steps/step06_fitness_app/#live-workouts-what-may-be-lost",
)
async def test_samples_reach_watchers_as_they_were_sent_and_are_stored(people):
    async with training(people["ada"]) as me, watching("ben", people["ada"]) as friend:
        assert friend.first["workout"]["id"] == me.workout["id"]
        await me.update(time=1, heart_rate=120)
        await me.update(time=2.5, cadence=80.5, power=200, distance=12)
        updates = [
            {"type": "workout_update", "username": "ada", "time": 1, "heart_rate": 120},
            {
                "type": "workout_update",
                "username": "ada",
                "time": 2.5,
                "cadence": 80.5,
                "power": 200,
                "distance": 12,
            },
        ]
        assert [await friend.get("workout_update") for _ in range(2)] == updates
        heard = []
        while {"type": "saved", "up_to": 2.5} not in heard or updates[1] not in heard:
            heard.append(await me.hear())  # in the order in which the two come
        assert [frame for frame in heard if frame["type"] == "workout_update"] == updates
        assert await stored(me.workout["id"]) == [
            [1, 120, None, None, None],
            [2.5, None, 80.5, 200, 12],
        ]


async def test_sets_are_numbered_acknowledged_and_passed_on(people):
    async with (
        training(people["ada"], kind="strength") as me,
        watching("ben", people["ada"]) as friend,
    ):
        await me.update(exercise="Squat", sets=3, reps=5, weight=80.5, client_id="s-1")
        assert (await me.get("ack", client_id="s-1"))["number"] == 1
        frame = await friend.get("workout_update")
        at = datetime.fromisoformat(frame.pop("at"))
        assert abs(timezone.now() - at) < timedelta(minutes=1)
        assert frame == {
            "type": "workout_update",
            "username": "ada",
            "number": 1,
            "exercise": "Squat",
            "sets": 3,
            "reps": 5,
            "weight": 80.5,
            "client_id": "s-1",
        }
        await me.update(exercise="Press", sets=1, reps=8, weight=0)
        assert (await me.get("ack", client_id=None))["number"] == 2
    async with watching("tom", people["ada"]) as trainer:
        assert [done["exercise"] for done in trainer.first["sets"]] == ["Squat", "Press"]
        assert trainer.first["workout"]["totals"]["volume_kg"] == 3 * 5 * 80.5


async def test_a_set_sent_again_is_one_row_and_passed_on_once(people):
    async with training(people["ada"]) as me, watching("ben", people["ada"]) as friend:
        for _ in range(2):
            await me.update(exercise="Squat", sets=3, reps=5, weight=80, client_id="s-1")
            assert (await me.get("ack", client_id="s-1"))["number"] == 1
        await me.update(exercise="Press", sets=3, reps=5, weight=40, client_id="s-2")
        heard = [(await friend.get("workout_update"))["client_id"] for _ in range(2)]
        assert heard == ["s-1", "s-2"]


async def test_a_start_sent_again_gives_the_same_workout(people):
    async with training(people["ada"]) as me:
        await me.say("workout_start", kind="running", client_id="begin")
        assert (await me.get("ack"))["number"] == me.workout["id"]
        await finish(me)
        await me.say("workout_start", kind="running", client_id="begin")
        assert (await me.get("ack"))["number"] == me.workout["id"]


async def test_who_joins_gets_the_state_so_far(people):
    async with training(people["ada"]) as me:
        for n in range(1, 4):
            await me.update(time=n, heart_rate=100 + 10 * n, distance=50 + 5 * n)
        await saved(me, 3)
        async with watching("ben", people["ada"]) as friend:
            assert friend.first["samples"] == [
                [n, 100 + 10 * n, None, None, 50 + 5 * n] for n in range(1, 4)
            ]
            totals = friend.first["workout"]["totals"]
            assert totals["heart_rate_mean"] == 120 and totals["heart_rate_max"] == 130
            assert totals["distance_m"] == 10
            assert friend.first["workout"]["saved_up_to"] == 3


async def test_pause_resume_and_finish_are_told_to_all(people):
    async with training(people["ada"]) as me, watching("ben", people["ada"]) as friend:
        await me.update(time=1, heart_rate=120)
        for change, state in (("pause", "paused"), ("resume", "running")):
            await me.say(f"workout_{change}")
            for person in (me, friend):
                assert (await person.get("workout_state"))["workout"]["state"] == state
        totals = await finish(me)
        assert totals["heart_rate_mean"] == 120 and totals["duration_seconds"] <= 1
        frame = await friend.get("workout_finished")
        assert frame["totals"] == totals and frame["workout_id"] == me.workout["id"]
        for person in (me, friend):
            assert (await person.get("workout_state"))["workout"] is None


@pytest.mark.parametrize("change", ["pause", "resume", "finish"])
async def test_what_cannot_be_now_is_a_conflict(people, change):
    async with watching("ada", people["ada"]) as me:
        await me.say(f"workout_{change}")
        assert (await me.hear())["code"] == "conflict"
        for fields in ({"time": 1, "power": 1}, dict(exercise="a", sets=1, reps=1, weight=1)):
            await me.update(**fields)
            assert (await me.hear())["code"] == "conflict"
        await begin(me)
        await me.say("workout_start", kind="running")
        assert (await me.get("error"))["code"] == "conflict"
        await me.say("workout_resume")
        assert "running" in (await me.get("error"))["detail"]


async def test_finishing_stores_all_that_was_sent_before(people):
    async with training(people["ada"]) as me:
        for n in range(60):
            await me.update(time=n, power=100)
        totals = await finish(me)
        assert totals["duration_seconds"] == 59 and totals["power_mean"] == 100
    assert len(await stored(me.workout["id"])) == 60
    workout = await the(me.workout["id"])
    assert workout.state == "finished" and workout.power_max == 100


@pytest.mark.task(
    title="Store the rest, however it ends",
    hint="leave() runs after a close, a log-out and a crash: flush the buffer there.",
    page="steps/step06_fitness_app/#live-workouts-what-may-be-lost",
)
@pytest.mark.parametrize("how", ["leaves", "is logged out", "crashes"])
async def test_what_was_sent_is_stored_however_the_connection_ends(people, how, monkeypatch):
    monkeypatch.setattr("workouts.buffer.EVERY", 1000)  # nothing but the end stores
    crash = pytest.raises(ZeroDivisionError) if how == "crashes" else nullcontext()
    with crash:
        async with training(people["ada"]) as me:
            workout_id = me.workout["id"]
            await me.update(time=7, power=100)
            await me.get("workout_update")
            if how == "is logged out":
                await in_thread(me.browser.logout)()
                assert (await me.closed())[0] == 4401
            elif how == "crashes":
                monkeypatch.setattr("workouts.services.add_set", lambda *_: 1 / 0)
                await me.update(exercise="a", sets=1, reps=1, weight=1)
                await me.ended()
    assert await stored(workout_id) == [[7, None, None, 100, None]]


async def test_samples_are_stored_in_few_batches_and_fewer_rows(people, monkeypatch):
    from workouts import services
    from workouts.models import Samples

    batches, store = [], services.store_samples
    monkeypatch.setattr(services, "store_samples", lambda *how: batches.append(how) or store(*how))
    monkeypatch.setattr("workouts.buffer.EVERY", 0.3)
    began = time.monotonic()
    async with training(people["ada"]) as me:
        for n in range(60):
            await me.update(time=n, power=n)
            await me.get("workout_update", time=n)
        await saved(me, 59)
    assert 1 <= len(batches) <= (time.monotonic() - began) / 0.3
    assert await Samples.objects.acount() == 1


@pytest.mark.task(
    title="Let no watcher wait for the database",
    hint="Channels hops to the database thread before each handler: override dispatch() "
    "without it, and go there only for what needs it.",
    page="steps/step06_fitness_app/#lifecycle",
)
async def test_no_sample_asks_the_database_and_watchers_get_it_while_a_query_is_slow(
    people, monkeypatch
):
    """The thread in which this process asks the database is busy all the while."""
    monkeypatch.setattr("workouts.buffer.EVERY", 0.01)  # the flush, too, waits for that thread
    async with training(people["ada"]) as me, watching("ben", people["ada"]) as friend:
        for person in (me, friend):  # both have looked at what has just begun
            await me.update(time=0, power=0)
            await person.get("workout_update")
        is_busy, is_over = threading.Event(), threading.Event()
        query = asyncio.create_task(in_thread(lambda: [is_busy.set(), is_over.wait(20)])())
        await asyncio.to_thread(is_busy.wait, 5)
        try:
            for n in range(1, 20):
                await me.update(time=n, power=n)
                await friend.get("workout_update", time=n)
            assert not query.done()
        finally:
            is_over.set()
        await query
        await saved(me, 19)


async def test_samples_sent_again_are_stored_once(people):
    async with training(people["ada"]) as me:
        await me.update(time=1, power=100)
        await me.update(time=2, power=200)
        await saved(me, 2)
    async with watching("ada", people["ada"]) as me_again:
        workout = me_again.first["workout"]
        assert workout["saved_up_to"] == 2
        for n in (1, 2, 3):
            await me_again.update(time=n, power=100 * n)
        await saved(me_again, 3)
        assert await stored(workout["id"]) == [[n, None, None, 100 * n, None] for n in (1, 2, 3)]
        await finish(me_again)


async def test_two_tabs_send_what_each_measures(people):
    """In no order, with one moment in common: nothing of it is lost."""
    ada = people["ada"]
    async with training(ada) as me, watching("ada", ada) as phone:
        await me.update(time=1, power=100)
        await me.update(time=3, power=300)
        await saved(me, 3)
        await phone.update(time=1, heart_rate=110)
        await phone.update(time=2, heart_rate=120)
        await phone.get("workout_update", time=2)
        await finish(me)  # with two in the phone's buffer
        await saved(phone, 2)
    assert await stored(me.workout["id"]) == [
        [1, 110, None, 100, None],
        [2, 120, None, None, None],
        [3, None, None, 300, None],
    ]
    workout = await the(me.workout["id"])
    assert (workout.heart_rate_mean, workout.power_mean) == (115, 200)


async def test_a_database_that_is_away_costs_no_sample(people, monkeypatch):
    from django.db import OperationalError

    from workouts import services

    def fail(*arguments):
        raise OperationalError("away")

    async with training(people["ada"]) as me, watching("ben", people["ada"]) as friend:
        with monkeypatch.context() as away:
            away.setattr("workouts.services.store_samples", fail)
            await me.update(time=1, power=100)
            assert (await me.get("error"))["code"] == "not_saved"
            await me.say("workout_finish")
            assert (await me.get("error"))["code"] == "not_saved"
            assert (await friend.get("workout_update"))["power"] == 100
            assert (await the(me.workout["id"])).state == "running"
        assert services.store_samples is not fail
        await saved(me, 1)
        assert (await finish(me))["power_mean"] == 100


async def test_who_opens_many_tabs_waits_longer_and_loses_nothing(people, monkeypatch):
    monkeypatch.setattr("workouts.services.BATCHES_PER_MINUTE", 1)
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as friend:
        await me.update(time=1, power=100)
        await saved(me, 1)
        await me.update(time=2, power=100)
        assert (await me.get("error"))["code"] == "not_saved"
        # Meanwhile nothing is passed on: their tabs together send no more than they may store.
        await me.update(time=3, power=100)
        assert "later" in (await me.get("error", code="not_saved"))["detail"]
        frames = await friend.until("workout_update", time=2)
        assert [frame["time"] for frame in frames if frame["type"] == "workout_update"] == [1, 2]
        monkeypatch.setattr("workouts.services.BATCHES_PER_MINUTE", 100)
        await saved(me, 2)
        await me.update(time=4, power=100)
        await saved(me, 4)
        assert (await friend.get("workout_update"))["time"] == 4


async def test_too_much_of_a_workout_that_is_deleted_is_not_held_against_the_next(
    people, monkeypatch
):
    monkeypatch.setattr("workouts.services.BATCHES_PER_MINUTE", 0)
    async with training(people["ada"]) as me:
        await me.update(time=1, power=100)
        await me.get("error", code="not_saved")
        gone = await in_thread(me.browser.delete)(f"/api/workouts/{me.workout['id']}/")
        assert gone.status_code == 204
        frames = await me.until("error", code="conflict")
        if not any(frame["type"] == "workout_state" for frame in frames):  # whichever is first
            await me.get("workout_state", workout=None)
        monkeypatch.setattr("workouts.services.BATCHES_PER_MINUTE", 100)
        await begin(me, client_id="next")
        await me.update(time=2, power=100)
        await saved(me, 2)


async def test_no_more_wait_for_the_database_than_memory_holds(people, monkeypatch):
    monkeypatch.setattr("workouts.buffer.MOST", 2)
    monkeypatch.setattr("workouts.buffer.EVERY", 1000)
    async with training(people["ada"]) as me:
        for n in range(3):
            await me.update(time=n, power=1)
        assert "later" in (await me.get("error", code="not_saved"))["detail"]
        assert (await finish(me))["duration_seconds"] == 1


async def test_a_workout_deleted_under_the_owners_feet(people):
    from workouts.models import Workout

    async with training(people["ada"]) as me:
        await me.update(time=1, power=100)
        await Workout.objects.filter(pk=me.workout["id"]).adelete()  # nobody is told
        error = await me.get("error", code="conflict")
        assert error["detail"] == "the workout of these samples is deleted"
        await me.say("workout_finish")
        assert (await me.get("error"))["code"] == "conflict"


async def test_a_deleted_workout_is_gone_for_who_watches(people):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as friend:
        answer = await in_thread(me.browser.delete)(f"/api/workouts/{me.workout['id']}/")
        assert answer.status_code == 204
        for person in (me, friend):
            assert (await person.get("workout_state"))["workout"] is None


async def test_what_staff_change_or_delete_is_told_as_well(people, admin_client):
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as friend, watching("tom", ada) as trainer:
        page = f"/admin/workouts/workout/{me.workout['id']}/"
        given = {"kind": "cycling", "privacy": "trainer"}
        sets = {"sets-TOTAL_FORMS": 0, "sets-INITIAL_FORMS": 0}
        changed = await in_thread(admin_client.post)(f"{page}change/", {**given, **sets})
        assert changed.status_code == 302, changed.context["adminform"].form.errors
        assert await friend.closed() == (4403, "there is nothing here for you to watch")
        await in_thread(admin_client.post)(f"{page}delete/", {"post": "yes"})
        assert (await trainer.get("workout_state", workout=None))["workout"] is None


async def test_a_workout_left_running_is_there_on_return_and_ends_with_its_last_sample(people):
    from workouts.models import Workout

    async with training(people["ada"]) as me:
        await me.update(time=60, heart_rate=120)
        await saved(me, 60)
    three_days_ago = timezone.now() - timedelta(days=3)
    await Workout.objects.aupdate(started_at=three_days_ago)
    async with watching("ada", people["ada"]) as me_again:
        assert me_again.first["workout"]["state"] == "running"
        assert me_again.first["workout"]["time"] > 3 * 24 * 3600 - 1
        assert (await finish(me_again))["duration_seconds"] == 60
    workout = await the(me.workout["id"])
    assert workout.finished_at == three_days_ago + timedelta(seconds=60)


async def test_what_is_awarded_comes_with_the_end(people):
    from notifications.models import Achievement

    async with training(people["ada"]) as me:
        assert not await Achievement.objects.aexists()
        await me.update(time=60, heart_rate=120)
        await finish(me)
    assert (await Achievement.objects.aget()).rule == "first_workout"


async def test_an_award_that_fails_leaves_the_workout_running(people, monkeypatch):
    def fail(user_id):
        raise RuntimeError

    monkeypatch.setattr("notifications.services.award", fail)
    with pytest.raises(RuntimeError):
        async with training(people["ada"]) as me:
            await me.say("workout_finish")
            await me.ended()
    assert (await the(me.workout["id"])).state == "running"


# Watchers in and out


async def test_a_more_private_workout_puts_watchers_out_before_its_first_frame(people):
    ada = people["ada"]
    async with (
        watching("ada", ada) as me,
        watching("ben", ada) as friend,
        watching("tom", ada) as trainer,
    ):
        await begin(me, privacy="trainer")
        await me.update(time=1, heart_rate=120)
        frames = await friend.until("closing")
        assert [frame["type"] for frame in frames] == ["closing"]
        assert frames[0]["code"] == 4403
        assert (await trainer.get("workout_update"))["heart_rate"] == 120


async def test_so_it_is_when_the_layer_loses_the_message_that_says_so(people, monkeypatch):
    monkeypatch.setattr("workouts.services.tell_group", lambda group: None)
    ada = people["ada"]
    async with watching("ada", ada) as me, watching("ben", ada) as friend:
        await begin(me, privacy="trainer")
        await me.update(time=1, heart_rate=120)
        assert (await friend.hear())["type"] == "closing"


async def test_a_missed_start_is_made_up_for_with_the_first_sample(people, monkeypatch):
    monkeypatch.setattr("workouts.services.tell_group", lambda group: None)
    ada = people["ada"]
    async with watching("ada", ada) as me, watching("ben", ada) as friend:
        await begin(me)
        await me.update(time=1, heart_rate=120)
        assert (await friend.hear())["type"] == "workout_state"
        assert (await friend.hear())["type"] == "workout_update"


async def test_changed_privacy_puts_out_and_lets_in(people):
    ada = people["ada"]
    async with training(ada, privacy="public") as me, watching("cleo", ada) as stranger:
        browser = await in_thread(browser_of)("ada")

        @in_thread
        def change(privacy):
            url = f"/api/workouts/{me.workout['id']}/"
            return browser.patch(url, {"privacy": privacy}, "application/json").status_code

        assert await change("friends") == 200
        assert (await stranger.closed())[0] == 4403
        assert (await me.get("workout_state"))["workout"]["privacy"] == "friends"
        assert await change("public") == 200
        async with watching("cleo", ada) as stranger:
            assert stranger.first["workout"]["id"] == me.workout["id"]


async def test_a_block_and_the_end_of_a_friendship_put_out(people):
    from people import services

    ada, ben, tom = (people[name] for name in ("ada", "ben", "tom"))
    async with training(ada), watching("ben", ada) as friend, watching("tom", ada) as trainer:
        await in_thread(services.unfriend)(ada, ben)
        assert (await friend.closed())[0] == 4403
        await in_thread(services.block)(tom, ada)
        assert (await trainer.closed())[0] == 4403


async def test_the_profiles_privacy_counts_while_nothing_runs(people):
    from people import services

    ada = people["ada"]
    async with watching("ben", ada) as friend:
        await in_thread(services.change)(ada.profile, privacy="private")
        assert (await friend.closed())[0] == 4403
    async with watching("ada", ada) as me:
        assert (await begin(me))["privacy"] == "private"
