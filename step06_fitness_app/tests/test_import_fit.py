"""FIT files become workouts, by command and by upload; what is refused leaves nothing behind."""

import threading
from io import BytesIO, StringIO
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.conftest import serve
from tests.fit_files import BIKE, BROKEN, RECORD, ROWER, WORKOUTS, at, fit_file, message
from tests.people import browser_of, tokens_of
from workouts import fit, uploads
from workouts.models import Samples, Workout

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/workouts/import/"
LINES = {
    BIKE: "cycling, 2011-11-02 12:54 UTC, 0:37:43, 2263 samples, 148 bpm, 81 rpm, 201 W",
    ROWER: "rowing, 2017-05-18 16:37 UTC, 0:28:29, 1641 samples, 6162 m, 131 bpm, 32 rpm, 368 W",
}


def run(file, username: str = "ada") -> str:
    out = StringIO()
    call_command("import_fit", str(file), f"--as={username}", stdout=out)
    return out.getvalue()


def refusal(*arguments) -> str:
    """Why the command ends with exit code 1, with nothing stored."""
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 1
    return str(refused.value)


def nothing_is_stored() -> bool:
    return not Workout.objects.exists() and not Samples.objects.exists()


# The command


@pytest.mark.parametrize("file", LINES)
def test_a_real_recording(people, file):
    assert run(file).strip().split(": ", 1)[1] == LINES[file]
    workout = Workout.objects.get(owner=people["ada"])
    assert (workout.state, workout.source) == ("finished", "import")
    rows = [tuple(row) for chunk in workout.chunks.all() for row in chunk.rows]
    assert rows == fit.read(file).samples


def test_a_recording_without_anything_but_time(people, tmp_path):
    noon, none = at(2026, 1, 2, 12, 0, 0), (0xFF, 0xFF, 0xFFFF)
    file = tmp_path / "plain.fit"
    file.write_bytes(fit_file(message(RECORD, (noon, *none), (noon + 60, *none))))
    assert "other, 2026-01-02 12:00 UTC, 0:01:00, 2 samples\n" in run(file)


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_a_damaged_file_leaves_nothing(people, name, reason):
    assert refusal(WORKOUTS / name) == f"{WORKOUTS / name}: {reason}"
    assert nothing_is_stored()


def test_what_is_no_file_of_ours(people, tmp_path):
    assert refusal(BIKE, "nobody") == "There is no user 'nobody'."
    assert refusal(tmp_path / "none.fit").endswith("none.fit: No such file or directory")
    assert refusal(tmp_path).startswith(str(tmp_path))
    assert refusal("a\0b").endswith("null byte")
    assert refusal(__file__) == f"{__file__}: this is not a FIT file"
    assert nothing_is_stored()


def test_the_same_recording_is_one_workout_of_each(people):
    run(BIKE)
    assert refusal(BIKE) == f"{BIKE}: this recording is there already"
    assert Workout.objects.count() == 1
    run(BIKE, "ben")
    assert Workout.objects.count() == 2


def test_nobody_inactive_gets_one(people):
    people["ben"].is_active = False
    people["ben"].save()
    assert refusal(BIKE, "ben") == "There is no user 'ben'."


def test_what_fails_halfway_leaves_nothing(people, monkeypatch):
    def fail(*arguments):
        raise RuntimeError

    monkeypatch.setattr("notifications.services.award", fail)
    with pytest.raises(RuntimeError):
        run(BIKE)
    assert nothing_is_stored()


# The upload


def upload(data: bytes | Path, client: Client | None = None, **headers):
    file = BytesIO(data if isinstance(data, bytes) else data.read_bytes())
    file.name = "it.fit"
    return (client or browser_of("ada")).post(URL, {"file": file}, headers=headers)


def test_an_upload(people):
    answer = upload(ROWER)
    assert answer.status_code == 201
    workout = answer.json()
    assert (workout["kind"], workout["distance_m"], workout["username"]) == ("rowing", 6162, "ada")
    assert Workout.objects.get(pk=workout["id"]).owner == people["ada"]
    again = upload(ROWER)
    assert (again.status_code, again.json()) == (409, {"detail": "this recording is there already"})


def test_an_upload_with_a_token(people):
    answer = upload(BIKE, Client(), Authorization=f"Bearer {tokens_of('ben')['access']}")
    assert (answer.status_code, answer.json()["username"]) == (201, "ben")


def test_who_may_upload(people):
    assert upload(BIKE, Client()).status_code == 401
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people["ada"])
    assert upload(BIKE, strict).status_code == 403
    assert nothing_is_stored()


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_a_damaged_upload_leaves_nothing(people, name, reason):
    answer = upload(WORKOUTS / name)
    assert (answer.status_code, answer.json()) == (400, {"file": [reason]})
    assert nothing_is_stored()


def test_what_is_no_upload(people):
    ada = browser_of("ada")
    assert ada.post(URL).json() == {"file": ["No file was submitted."]}
    assert ada.post(URL, {"file": "text"}).status_code == 400
    assert upload(b"", ada).json() == {"file": ["The submitted file is empty."]}
    assert ada.post(URL, "{}", content_type="application/json").status_code == 415
    assert ada.get(URL).status_code == 405


def test_what_is_too_large_is_not_even_read(people, monkeypatch):
    data = b"\0" * (fit.MAX_BYTES + 1)
    answer = upload(data)
    assert answer.status_code == 413
    assert answer.json() == {"detail": "the file is larger than 10 MiB"}
    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", None)
    assert upload(data + b"\0" * uploads.ENVELOPE).status_code == 413
    assert nothing_is_stored()


def test_while_files_are_read_the_database_is_free_and_two_are_read_at_once(people, monkeypatch):
    """A pool has four connections: four that keep one and read would stop everybody."""
    read, reading, two = fit.read, [], threading.Barrier(2, timeout=20)

    def look(file):
        assert connection.connection is None
        reading.append(file)
        assert len(reading) <= 2
        two.wait()
        reading.remove(file)
        return read(file)

    monkeypatch.setattr(fit, "read", look)
    codes = []

    def send(browser):
        codes.append(upload(BIKE.read_bytes(), browser).status_code)
        connection.close()

    browsers = [browser_of(name) for name in ("ada", "ben", "cleo", "tom")]
    threads = [threading.Thread(target=send, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert codes == [201] * 4


def test_not_too_many(people, monkeypatch):
    monkeypatch.setattr(uploads, "PER_MINUTE", 1)
    ada = browser_of("ada")
    assert upload(b"no", ada).status_code == 400
    answer = upload(b"no", ada)
    assert (answer.status_code, answer.json()["detail"]) == (429, "no more than 1 uploads a minute")


def test_an_upload_over_the_network(people, beside):
    server = serve(beside)
    headers = {"Authorization": f"Bearer {tokens_of('ada')['access']}"}
    with BIKE.open("rb") as file:
        answer = httpx.post(server.url(URL), files={"file": file}, headers=headers)
    assert answer.status_code == 201, answer.text
