"""Play a recording as a live workout: the client's side of /ws/workout/."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from accounts.client import AWAY, Refused, Session, Socket, pause_before
from workouts.recordings import Recording, Sample

PER_SECOND = 30  # samples of one connection; consumers.py would take a few more
PATIENCE = 60  # seconds without the server, in the middle of a workout


class Replay:
    """One recording, sent in its own time divided by `speed`.

    A sample is done with once the server has said that it is saved: what is not is sent again
    after a lost connection.
    """

    def __init__(
        self,
        session: Session,
        recording: Recording,
        speed: float = 1,
        privacy: str | None = None,
        log: Callable[[str], None] = lambda line: None,
    ):
        self.session, self.speed, self.log = session, speed, log
        self.samples = [sample for sample in recording.samples if any_measure(sample)]
        self.beginning = {"kind": recording.kind, "client_id": uuid4().hex}
        self.beginning |= {"privacy": privacy} if privacy else {}
        self.workout_id = None  # as soon as the server has begun it
        self.position = self.sent = 0  # of the next sample to send, and of any so far
        self.saved_up_to = -1.0
        self.next_at = 0.0

    async def run(self) -> int:
        """Play all of it; the workout's id. Raises Refused, and one of AWAY where no server is."""
        loop, lost_at, attempt = asyncio.get_running_loop(), None, 0
        while True:
            try:
                path = f"/ws/workout/{self.session.user.pk}/"
                async with self.session.connect(path, says_seen=True) as socket:
                    if await self.resume(socket):
                        lost_at, attempt = None, 0
                        await self.play(socket)
                    return self.workout_id
            except AWAY as problem:
                lost_at = lost_at or loop.time()
                if self.workout_id is None or loop.time() - lost_at > PATIENCE:
                    raise
                if not attempt:
                    self.log(f"connection lost, saved up to {self.saved_up_to:.0f} s: {problem}")
                attempt += 1
                await pause_before(attempt)

    async def resume(self, socket: Socket) -> bool:
        """Begin, or find out from where to go on; False if the workout was finished meanwhile."""
        workout = (await socket.hear())["workout"]
        if self.workout_id is None:
            await socket.say("workout_start", **self.beginning)
            while (frame := await socket.hear())["type"] != "ack":
                refuse_errors(frame)
            self.workout_id, self.next_at = frame["number"], asyncio.get_running_loop().time()
        elif not workout or workout["id"] != self.workout_id:
            return False
        elif workout["saved_up_to"] is not None:
            self.saved_up_to = workout["saved_up_to"]
        saved = [index for index, one in enumerate(self.samples) if one.t <= self.saved_up_to]
        self.position = len(saved)
        return True

    async def play(self, socket: Socket) -> None:
        """Send what is due, and hear what comes, until the workout is finished."""
        loop, is_over = asyncio.get_running_loop(), False
        while True:
            try:
                async with asyncio.timeout_at(None if is_over else self.next_at):
                    frame = await socket.hear()
            except TimeoutError:
                is_over = not await self.send_next(socket, loop.time())
                continue
            refuse_errors(frame)
            if frame["type"] == "saved":
                self.saved_up_to = frame["up_to"]
            elif frame["type"] == "workout_finished":
                return

    async def send_next(self, socket: Socket, now: float) -> bool:
        """Send the next sample, or the end; whether there was one. Sets the time of the next."""
        if self.position == len(self.samples):
            await socket.say("workout_finish")
            return False
        t, *measures = self.samples[self.position]
        values = dict(zip(Sample._fields[1:], measures, strict=True))
        given = {name: value for name, value in values.items() if value is not None}
        await socket.say("workout_update", time=t, **given)
        self.position += 1
        self.sent = max(self.sent, self.position)
        following = self.samples[self.position].t if self.position < len(self.samples) else t
        self.next_at = max(self.next_at + (following - t) / self.speed, now + 1 / PER_SECOND)
        return True

    def stop(self) -> None:
        """What was not sent so far is never sent: run again, and the workout ends here."""
        del self.samples[self.sent :]


def any_measure(sample: Sample) -> bool:
    return any(value is not None for value in sample[1:])


def refuse_errors(frame: dict) -> None:
    if frame["type"] == "error":
        # Not saved: come back and send it again. Anything else stays as it is.
        raise (ConnectionError if frame["code"] == "not_saved" else Refused)(frame["detail"])
