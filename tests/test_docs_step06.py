"""What the page of step 06 says of the code, held against the code."""

import ast
import json
import re

import pytest
from pages import DOCS, ROOT, Page

from course import record

STEP = ROOT / "step06_fitness_app"
PAGE = Page(DOCS / "steps/step06_fitness_app.md")


def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))
    return {name for name in found if name.startswith("test_")}


def test_the_moved_consumer_keeps_every_test_by_its_name():
    before = names_in("step05_auth/tests/test_conversations.py")
    assert len(before) > 20
    assert before <= names_in("step06_fitness_app/tests/test_chat.py")


def section(path: str, name: str) -> list[str]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return text.split(f"[start:{name}]\n")[1].split(f"[end:{name}]")[0].strip().splitlines()[:-1]


def test_what_is_about_the_stream_is_a_fraction_of_what_it_was():
    before = section("step05_auth/conversations/consumers.py", "stream")
    after = section("step06_fitness_app/chat/consumers.py", "stream")
    assert 3 * len(after) < len(before)


def frames(name: str, by: str, kind: str = "message") -> list[dict]:
    """What one browser got, or sent, in a trace, in order."""
    events = record.stored(f"step06-{name}")["events"]
    own = [e for e in events if (e["by"], e["side"], e["kind"]) == (by, "browser", kind)]
    return [json.loads(event["data"]["data"]) for event in own]


def types(found: list[dict]) -> list[str]:
    return [frame["type"] for frame in found]


def test_who_was_away_gets_the_message_and_not_the_typing():
    *before, history, read = frames("resume", "B")
    assert types(before) == ["chat_history", "typing"]
    assert [message["number"] for message in history["messages"]] == [4]
    assert read == {"type": "read", "username": "ben", "up_to": 4}
    assert types(frames("resume", "A", "send")) == ["typing", "typing", "chat_message"]


def test_a_sample_is_passed_on_at_once_and_saved_a_second_later():
    events = record.stored("step06-workout")["events"]
    seen = [e for e in events if e["by"] == "B" and '"workout_update"' in e["label"]]
    (saved,) = [
        e for e in events if (e["side"], e["kind"]) == ("server", "send") and "saved" in e["label"]
    ]
    first = next(e for e in seen if e["side"] == "browser")
    assert saved["at"] - first["at"] > 900
    assert len(types(frames("workout", "A", "send"))) == 5


def test_four_updates_are_two_boards():
    assert types(frames("boards", "A", "send")).count("progress_update") == 5  # one is refused
    boards = [f for f in frames("boards", "B") if f["type"] == "leaderboard_update"]
    assert [board["top"][0]["progress"] for board in boards] == [100, 400]


def test_three_poses_are_two_updates_and_a_cue_of_each():
    assert types(frames("cue", "A", "send")).count("pose") == 3
    heard = frames("cue", "B")
    assert types(heard).count("form_update") == 2
    assert [frame["from"] for frame in heard if frame["type"] == "form_cue"] == ["coach", "tom"]


def test_the_author_is_answered_before_anybody_is_told():
    sent = [e for e in record.stored("step06-feed")["events"] if e["kind"] in ("send", "group")]
    labels = [e["label"] for e in sent if e["side"] == "server"]
    told = next(i for i, label in enumerate(labels) if label == "told")
    assert '"ack"' in labels[told - 1]


LISTED = re.findall(r"^ +\| (`.+?) \|", PAGE.source.split("Our list")[1], re.MULTILINE)


@pytest.mark.parametrize("row", LISTED)
def test_the_list_names_frames_that_there_are(row):
    text = (STEP / "asyncapi.json").read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+)`", row):
        assert f'"name": "{name}"' in text, name


def test_the_demo_has_the_people_that_the_page_counts():
    people = re.search(r"^PEOPLE = (\[.*\])$", (STEP / "demo/people.py").read_text(), re.MULTILINE)
    assert len(ast.literal_eval(people[1])) == 8
    assert "The demo has eight people" in PAGE.source
