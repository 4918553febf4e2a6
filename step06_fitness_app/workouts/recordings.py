"""A workout as a device recorded it: what a file's reader gives, and services stores."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Sample(NamedTuple):
    """What was measured at one moment; None is not measured. Stored in this order."""

    t: float  # seconds since the workout began
    heart_rate: float | None = None  # bpm
    cadence: float | None = None  # rpm
    power: float | None = None  # W
    distance: float | None = None  # m, since the device began to count


@dataclass
class Recording:
    """One finished workout: its kind (models.Kind), its aware beginning, its samples in order."""

    kind: str
    started_at: datetime
    samples: list[Sample]
