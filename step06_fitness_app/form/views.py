"""The pages of the form coach: one's own, with a recording to play, and another's."""

from functools import cache

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe
from msgspec import json

from coaching.recording import RATE, read
from form import services
from realtime.limits import TooMuch
from workouts import services as workouts
from workouts.models import Kind


@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest) -> HttpResponse:
    """One's own workout, whatever its kind; POST begins one where none goes on."""
    if request.method == "POST":
        try:
            workouts.start(request.user, Kind.STRENGTH)
        except (workouts.Conflict, TooMuch) as problem:
            messages.info(request, str(problem))
        return redirect("form")
    workout = workouts.unfinished(request.user).first()
    return render(request, "form/form.html", {"workout": workout, "role": "owner"})


@require_safe
def watch(request: HttpRequest, username: str) -> HttpResponse:
    """The workout of somebody who shows it to this viewer; else as if there were none."""
    owner = User.objects.filter(username=username).first()
    workout = workouts.unfinished(owner).first() if owner else None
    try:
        workout, role = services.place(request.user, str(workout and workout.pk))
    except services.NotAllowed:
        return render(request, "form/none.html", {"username": username}, status=404)
    if role == "owner":
        return redirect("form")
    return render(request, "form/watch.html", {"workout": workout, "role": role})


@require_safe
@cache_control(private=True, max_age=3600)
def frames(request: HttpRequest) -> HttpResponse:
    """The recording that one's own page plays."""
    return HttpResponse(recording(), content_type="application/json")


@cache
def recording() -> bytes:
    with (settings.BASE_DIR / "data" / "pose" / "squat_frames.csv").open(encoding="utf-8") as lines:
        return json.encode({"rate": RATE, "frames": [frame.points for _, frame in read(lines)]})
