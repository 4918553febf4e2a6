"""What the services refuse, as HTTP has it: the API's EXCEPTION_HANDLER."""

from django.core.exceptions import ObjectDoesNotExist
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.views import exception_handler

from realtime.limits import TooMuch


def handler(problem: Exception, context: dict):
    """404 for what is not there, or no longer, and 429 for too much; the rest is DRF's."""
    if isinstance(problem, ObjectDoesNotExist):
        problem = NotFound()
    elif isinstance(problem, TooMuch):
        problem = Throttled(detail=str(problem))
    return exception_handler(problem, context)
