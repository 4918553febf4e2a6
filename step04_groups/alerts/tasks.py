"""What a Celery worker does: a process of its own, so it needs a layer that processes share."""

from alerts.groups import class_group
from alerts.models import FitnessClass
from alerts.services import announce, require_shared_layer
from config.celery import app


# --8<-- [start:task]
@app.task
def remind(class_id: int) -> None:
    """Remind those who picked a class that it starts soon."""
    require_shared_layer()
    fitness_class = FitnessClass.objects.get(pk=class_id)
    announce(f"{fitness_class} starts soon.", class_group(class_id))


# --8<-- [end:task]
