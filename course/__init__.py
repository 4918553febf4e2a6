"""The course's own command: `python3 -m course <verb>`. No step imports it."""
