"""What is read from FIT files: real ones, damaged ones, and ones made to be strange."""

import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fit_files import BIKE, BROKEN, RECORD, ROWER, SESSION, WORKOUTS, at, fit_file, message
from workouts import fit
from workouts.recordings import Sample

NOON = at(2026, 1, 2, 12, 0, 0)


def read(data: bytes):
    return fit.read(BytesIO(data))


def refusal(data: bytes) -> str:
    with pytest.raises(fit.InvalidRecording) as refused:
        read(data)
    return str(refused.value)


def test_a_ride_indoors():
    ride = fit.read(BIKE)
    assert (ride.kind, len(ride.samples)) == ("cycling", 2263)
    assert ride.started_at == datetime(2011, 11, 2, 12, 54, 19, tzinfo=UTC)
    assert ride.samples[0] == Sample(0, heart_rate=81, cadence=56, power=102)
    assert ride.samples[-1].t == 2263
    assert all(one.distance is None for one in ride.samples)


def test_a_rowing_machine_knows_better_than_the_watch():
    """The watch wrote 0 m and hardly a stroke; the machine's own fields have their numbers."""
    rowed = fit.read(str(ROWER))
    assert (rowed.kind, len(rowed.samples)) == ("rowing", 1641)
    assert rowed.samples[800] == Sample(836, heart_rate=90, cadence=32, power=375, distance=3096)
    assert rowed.samples[-1].distance == 6163


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_damaged_files(name, reason):
    assert refusal((WORKOUTS / name).read_bytes()) == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file holds no recording of a workout"),
        (b"no FIT file at all", "this is not a FIT file"),
        (b"\x0c", "this is not a FIT file"),
        (fit_file(), "the file holds no recording of a workout"),
        (fit_file(message(SESSION, (2, 0))), "the file holds no recording of a workout"),
        (fit_file(message(RECORD, (5, 80, 0, 0))), "the file holds no recording of a workout"),
        (
            fit_file(message(RECORD, (NOON, 80, 0, 0), (NOON + 86_401, 80, 0, 0))),
            "the recording is longer than a day",
        ),
        (b"\0" * (fit.MAX_BYTES + 1), "the file is larger than 10 MiB"),
    ],
)
def test_what_is_no_recording(data, reason):
    assert refusal(data) == reason


def test_a_recording_of_the_future():
    tomorrow = timezone.now() + timedelta(days=2)
    data = fit_file(message(RECORD, (at(*tomorrow.timetuple()[:6]), 80, 0, 0)))
    assert refusal(data).endswith("which is yet to come")


def test_without_heart_rate_without_anything():
    none = (0xFF, 0xFF, 0xFFFF)
    found = read(fit_file(message(RECORD, (NOON, *none), (NOON + 1, *none))))
    assert found.samples == [Sample(0), Sample(1)]
    assert found.kind == "other"


def test_what_cannot_be_true_was_not_measured():
    found = read(fit_file(message(RECORD, (NOON, 5, 254, 40_000), (NOON + 1, 80, 254, 300))))
    assert found.samples == [Sample(0, cadence=254), Sample(1, 80, 254, 300)]


def test_time_goes_forward():
    times = [NOON, NOON + 5, NOON + 5, NOON + 3, NOON - 100, NOON + 6]
    found = read(fit_file(message(RECORD, *((time, 80, 0, 0) for time in times))))
    assert [one.t for one in found.samples] == [0, 5, 6]


@pytest.mark.parametrize(
    ("sport", "sub_sport", "kind"),
    [
        (1, 0, "running"),
        (1, 1, "running"),
        (2, 6, "cycling"),
        (4, 14, "rowing"),
        (10, 20, "strength"),
        (15, 0, "rowing"),
        (5, 0, "other"),
        (251, 251, "other"),
    ],
)
def test_kinds(sport, sub_sport, kind):
    data = fit_file(message(SESSION, (sport, sub_sport)), message(RECORD, (NOON, 80, 0, 0)))
    assert read(data).kind == kind


def test_a_file_made_to_take_long_is_left(monkeypatch):
    monkeypatch.setattr(fit, "PATIENCE", -1)
    assert refusal(BIKE.read_bytes()) == "the file takes too long to read"


def test_a_file_is_not_left_because_others_are_read_meanwhile(monkeypatch):
    """What counts is how long it computes, not how long it waits for its turn to."""
    monkeypatch.setattr(fit, "PATIENCE", 0.5)
    recording_of, waited = fit.recording_of, []

    def slowly(found):
        for one in found:
            if not waited:
                waited.append(threading.Event().wait(1))
            yield one

    monkeypatch.setattr(fit, "recording_of", lambda found: recording_of(slowly(found)))
    ride = fit_file(message(RECORD, *((NOON + second, 80, 80, 100) for second in range(3))))
    assert len(read(ride).samples) == 3


def test_what_cannot_be_opened(tmp_path):
    for path in (tmp_path, tmp_path / "x"):
        with pytest.raises(OSError):
            fit.read(path)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 760), st.integers(0, 255), st.integers(0, 30))
def test_damage_anywhere_is_refused_and_never_crashes(position, value, cut):
    """Any bytes, with a checksum that is right: whatever is read, it is a recording or refused."""
    data = bytearray((WORKOUTS / "broken-crc.fit").read_bytes()[14:-2])
    data[position % len(data)] = value
    try:
        found = read(fit_file(bytes(data[: len(data) - cut])))
    except fit.InvalidRecording:
        return
    assert all(0 <= one.t <= 86_400 for one in found.samples)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(body):
    try:
        read(fit_file(body))
    except fit.InvalidRecording as problem:
        assert str(problem)
