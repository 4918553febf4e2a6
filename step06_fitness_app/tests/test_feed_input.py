"""Whatever comes into the feed: the socket survives it, and nothing wrong is stored."""

import json

import pytest
from asgiref.sync import async_to_sync
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.models import Cheer, Comment, Post
from tests.feeding import enter, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unlimited(settings, monkeypatch) -> None:
    """Nobody is slowed down, nor put out for too many bad messages."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000
    settings.USER_MESSAGES_PER_MINUTE = settings.CONNECTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr("realtime.limits.Row.is_full", lambda row: False)


def frame(type: str = "post", **fields) -> str:
    return json.dumps({"type": type, **fields})


NASTY = {
    "no JSON": "{",
    "not an object": "[]",
    "binary": frame(text="a", client_id="a").encode(),
    "no type": '{"text": "a", "client_id": "a"}',
    "of another socket": frame("chat_message", message="hello"),
    "a type that only goes out": frame("post_created", post={}),
    "a type of the group's": frame("told", text="{}", author=1, by=1),
    "no text": frame(client_id="a"),
    "no client_id": frame(text="a"),
    "text empty": frame(text="", client_id="a"),
    "text blank": frame(text=" \n", client_id="a"),
    "text too long": frame(text="x" * 2001, client_id="a"),
    "text a number": frame(text=1, client_id="a"),
    "NUL in text": frame(text="a\0b", client_id="a"),
    "lone surrogate": '{"type": "post", "client_id": "a", "text": "\\ud800"}',
    "client_id too long": frame(text="a", client_id="x" * 65),
    "workout is text": frame(text="a", client_id="a", workout_id="1"),
    "workout negative": frame(text="a", client_id="a", workout_id=-1),
    "cheer of nothing": frame("cheer", is_on=True),
    "cheer is text": frame("cheer", post_id=1, is_on="yes"),
    "post_id too high": frame("cheer", post_id=2**63, is_on=True),
    "5,000 digits": '{"type": "cheer", "is_on": true, "post_id": %s}' % ("9" * 5000),
    "NaN": '{"type": "cheer", "is_on": true, "post_id": NaN}',
    "comment without a post": frame("comment", text="a", client_id="a"),
    "history of nothing": frame("history"),
    "depth": '{"type": "post", "text": ' + "[" * 10_000,
}


async def test_bad_input_is_told_and_the_socket_stays_open(people):
    async with enter("ada") as ada:
        for kind, data in NASTY.items():
            await ada.send(data)
            error = await ada.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), kind
            assert error["detail"], kind
        assert not await Post.objects.aexists()
        assert await post(ada, "still here")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
bodies = st.fixed_dictionaries(
    {"type": st.sampled_from(["post", "cheer", "comment", "history"]) | anything},
    optional={
        "text": st.text(max_size=2100) | anything,
        "client_id": st.text(max_size=70) | anything,
        "post_id": st.integers(0, 9) | anything,
        "workout_id": st.integers() | anything,
        "is_on": st.booleans() | anything,
        "before": st.integers() | anything,
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(bodies | anything, max_size=8))
def test_whatever_comes_what_is_stored_is_whole(people, messages):
    async def talk():
        async with enter("ada") as ada:
            for message in messages:
                await ada.send(json.dumps(message))
            await ada.say("history", before=0)
            await ada.get("feed", before=0)

    async_to_sync(talk)()
    for row in [*Post.objects.all(), *Comment.objects.all()]:
        assert row.author_id == people["ada"].pk
        assert row.text.strip() and "\0" not in row.text and len(row.text) <= 2000
        assert 1 <= len(row.client_id) <= 64
    assert all(cheer.user_id == people["ada"].pk for cheer in Cheer.objects.all())
