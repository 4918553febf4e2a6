"""The page of the alerts, and the form that announces, for staff."""

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from redis.exceptions import RedisError

from alerts import services
from alerts.forms import AnnounceForm
from alerts.layer import explain
from alerts.models import FitnessClass


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Alerts as they come, and a class to pick; staff get the form as well."""
    return page(request, AnnounceForm())


# --8<-- [start:view]
@staff_member_required
@require_POST
def announce(request: HttpRequest) -> HttpResponse:
    """Announce from a view. It runs in the server, so the in-memory layer reaches everybody."""
    form = AnnounceForm(request.POST)
    if not form.is_valid():
        return page(request, form, status=422)
    try:
        services.announce(**form.cleaned_data)
    except (RedisError, OSError) as problem:
        form.add_error(None, f"Not announced. {explain(problem)}")
        return page(request, form, status=503)
    messages.success(request, "Announced. This page was reloading, so it missed it.")
    return redirect("alerts")


# --8<-- [end:view]


def page(request: HttpRequest, form: AnnounceForm, status: int = 200) -> HttpResponse:
    classes = FitnessClass.objects.select_related("club").order_by("club", "starts_at")
    return render(request, "alerts/index.html", {"form": form, "classes": classes}, status=status)
