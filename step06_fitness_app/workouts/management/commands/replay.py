"""`manage.py replay FILE.fit --as USER`: a recording as a live workout, over a real socket."""

import asyncio

from channels.db import database_sync_to_async as in_thread
from django.core.management.base import BaseCommand, CommandError

from accounts.client import AWAY, Refused, Session
from people.models import Privacy
from workouts import fit
from workouts.management.commands.import_fit import add_arguments, person, reading, summary
from workouts.models import Workout
from workouts.replay import PER_SECOND, Replay


class Command(BaseCommand):
    help = "Play a FIT file as somebody's live workout, through a running server. Ctrl-C ends it."

    def add_arguments(self, parser):
        add_arguments(parser)
        parser.add_argument("--speed", type=float, default=1.0, help="10: ten times as fast")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server")
        parser.add_argument("--privacy", choices=Privacy.values, help="else the profile's")

    def handle(self, file, username, speed, url, privacy, **options):
        if not 0 < speed <= 1000:
            raise CommandError("--speed is more than 0 and at most 1000.")
        user = person(username)
        with reading(file):
            recording = fit.read(file)
        session = Session(user, url)
        replay = Replay(session, recording, speed, privacy, self.stdout.write)
        if not replay.samples:
            raise CommandError(f"{file}: nothing was measured in it.")
        seconds = replay.samples[-1].t / speed
        if (least := len(replay.samples) / PER_SECOND) > seconds:
            self.stdout.write(f"{PER_SECOND} samples a second at most: it takes {least:.0f} s.")
        try:
            asyncio.run(self.play(replay))
        except Refused as problem:
            raise CommandError(f"{username}: {problem}") from None
        except AWAY as problem:
            raise CommandError(
                f"No answer from {url}: {problem or type(problem).__name__}"
            ) from None
        finally:
            session.close()

    async def play(self, replay: Replay) -> None:
        try:
            workout_id = await replay.run()
        except asyncio.CancelledError:  # Ctrl-C; a second one ends this too
            workout_id = await self.end_early(replay)
        if workout_id:
            workout = await in_thread(Workout.objects.get)(pk=workout_id)
            self.stdout.write(await in_thread(summary)(workout))

    async def end_early(self, replay: Replay) -> int | None:
        """Finish the workout where it is, unless the server is away."""
        if replay.workout_id is None:
            return None
        replay.stop()
        try:
            async with asyncio.timeout(5):
                return await replay.run()
        except (*AWAY, Refused):
            self.stdout.write("The server does not answer: the workout is left as it is, running.")
