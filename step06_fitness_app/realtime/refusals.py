"""What a service refuses, and how a socket and HTTP say so."""

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, Throttled
from rest_framework.serializers import ValidationError as Invalid
from rest_framework.views import exception_handler

from realtime.limits import TooMuch


class Conflict(Exception):
    """Not as things stand; the text says what is in the way. HTTP: 409."""

    code = "conflict"


class NotAllowed(Exception):
    """Not theirs to do or to see; the text says as much as they may know. HTTP: 403."""

    code = "not_allowed"


class Impossible(APIException):
    status_code = 409


def handler(problem: Exception, context: dict):
    """The API's EXCEPTION_HANDLER. 404 for what is not there, or no longer; the rest is DRF's."""
    if isinstance(problem, ObjectDoesNotExist):
        problem = NotFound()
    elif isinstance(problem, ValidationError):
        problem = Invalid(problem.message_dict)
    elif isinstance(problem, TooMuch):
        problem = Throttled(detail=str(problem))
    elif isinstance(problem, NotAllowed):
        problem = PermissionDenied(str(problem))
    elif isinstance(problem, Conflict):
        problem = Impossible(str(problem))
    return exception_handler(problem, context)
