"""What the form coach asks the database: who may be there, and the repetitions. In a thread."""

import re
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from people.relations import Relation, may_see, relation
from realtime.refusals import NotAllowed
from workouts import services as workouts
from workouts.models import State, Workout

ROLES = {Relation.OWNER: "owner", Relation.TRAINER: "trainer"}
PREFIX = "form."  # of the client_id of a set that was counted here


OVER = "this workout is over"
NOTHING = "there is no workout that goes on here, or it is not shown to you"


def place(viewer: User, workout_id: str) -> tuple[Workout, str]:
    """A workout that goes on, and what its viewer is there. Raises NotAllowed."""
    if not re.fullmatch("[0-9]{1,18}", workout_id):
        raise NotAllowed(NOTHING)
    going_on = Workout.objects.exclude(state=State.FINISHED).filter(owner__is_active=True)
    workout = going_on.select_related("owner").filter(pk=workout_id).first()
    if workout is None:
        is_over = workouts.visible_to(viewer).filter(pk=workout_id).exists()
        raise NotAllowed(OVER if is_over else NOTHING)
    what = relation(viewer.pk, workout.owner_id)
    if not may_see(what, workout.privacy):
        raise NotAllowed(NOTHING)
    return workout, ROLES.get(what, "watcher")


def counted(workout: Workout) -> int:
    """The repetitions of earlier connections."""
    sets = workout.sets.filter(client_id__startswith=PREFIX)
    return sets.aggregate(sum=Sum("repetitions"))["sum"] or 0


@transaction.atomic
def keep(workout_id: int, repetitions: int, connection: str, at: datetime) -> None:
    """Store what one connection counted, until then, as a set, also where the workout was finished
    meanwhile."""
    workout = Workout.objects.select_for_update().filter(pk=workout_id).first()
    if workout is None or workout.sets.count() >= workouts.MAX_SETS:
        return
    squats = {"exercise": "squat", "sets": 1, "repetitions": min(repetitions, 1000), "weight_kg": 0}
    workouts.store_set(workout, workout.owner, **squats, client_id=PREFIX + connection, at=at)
    if workout.state == State.FINISHED:
        workouts.complete(workout)
