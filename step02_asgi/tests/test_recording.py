"""The recording: real values, one a second, in a loop."""

from heartrate.recording import BPM, bpm_at


def test_the_recording_is_the_whole_ride():
    assert len(BPM) == 2263
    assert (min(BPM), max(BPM)) == (81, 176)


def test_one_sample_lasts_one_second():
    assert bpm_at(0) == bpm_at(0.99) == BPM[0]
    assert bpm_at(200) == BPM[200]


def test_the_recording_repeats():
    assert bpm_at(2263 + 5) == BPM[5]


def test_68_seconds_of_100_bring_nothing_new():
    repeated = sum(now == before for before, now in zip(BPM, BPM[1:], strict=False))
    assert round(100 * repeated / (len(BPM) - 1)) == 68
