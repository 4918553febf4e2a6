"""`manage.py import_fit FILE --as USER`: a recording becomes a finished workout of somebody."""

from contextlib import contextmanager
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from workouts import fit
from workouts.models import Workout
from workouts.services import Conflict, store_recording


class Command(BaseCommand):
    help = "Store the workout in a FIT file as somebody's, or say why not."

    def add_arguments(self, parser):
        add_arguments(parser)

    def handle(self, file, username, **options):
        owner = person(username)
        with reading(file):
            workout = store_recording(owner, fit.read(file))
        self.stdout.write(summary(workout))


def add_arguments(parser) -> None:
    """Which recording, and whose: `replay` asks the same."""
    parser.add_argument("file", metavar="FILE.fit")
    parser.add_argument("--as", dest="username", metavar="USER", required=True)


def person(username: str) -> User:
    """That user. Raises CommandError."""
    try:
        return User.objects.get(username=username, is_active=True)
    except User.DoesNotExist:
        raise CommandError(f"There is no user {username!r}.") from None


@contextmanager
def reading(file: str):
    """What is wrong with a file, as a CommandError."""
    try:
        yield
    except (fit.InvalidRecording, Conflict) as problem:
        raise CommandError(f"{file}: {problem}") from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        raise CommandError(f"{file}: {getattr(problem, 'strerror', None) or problem}") from None


def summary(workout: Workout) -> str:
    """A workout's totals in a line, for a terminal."""
    samples = sum(len(chunk.rows) for chunk in workout.chunks.all())
    duration = timedelta(seconds=round(workout.duration_seconds))
    line = f"workout {workout.pk}: {workout.kind}, {workout.started_at:%Y-%m-%d %H:%M} UTC, "
    line += f"{duration}, {samples} samples"
    measured = {"m": workout.distance_m, "bpm": workout.heart_rate_mean}
    measured |= {"rpm": workout.cadence_mean, "W": workout.power_mean}
    known = (f", {value:.0f} {unit}" for unit, value in measured.items() if value is not None)
    return line + "".join(known)
