"""A real heart rate, one sample a second, played in a loop (see data/README.md)."""

from pathlib import Path

_FILE = Path(__file__).parent / "data" / "indoor_trainer.txt"
BPM = [int(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def bpm_at(seconds: float) -> int:
    """The heart rate in beats per minute at `seconds` on any clock; the recording repeats."""
    return BPM[int(seconds) % len(BPM)]
