"""The form coach through its socket: who may, what each hears, and what is stored."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from accounts import services as accounts
from coaching import cues
from coaching.measures import measure
from people.models import Profile
from realtime import groups
from tests.people import browser_of, knock, visit
from tests.poses import body, follow, recording, squat
from workouts import services as workouts

pytestmark = pytest.mark.django_db(transaction=True)
OVER = (4403, "this workout is over")
NOT_YOURS = (4403, "there is no workout that goes on here, or it is not shown to you")
NOTHING = {
    "visible": False,
    "stage": None,
    "depth": None,
    "deepest": None,
    "tempo": None,
    "balance": None,
    "feet_width": None,
    "knees": None,
}


@pytest.fixture
def workout(people):
    """Ada's running workout: friends and her trainer may watch."""
    return workouts.start(people["ada"], "strength", "friends")


def path(workout) -> str:
    return f"/ws/form/{getattr(workout, 'pk', workout)}/"


@asynccontextmanager
async def enter(username, workout):
    """Somebody at the coach: the first frame is read."""
    async with visit(path(workout), username) as person:
        person.first = await person.hear()
        assert person.first["type"] == "form_state", person.first
        yield person


async def pose(person, points, time=0.0):
    await person.say("pose", time=time, points=points)


async def send(person, frames):
    """As fast as they are taken: times are the frames' own."""
    for frame in frames:
        await pose(person, frame.points, frame.time)


@pytest.fixture
def quick(monkeypatch):
    """A squat is sent at once: no limit, and updates without a pause."""
    monkeypatch.setattr("form.consumers.FormConsumer.rate", (100_000, 100_000))


# What each hears


async def test_the_first_frame_says_who_you_are_here(workout):
    for name, role in [("ada", "owner"), ("ben", "watcher"), ("tom", "trainer")]:
        async with enter(name, workout) as here:
            first = {"type": "form_state", "workout_id": workout.pk, "username": "ada"}
            assert here.first == {**first, "role": role, "repetitions": 0, **NOTHING}


async def test_owner_and_watcher_hear_what_the_coach_sees(workout):
    async with enter("ada", workout) as here, enter("ben", workout) as there:
        points = body(0.7, feet=1.5)
        await pose(here, points)
        frame = await here.get("form_update")
        assert await there.get("form_update") == frame
        seen = measure(points)
        assert (frame["visible"], frame["stage"], frame["repetitions"]) == (True, "down", 0)
        for name in ("depth", "balance", "feet_width", "knees"):
            assert frame[name] == pytest.approx(getattr(seen, name), abs=0.001)
        assert [tuple(point) for point in frame["points"]] == [*points]


async def test_what_is_not_visible_is_told_so(workout):
    async with enter("ada", workout) as here:
        await pose(here, body(seen=0.2))
        frame = await here.get("form_update")
        assert {name: frame[name] for name in NOTHING} == NOTHING


async def test_the_recording_gives_the_same_as_without_a_socket(workout, quick):
    frames = [frame for _, frame in recording()]
    _, said, told = follow(frames)
    async with enter("ada", workout) as here, enter("tom", workout) as there:
        await send(here, frames)
        last = {"repetitions": said[-1].repetitions, "stage": "down", "depth": said[-1].depth}
        for person in (here, there):
            heard = await person.until("form_update", **last)
            texts = [frame["text"] for frame in heard if frame["type"] == "form_cue"]
            assert texts == [told[0][1]]  # in no time at all: one in two seconds


async def test_thirty_a_second_are_ten_updates_and_the_newest_is_the_last(workout, quick):
    async with enter("ada", workout) as here, enter("ben", workout) as there:
        begun = asyncio.get_running_loop().time()
        for number in range(30):
            await pose(here, body(1.4, feet=1.2 + number / 100), number / 30)
            await asyncio.sleep(1 / 60)
        heard = await there.until("form_update", feet_width=1.49)
        passed = asyncio.get_running_loop().time() - begun
        assert 2 <= len(heard) <= passed / 0.1 + 2
        assert await here.until("form_update", feet_width=1.49) == heard


async def test_a_watcher_who_comes_later_hears_how_it_is(workout):
    async with enter("ada", workout) as here:
        await pose(here, body())
        async with enter("ben", workout) as there:
            await pose(here, body(0.7), 0.1)
            await there.get("form_update", stage="down")


async def test_each_update_is_encoded_once(workout, monkeypatch):
    from realtime import publish

    encoded = []
    encode = publish.encode
    monkeypatch.setattr(publish, "encode", lambda message: encoded.append(1) or encode(message))
    async with (
        enter("ada", workout) as here,
        enter("ben", workout) as there,
        enter("tom", workout) as trainer,
    ):
        await pose(here, body())
        for person in (here, there, trainer):
            await person.get("form_update")
    assert len(encoded) == 1


async def test_poses_ask_no_database(workout, django_assert_num_queries, monkeypatch):
    async with enter("ada", workout) as here, enter("ben", workout) as there:

        def refuse(*arguments, **options):
            raise AssertionError("the database was asked")

        monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)
        await send(here, squat()[:10])
        await there.get("form_update")
        monkeypatch.undo()


# Cues


async def test_a_cue_of_the_coach_reaches_all(workout):
    async with enter("ada", workout) as here, enter("ben", workout) as there:
        for number in range(10):
            await pose(here, body(feet=0.5), number / 20)
        cue = {"type": "form_cue", "text": "Set your feet wider", "from": "coach"}
        assert await here.get("form_cue") == await there.get("form_cue") == cue


async def test_a_trainers_cue_reaches_all(workout):
    async with enter("ada", workout) as here, enter("tom", workout) as trainer:
        await trainer.say("cue", text="Chest up!")
        cue = {"type": "form_cue", "text": "Chest up!", "from": "tom"}
        assert await here.get("form_cue") == await trainer.get("form_cue") == cue


async def test_a_trainer_says_one_thing_in_two_seconds(workout, monkeypatch):
    async with enter("ada", workout) as here, enter("tom", workout) as trainer:
        for text in ("one", "two"):
            await trainer.say("cue", text=text)
        assert (await trainer.get("error"))["code"] == "too_fast"
        monkeypatch.setattr("form.consumers.QUIET", 0)
        await trainer.say("cue", text="three")
        heard = await here.until("form_cue", text="three")
        assert [frame["text"] for frame in heard] == ["one", "three"]


async def test_the_coach_is_quiet_while_the_trainer_speaks(workout):
    async with enter("ada", workout) as here, enter("tom", workout) as trainer:
        await trainer.say("cue", text="Slowly")
        await here.get("form_cue", text="Slowly")
        for number in range(10):
            await pose(here, body(feet=0.5), number / 20)
        await here.say("cue", text="x")
        heard = await here.until("error")
        assert "form_cue" not in [frame["type"] for frame in heard]


# Who may

SENDS = {"pose": {"time": 0, "points": body()}, "cue": {"text": "Up!"}}
MAY = {("ada", "pose"), ("tom", "cue")}


@pytest.mark.parametrize("name", ["ada", "ben", "cleo", "tom", "sam"])
@pytest.mark.parametrize("type", SENDS)
async def test_only_the_owner_sends_poses_and_only_their_trainer_cues(people, name, type):
    workout = await in_thread(workouts.start)(people["ada"], "strength", "public")
    async with enter("ada", workout) as owner, enter(name, workout) as here:
        await here.say(type, **SENDS[type])
        if (name, type) in MAY:
            assert (await owner.hear())["type"] == {"pose": "form_update", "cue": "form_cue"}[type]
        else:
            assert (await here.get("error"))["code"] == "not_allowed"
            await pose(owner, body(0.7))
            assert (await owner.get("form_update"))["stage"] == "down"


SEES = {
    "public": {"ada", "ben", "cleo", "tom", "sam"},
    "friends": {"ada", "ben", "tom"},
    "trainer": {"ada", "tom"},
    "private": {"ada"},
}


@pytest.mark.parametrize("privacy", SEES)
@pytest.mark.parametrize("name", ["ada", "ben", "cleo", "dora", "tom", "sam"])
async def test_who_may_watch_the_workout_may_be_here(people, name, privacy):
    workout = await in_thread(workouts.start)(people["ada"], "strength", privacy)
    async with visit(path(workout), name) as here:
        if name in SEES[privacy]:
            assert (await here.hear())["type"] == "form_state"
        else:
            assert await here.closed() == NOT_YOURS


async def test_nobody_in_particular_is_4401(workout, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock(path(workout)) as here:
        assert (await here.closed())[0] == 4401


@pytest.mark.parametrize(
    "asked",
    [
        "0",
        "-1",
        "x",
        "None",
        "1.0",
        "a/b",
        "%00",
        "%0A",
        "٣",
        "%C2%B2",
        "1%00",
        "9" * 18,
        "9" * 5000,
        "",
    ],
)
async def test_what_is_no_workout_is_refused_like_a_strangers(people, asked):
    async with visit(path(quote(asked, safe="%/.")), "ada") as here:
        assert await here.closed() == NOT_YOURS


@pytest.mark.parametrize(
    ("name", "end"), [("ada", OVER), ("tom", OVER), ("cleo", NOT_YOURS), ("dora", NOT_YOURS)]
)
async def test_a_finished_workout_is_over_for_who_may_know_of_it(people, workout, name, end):
    await in_thread(workouts.finish)(people["ada"])
    async with visit(path(workout), name) as here:
        assert await here.closed() == end


async def test_a_former_trainer_may_not_send_cues(people, workout):
    async with enter("tom", workout) as trainer:
        await Profile.objects.filter(user=people["ada"]).aupdate(trainer=None)
        await in_thread(accounts.tell)(people["tom"].pk)
        assert await trainer.closed() == NOT_YOURS


async def test_a_trainer_who_stays_as_anybody_else_is_no_trainer(people):
    workout = await in_thread(workouts.start)(people["ada"], "strength", "public")
    async with enter("tom", workout) as trainer:
        await Profile.objects.filter(user=people["ada"]).aupdate(trainer=None)
        await in_thread(accounts.tell)(people["tom"].pk)
        await trainer.say("cue", text="still here?")
        heard = [await trainer.hear()]
        while heard[-1]["type"] != "error":  # said before the socket looked again
            await trainer.say("cue", text="still here?")
            heard.append(await trainer.hear())
        assert heard[-1]["code"] in ("not_allowed", "too_fast")
        await trainer.say("cue", text="and now?")
        assert (await trainer.get("error"))["code"] == "not_allowed"


@pytest.mark.parametrize("change", ["finish", "privacy", "delete"])
async def test_watchers_go_when_there_is_nothing_for_them_to_see(people, workout, change):
    async with enter("ada", workout), enter("ben", workout) as there:
        if change == "finish":
            await in_thread(workouts.finish)(people["ada"])
        elif change == "privacy":
            await in_thread(workouts.change_privacy)(workout, "private")
        else:
            await in_thread(workouts.delete)(workout)
        assert await there.closed() == (OVER if change == "finish" else NOT_YOURS)


async def test_a_group_message_of_another_kind_is_no_cue(workout):
    """`cued` and `recheck` are the server's own: no client sends them."""
    async with enter("ada", workout) as here:
        for type in ("cued", "recheck", "frame", "form_cue"):
            await here.say(type, text="forged")
            assert (await here.hear())["code"] == "invalid_message"
    assert groups.form(workout.pk).isascii()


# What is stored


async def stored(workout):
    return [
        (done.exercise, done.sets, done.repetitions, done.weight_kg)
        async for done in workout.sets.all()
    ]


async def test_what_was_counted_is_stored_as_a_set_and_a_new_connection_goes_on(workout, quick):
    async with enter("ada", workout) as here:
        for number in range(2):
            await send(here, squat(7, start=7 * number))
        await here.get("form_update", repetitions=2, stage="up")
        await here.communicator.disconnect(1000)
        assert await stored(workout) == [("squat", 1, 2, 0)]
    async with enter("ada", workout) as here, enter("ben", workout) as there:
        assert here.first["repetitions"] == there.first["repetitions"] == 2
        await send(here, squat(7))
        await there.get("form_update", repetitions=3)
        await here.communicator.disconnect(1000)
        assert [one[2] for one in await stored(workout)] == [2, 1]


async def test_where_nothing_was_counted_nothing_is_stored(workout):
    async with enter("ada", workout) as here:
        await pose(here, body())
        await here.get("form_update")
    async with enter("tom", workout) as trainer:
        await trainer.say("cue", text="Hello?")
    assert await stored(workout) == []


async def test_a_full_workout_gets_no_more_sets(workout, quick, monkeypatch):
    monkeypatch.setattr("workouts.services.MAX_SETS", 1)
    for repetitions in (0, 1):
        async with enter("ada", workout) as here:
            assert here.first["repetitions"] == repetitions
            await send(here, squat(7))
            await here.get("form_update", repetitions=repetitions + 1)
            await here.communicator.disconnect(1000)
    assert await stored(workout) == [("squat", 1, 1, 0)]


async def test_a_workout_that_is_finished_meanwhile_gets_its_set(people, workout, quick):
    async with enter("ada", workout) as here:
        await send(here, squat(7))
        await here.get("form_update", repetitions=1)
        await in_thread(workouts.finish)(people["ada"])
        assert await here.closed() == OVER
        await here.communicator.disconnect(1000)
    assert await stored(workout) == [("squat", 1, 1, 0)]
    await workout.arefresh_from_db()
    assert workout.repetitions == 1


async def test_a_workout_that_is_deleted_meanwhile_gets_none(people, workout, quick):
    async with enter("ada", workout) as here:
        await send(here, squat(7))
        await here.get("form_update", repetitions=1)
        await in_thread(workouts.delete)(workout)
        assert await here.closed() == NOT_YOURS


async def test_the_set_reaches_who_watches_the_workout(people, workout, quick):
    async with visit(f"/ws/workout/{people['ada'].pk}/", "ben") as there:
        await there.get("workout_state")
        async with enter("ada", workout) as here:
            await send(here, squat(7))
            await here.get("form_update", repetitions=1)
        assert (await there.get("workout_update", exercise="squat"))["reps"] == 1


# The pages


def test_the_page_begins_a_workout_and_uses_it(people):
    browser = browser_of("ada")
    assert b"Start a strength workout" in browser.get("/form/").content
    assert browser.post("/form/").url == "/form/"
    assert workouts.unfinished(people["ada"]).get().kind == "strength"
    page = browser.get("/form/").content
    assert b"Play the recording" in page and b"Bao" not in page
    assert browser.post("/form/").status_code == 302  # again: the same goes on
    assert workouts.unfinished(people["ada"]).count() == 1


def test_a_watcher_gets_a_page_and_the_trainer_a_form(people, workout):
    assert browser_of("ada").get("/form/ada/").url == "/form/"
    trainers, friends = (browser_of(name).get("/form/ada/").content for name in ("tom", "ben"))
    assert b"Cue for ada" in trainers and b"Cue for ada" not in friends
    assert b'data-owner="ada"' in friends


@pytest.mark.parametrize("name", ["cleo", "dora"])
def test_who_may_not_watch_finds_nobody(people, workout, name):
    browser = browser_of(name)
    hidden, absent = browser.get("/form/ada/"), browser.get("/form/nobody/")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content.count(b"ada") == absent.content.count(b"nobody")


def test_the_pages_ask_to_log_in(client):
    for page in ("/form/", "/form/ada/", "/form/frames.json"):
        assert client.get(page).url.startswith("/login/")


def test_the_recording_is_served_as_it_is_in_the_file(people):
    frames = browser_of("ada").get("/form/frames.json")
    assert frames["Content-Type"] == "application/json"
    points = [[list(point) for point in frame.points] for _, frame in recording()]
    assert frames.json() == {"rate": 30, "frames": points}


def test_the_cues_the_coach_knows_fit_a_trainers():
    texts = [fault.cue for fault in cues.FAULTS] + [cues.DEEPER, cues.SLOWER, cues.NOT_VISIBLE]
    assert all(len(text) <= 200 for text in texts)


async def test_a_set_is_of_the_last_repetition_not_of_the_tabs_end(workout, quick):
    async with enter("ada", workout) as here:
        await send(here, squat(7))
        await here.get("form_update", repetitions=1, stage="up")
        counted = timezone.now()
    done = await workout.sets.aget()
    assert done.at < counted
