"""`manage.py score_form FILE.csv`: how often the coach and a hand agree on up and down."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from coaching.recording import InvalidRecording, read
from coaching.stage import agreement


class Command(BaseCommand):
    help = "Compare the stage of each labelled frame with its label: data/pose/squat_frames.csv."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, file: Path, **options):
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                frames = read(lines)
        except InvalidRecording as problem:
            raise CommandError(f"{file}: {problem}") from None
        except OSError as problem:
            raise CommandError(f"{file}: {problem.strerror}") from None
        except UnicodeDecodeError as problem:
            raise CommandError(f"{file}: not UTF-8 text, at byte {problem.start}") from None
        right = agreement(frames)
        self.stdout.write(f"agreement: {right / len(frames):.4f} ({right}/{len(frames)})")
