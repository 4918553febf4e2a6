"""Read a FIT file, as watches and gym machines write it. Knows no database."""

from datetime import datetime, timedelta
from os import PathLike
from time import thread_time
from typing import BinaryIO

import fitdecode
from django.utils import timezone

from workouts.recordings import Recording, Sample

MAX_BYTES = 10 * 2**20
TOO_LARGE = "the file is larger than 10 MiB"
MAX_DURATION = timedelta(days=1)
PATIENCE = 10  # seconds of computing; a small file can be made to take minutes

KINDS = {
    "cycling": "cycling",
    "indoor_cycling": "cycling",
    "running": "running",
    "treadmill": "running",
    "rowing": "rowing",
    "indoor_rowing": "rowing",
    "strength_training": "strength",
}
# The measures by their numbers in FIT's messages `record`, and what can be true of each.
NAMES = {3: "heart_rate", 4: "cadence", 5: "distance", 7: "power"}
RANGES = {"heart_rate": (20, 260), "cadence": (0, 300), "distance": (0, 1e6), "power": (0, 3000)}


class InvalidRecording(Exception):
    """This file holds no workout that can be taken; the text says why."""


# --8<-- [start:read]
def read(source: str | PathLike | BinaryIO) -> Recording:
    """The workout in a FIT file. Raises InvalidRecording, and OSError for what cannot be opened.

    The whole file is read before anything of it counts: the checksum comes last.
    """
    if not hasattr(source, "read"):
        with open(source, "rb") as file:
            return read(file)
    data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidRecording(TOO_LARGE)
    try:
        return recording_of(messages(data))
    except InvalidRecording:
        raise
    except fitdecode.FitHeaderError:
        raise InvalidRecording("this is not a FIT file") from None
    except fitdecode.FitCRCError:
        raise InvalidRecording("the file is damaged: its checksum is wrong") from None
    except fitdecode.FitEOFError:
        raise InvalidRecording("the file is damaged: its end is missing") from None
    except Exception as problem:  # of bytes that were damaged with care, the decoder trusts some
        raise InvalidRecording(f"the file is damaged ({type(problem).__name__})") from None


# --8<-- [end:read]


def messages(data: bytes):
    """The file's messages that hold data, one by one."""
    deadline = thread_time() + PATIENCE  # not by a clock: others may be read at the same time
    ignore, strict = fitdecode.ErrorHandling.IGNORE, fitdecode.CrcCheck.RAISE
    with fitdecode.FitReader(data, check_crc=strict, error_handling=ignore) as reader:
        for frame in reader:
            if thread_time() > deadline:
                raise InvalidRecording("the file takes too long to read")
            if isinstance(frame, fitdecode.FitDataMessage):
                yield frame


def recording_of(found) -> Recording:
    """The workout that the messages tell: every record that has a time after the one before."""
    kind, started_at, samples = "other", None, []
    for message in found:
        if message.name in ("sport", "session"):
            kind = kind_of(message) or kind
        elif message.name == "record":
            at = message.get_value("timestamp", fallback=None)
            if not isinstance(at, datetime):  # some devices do not know what time it is
                continue
            started_at = started_at or at
            if not samples or at > started_at + timedelta(seconds=samples[-1].t):
                if at - started_at > MAX_DURATION:
                    raise InvalidRecording("the recording is longer than a day")
                samples.append(Sample((at - started_at).total_seconds(), **measures(message)))
    if not samples:
        raise InvalidRecording("the file holds no recording of a workout")
    if started_at > timezone.now() + timedelta(days=1):
        raise InvalidRecording(f"the recording is of {started_at:%d %B %Y}, which is yet to come")
    return Recording(kind, started_at, samples)


def kind_of(message) -> str | None:
    """The kind of workout that a message names: the finer word counts before the coarse one."""
    words = [message.get_value(field, fallback=None) for field in ("sub_sport", "sport")]
    return next((KINDS[word] for word in words if word in KINDS), None)


def measures(message) -> dict[str, float]:
    """What a record measured, and could be true.

    A connected machine may write fields of its own, with the number of the watch's field that
    they are better than: these come last, and count.
    """
    found = {}
    for field in message.fields:
        name = NAMES.get(getattr(field.field, "native_field_num", None), field.name)
        low, high = RANGES.get(name, (1, 0))
        if isinstance(field.value, int | float) and low <= field.value <= high:
            found[name] = field.value
    return found
