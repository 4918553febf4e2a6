"""The page of the alerts, and the form that sends one, for staff."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from alerts import services
from alerts.forms import AlertForm


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Alerts as they come, and what to hear; staff get the form as well."""
    return page(request, AlertForm() if request.user.is_staff else None)


# --8<-- [start:view]
@login_required
@require_POST
def announce(request: HttpRequest) -> HttpResponse:
    """Send what the form says, as who is logged in."""
    if not request.user.is_staff:  # that the page shows them no form stops nobody
        raise PermissionDenied
    form = AlertForm(request.POST)
    if not form.is_valid():
        return page(request, form, status=422)
    try:
        services.announce(**form.cleaned_data, by=request.user)
    except (RedisError, OSError):
        form.add_error(None, "Not sent: the channel layer cannot be reached. Try again later.")
        return page(request, form, status=503)
    messages.success(request, "Sent. This page was reloading, so it missed it.")
    return redirect("alerts")


# --8<-- [end:view]


def page(request: HttpRequest, form: AlertForm | None, status: int = 200) -> HttpResponse:
    choices = [(f"team.{team.pk}", team.name) for team in request.user.teams.all()]
    if request.user.is_staff:
        choices.append(("staff", "Staff"))
    context = {"form": form, "choices": choices}
    return render(request, "alerts/index.html", context, status=status)
