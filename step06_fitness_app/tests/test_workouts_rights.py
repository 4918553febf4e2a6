"""Who may watch, read and change a workout: each relation, each privacy, each way."""

import pytest
from channels.db import database_sync_to_async as in_thread

from tests.people import browser_of
from tests.working_out import finish, refused, training, watching

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = (4403, "there is nothing here for you to watch")
WATCHERS = {
    "ada": "owner",
    "tom": "trainer",
    "ben": "friend",
    "cleo": "stranger",
    "dora": "blocked",
}
MAY = {
    "public": {"ada", "tom", "ben", "cleo"},
    "friends": {"ada", "tom", "ben"},
    "trainer": {"ada", "tom"},
    "private": {"ada"},
}
MESSAGES = {
    "workout_start": {"kind": "running"},
    "workout_pause": {},
    "workout_resume": {},
    "workout_finish": {},
    "workout_update": {"time": 1, "heart_rate": 100},
}


@pytest.mark.parametrize("privacy", MAY)
async def test_who_may_watch_a_running_workout_and_read_a_finished_one(people, privacy):
    """The profile says the opposite: it does not count."""
    ada = people["ada"]
    ada.profile.privacy = "private" if privacy == "public" else "public"
    await ada.profile.asave(update_fields=["privacy"])
    async with training(ada, privacy=privacy) as me:
        for name in WATCHERS:
            if name in MAY[privacy]:
                async with watching(name, ada) as watcher:
                    assert watcher.first["workout"]["id"] == me.workout["id"], name
            else:
                assert await refused(name, ada) == NOTHING, name
        await me.update(time=1, heart_rate=100)
        await finish(me)
    for name in [*WATCHERS, "sam"]:
        may = name in MAY[privacy] or (name == "sam" and privacy == "public")
        assert await reads(name, me.workout["id"]) == ([200] * 2 + [1] if may else [404] * 2 + [0])


@in_thread
def reads(name: str, workout_id: int) -> list[int]:
    browser = browser_of(name)
    one = browser.get(f"/api/workouts/{workout_id}/")
    samples = browser.get(f"/api/workouts/{workout_id}/samples/")
    listed = browser.get("/api/workouts/?user=ada").json()["count"]
    return [one.status_code, samples.status_code, listed]


@pytest.mark.parametrize("privacy", MAY)
async def test_the_profile_counts_while_nothing_runs(people, privacy):
    ada = people["ada"]
    ada.profile.privacy = privacy
    await ada.profile.asave(update_fields=["privacy"])
    for name in WATCHERS:
        if name in MAY[privacy]:
            async with watching(name, ada) as watcher:
                assert watcher.first["workout"] is None, name
        else:
            assert await refused(name, ada) == NOTHING, name


@pytest.mark.parametrize("type", MESSAGES)
async def test_nobody_but_the_owner_says_anything(people, type):
    """However close they are, and whatever name they write into it."""
    ada = people["ada"]
    async with training(ada, privacy="public") as me:
        for name in ("tom", "ben", "cleo"):
            async with watching(name, ada) as watcher:
                await watcher.say(type, **MESSAGES[type], username="ada", user_id=ada.pk)
                error = await watcher.hear()
                assert (error["type"], error["code"]) == ("error", "not_allowed"), name
        await me.say("workout_pause")
        frames = await me.until("workout_state")
        assert [frame["type"] for frame in frames] == ["workout_state"]
        assert frames[0]["workout"]["id"] == me.workout["id"]


async def test_one_workout_is_nobody_elses(people):
    """A friend's message of their own workout, on their own socket, changes theirs alone."""
    ada, ben = people["ada"], people["ben"]
    async with training(ada) as me, training(ben) as friend:
        await friend.update(time=1, heart_rate=99)
        await finish(friend)
        await me.update(time=2, heart_rate=100)
        frames = await me.until("workout_update")
        assert [frame["type"] for frame in frames] == ["workout_update"]
        assert frames[0]["time"] == 2


@pytest.mark.parametrize(
    "asked",
    [
        "0",
        "999999",
        "-1",
        "1.5",
        "ada",
        "",
        "9" * 19,
        "9" * 400,
        "%00",
        "%0A",
        "%D9%A3",
        "1/2",
        " 1",
    ],
)
async def test_what_is_no_id_is_answered_as_nobody(people, asked):
    assert await refused("ada", asked) == NOTHING


async def test_who_is_not_logged_in_is_refused(people):
    code, _ = await refused(None, people["ada"])
    assert code == 4401


async def test_a_deactivated_owner_is_nobody(people):
    ada = people["ada"]
    ada.is_active = False
    await ada.asave()
    assert await refused("ben", ada) == NOTHING


async def test_a_deleted_owners_watchers_get_nothing_more(people, settings):
    settings.RECHECK_SECONDS = 0.2
    ada = people["ada"]
    async with training(ada) as me, watching("ben", ada) as friend:
        await ada.adelete()
        assert (await me.closed())[0] == 4401
        assert await friend.closed() == NOTHING


def test_others_workouts_cannot_be_changed(people, recorded):
    for name in ("tom", "ben", "cleo", "dora", "sam"):
        browser, url = browser_of(name), f"/api/workouts/{recorded.pk}/"
        assert browser.patch(url, {"privacy": "private"}, "application/json").status_code == 404
        assert browser.delete(url).status_code == 404
    recorded.refresh_from_db()
    assert recorded.privacy == "public"


def test_nobody_reads_the_api_without_logging_in(client, recorded):
    for url in ("", f"{recorded.pk}/", f"{recorded.pk}/samples/"):
        assert client.get(f"/api/workouts/{url}").status_code in (401, 403)


@pytest.fixture
def recorded(people):
    """A public workout of Ada's."""
    from people.services import change
    from tests.working_out import record

    change(people["ada"].profile, privacy="public")
    return record(people["ada"])
