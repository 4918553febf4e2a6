"""The pages of the workouts, and the first page."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from people.models import Privacy
from people.relations import may_see, relation


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What there is for one today; for who is not logged in, what this is."""
    return render(request, "home.html")


@login_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """One's own running workout."""
    return render(request, "workouts/live.html", {"owner": request.user, "privacies": Privacy})


@login_required
@require_safe
def watch(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody's running workout. Who may see it, the socket says."""
    owner = get_object_or_404(User, username=username, is_active=True)
    return render(request, "workouts/watch.html", {"owner": owner})


@login_required
@require_safe
def workouts(request: HttpRequest) -> HttpResponse:
    """One's finished workouts."""
    return render(request, "workouts/index.html")


@login_required
@require_safe
def workout(request: HttpRequest, workout_id: int) -> HttpResponse:
    """One finished workout."""
    return render(request, "workouts/workout.html")
