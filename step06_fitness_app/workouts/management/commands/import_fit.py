"""`manage.py import_fit FILE --as USER`: a recording becomes a finished workout of somebody."""

from contextlib import contextmanager

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from workouts import fit
from workouts.services import Conflict, store_recording
from workouts.uploads import summary


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
