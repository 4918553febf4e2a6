"""The recordings that come with the project, and FIT files made for a test."""

from datetime import UTC, datetime
from pathlib import Path
from struct import calcsize, pack

from fitdecode.utils import compute_crc

WORKOUTS = Path(__file__).resolve().parent.parent / "data/workouts"
BIKE, ROWER = WORKOUTS / "indoor-trainer.fit", WORKOUTS / "fitness-equipment.fit"
BROKEN = {
    "broken-crc.fit": "the file is damaged: its checksum is wrong",
    "broken-unexpected-eof.fit": "the file is damaged: its end is missing",
}
EPOCH = datetime(1989, 12, 31, tzinfo=UTC).timestamp()  # FIT counts its seconds from here
UINT8, ENUM, UINT16, UINT32 = 2, 0, 0x84, 0x86
SIZES = {UINT8: "B", ENUM: "B", UINT16: "H", UINT32: "I"}
RECORD = (20, [(253, UINT32), (3, UINT8), (4, UINT8), (7, UINT16)])  # when, bpm, rpm, W
SESSION = (18, [(5, ENUM), (6, ENUM)])  # sport, sub-sport


def message(kind: tuple, *rows: tuple) -> bytes:
    """The definition of one kind of message, and messages of that kind."""
    number, fields = kind
    codes = "".join(SIZES[of] for _, of in fields)
    defined = pack("<BBBHB", 0x40, 0, 0, number, len(fields))
    for field, of in fields:
        defined += pack("<BBB", field, calcsize(SIZES[of]), of)
    return defined + b"".join(b"\0" + pack(f"<{codes}", *row) for row in rows)


def fit_file(*messages: bytes) -> bytes:
    body = b"".join(messages)
    data = pack("<BBHI4s", 12, 0x20, 2100, len(body), b".FIT") + body
    return data + pack("<H", compute_crc(data))


def at(*moment: int) -> int:
    """A moment as FIT writes it."""
    return int(datetime(*moment, tzinfo=UTC).timestamp() - EPOCH)
