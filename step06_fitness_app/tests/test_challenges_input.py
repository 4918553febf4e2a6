"""Whatever comes into a challenge: the socket survives it, and nothing wrong is stored."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.challenging import did, enter, make
from tests.people import browser_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def race(people) -> int:
    return make("ada", "ada", "ben")


@pytest.fixture(autouse=True)
def unlimited(settings, monkeypatch) -> None:
    """Nobody is slowed down, nor put out for too many bad messages."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000
    settings.USER_MESSAGES_PER_MINUTE = settings.CONNECTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr("realtime.limits.Row.is_full", lambda row: False)


def frame(type: str = "progress_update", **fields) -> str:
    return json.dumps({"type": type, **fields})


NASTY = {
    "no JSON": "{",
    "not an object": "[]",
    "binary": frame(value=1, client_id="a").encode(),
    "no type": '{"value": 1, "client_id": "a"}',
    "of another socket": frame("chat_message", message="hello"),
    "a type that only goes out": frame("leaderboard_update", version=9, top=[]),
    "a type of the group's": frame("show", version=9),
    "another of the group's": frame("changed"),
    "no value": frame(client_id="a"),
    "no client_id": frame(value=1),
    "value is text": frame(value="1", client_id="a"),
    "value is true": frame(value=True, client_id="a"),
    "negative": frame(value=-0.1, client_id="a"),
    "too much": frame(value=10_000_000.1, client_id="a"),
    "NaN": '{"type": "progress_update", "client_id": "a", "value": NaN}',
    "Infinity": '{"type": "progress_update", "client_id": "a", "value": Infinity}',
    "an exponent": '{"type": "progress_update", "client_id": "a", "value": 1e400}',
    "5,000 digits": '{"type": "progress_update", "client_id": "a", "value": %s}' % ("9" * 5000),
    "client_id empty": frame(value=1, client_id=""),
    "client_id blank": frame(value=1, client_id="  "),
    "client_id too long": frame(value=1, client_id="x" * 65),
    "NUL in client_id": frame(value=1, client_id="a\0b"),
    "lone surrogate": '{"type": "progress_update", "value": 1, "client_id": "\\ud800"}',
    "join with a number": frame("challenge_join", client_id=1),
    "depth": '{"type": "progress_update", "value": ' + "[" * 10_000,
}


async def test_bad_input_is_told_and_the_socket_stays_open(race):
    async with enter("ada", race) as ada:
        for kind, data in NASTY.items():
            await ada.send(data)
            error = await ada.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), kind
            assert error["detail"], kind
        assert await did(ada, 1) == 4


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
bodies = st.fixed_dictionaries(
    {"type": st.sampled_from(["progress_update", "challenge_join", "challenge_leave"]) | anything},
    optional={"value": st.floats(-1, 2e7) | anything, "client_id": st.text(max_size=70) | anything},
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(bodies | anything, max_size=8))
def test_whatever_comes_the_board_stays_whole(race, messages):
    from asgiref.sync import async_to_sync

    from challenges.models import Participant

    async def talk():
        async with enter("ada", race) as ada:
            for message in messages:
                await ada.send(json.dumps(message))
            await ada.say("challenge_join", client_id="last")
            await ada.get("ack", client_id="last")

    async_to_sync(talk)()
    rows = list(Participant.objects.filter(challenge=race))
    assert len({row.user_id for row in rows}) == len(rows) == 2
    assert all(math.isfinite(row.progress) and 0 <= row.progress <= 1e7 for row in rows)
    assert len({row.reached for row in rows}) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0, 1e7)), unique_by=lambda row: row, max_size=30
    )
)
def test_places_are_the_same_in_whatever_order_the_rows_come(rows):
    from challenges.board import Board, Entry

    entries = [Entry(pk, f"m{pk}", float(some), pk + 1) for pk, (some, _) in enumerate(rows)]
    one, other = Board(1, entries), Board(1, reversed(entries))
    assert one.top == other.top and one.places == other.places
    assert sorted(you.place for you in one.places.values()) == [*range(1, len(rows) + 1)]
    by_place = sorted(entries, key=lambda entry: one.places[entry.user_id].place)
    for before, after in zip(by_place, by_place[1:], strict=False):
        assert (before.progress, -before.reached) > (after.progress, -after.reached)


@given(st.floats(0, 1e7), st.booleans())
def test_a_frame_with_ones_own_place_is_what_encoding_it_whole_would_give(progress, is_dissolved):
    from challenges.board import Board, Entry

    board = Board(3, [Entry(7, 'a"null}', progress, 1)], is_dissolved, 'a"null}')
    own, others = json.loads(board.frame_for(7)), json.loads(board.frame_for(8))
    assert own.pop("you") == {"place": 1, "progress": progress}
    assert others.pop("you") is None
    assert own == others


def test_a_goal_that_is_too_large_is_refused_in_the_unit_it_was_typed_in(people):
    form = {"name": "Too far", "metric": "distance_m", "goal": "20000", "hours": 168}
    page = browser_of("ada").post("/challenges/", form)
    assert page.status_code == 422
    assert page.context["form"].errors["goal"] == ["It may be 10000 at most."]
