"""Frames of a body: eight points each, and how a file of them is read."""

import csv
import math
from dataclasses import dataclass

JOINTS = ("shoulder", "hip", "knee", "ankle")
POINTS = [f"{side}_{joint}" for joint in JOINTS for side in ("left", "right")]
FIELDS = ("x", "y", "v")  # fractions of the picture, y down; how surely it was seen, 0 to 1
RATE = 30  # frames a second of a file: it has no times


@dataclass(frozen=True)
class Frame:
    """One moment: `points` in the order of POINTS, each x, y and visibility."""

    time: float
    points: tuple[tuple[float, float, float], ...]


class InvalidRecording(Exception):
    """What was read is no recording; the text says where and why."""


def read(lines) -> list[tuple[str, Frame]]:
    """Labelled frames of a CSV file's lines. Raises InvalidRecording."""
    table = csv.reader(lines, strict=True)
    try:
        names = next(table, [])
        wanted = ["label", *(f"{point}_{field}" for point in POINTS for field in FIELDS)]
        if missing := [name for name in wanted if names.count(name) != 1]:
            raise InvalidRecording(f"line 1: column {missing[0]} must be there once")
        columns = [names.index(name) for name in wanted]
        found = []
        for row in table:
            if row:
                line = f"line {table.line_num}"
                if len(row) != len(names):
                    raise InvalidRecording(f"{line}: {len(row)} values for {len(names)} columns")
                label, *rest = (row[column] for column in columns)
                if label not in ("up", "down"):
                    raise InvalidRecording(
                        f"{line}, column label: {label[:40]!r} is not up or down"
                    )
                values = [number(*pair, line) for pair in zip(rest, wanted[1:], strict=True)]
                points = zip(*(values[at::3] for at in range(3)), strict=True)
                found.append((label, Frame(len(found) / RATE, tuple(points))))
    except csv.Error as problem:
        raise InvalidRecording(f"line {table.line_num}: {problem}") from None
    if not found:
        raise InvalidRecording("there are no frames in it")
    return found


def number(text: str, column: str, line: str) -> float:
    """A value of the table, and for a visibility one from 0 to 1."""
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRecording(f"{line}, column {column}: {text[:40]!r} is not a number")
    if column.endswith("_v") and not 0 <= value <= 1:
        raise InvalidRecording(f"{line}, column {column}: {text[:40]} is not from 0 to 1")
    return value
