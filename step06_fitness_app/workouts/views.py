"""The pages of the workouts, and the first page."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from challenges.services import places_of
from chat.services import inbox
from feed.services import shown_to
from people.models import Privacy
from people.views import DEMO_PEOPLE
from realtime.limits import TooMuch
from workouts import services
from workouts.models import Kind, State, Workout
from workouts.totals import thin

PAGE = 20  # workouts
POINTS = 3000  # samples in a finished workout's chart
SOME, FEW = 5, 3  # of each kind of thing on the first page, short and long


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What there is for one today; for who is not logged in, what this is."""
    user = request.user
    if not user.is_authenticated:
        demo = DEMO_PEOPLE if settings.DEMO else []
        return render(request, "home.html", {"demo": demo})
    now = timezone.now()
    week = Workout.objects.filter(
        owner=user, state=State.FINISHED, started_at__gte=now - timedelta(days=7)
    )
    unread_first = sorted(inbox(user), key=lambda one: not one.unread)
    context = {
        "now": now,
        "own": services.unfinished(user).first(),
        "training": services.training_now(user)[:SOME],
        "week": week.aggregate(
            many=Count("pk"), seconds=Sum("duration_seconds"), metres=Sum("distance_m")
        ),
        "places": places_of(user)[:FEW],
        "posts": shown_to(user).order_by("-pk")[:FEW],
        "conversations": [(one, one.other(user).username) for one in unread_first[:SOME]],
    }
    return render(request, "home.html", context)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """One's own running workout."""
    running = services.unfinished(request.user).exists()
    context = {"owner": request.user, "running": running, "kinds": Kind, "privacies": Privacy}
    return render(request, "workouts/live.html", context)


@require_safe
def watch(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody's running workout. Nobody of that name is as who does not want to be seen."""
    if username == request.user.username:
        return redirect("live")
    owner = User.objects.filter(username=username).first()
    try:
        services.watch(request.user, owner.pk if owner else 0)
    except services.NotAllowed:
        return render(request, "workouts/unseen.html", status=404)
    return render(request, "workouts/watch.html", {"owner": owner})


@require_safe
def workouts(request: HttpRequest) -> HttpResponse:
    """One's finished workouts, the latest first."""
    mine = Workout.objects.filter(owner=request.user, state=State.FINISHED)
    page = Paginator(mine, PAGE).get_page(request.GET.get("page"))
    return render(request, "workouts/index.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def workout(request: HttpRequest, workout_id: int) -> HttpResponse:
    """A finished workout that one may see; of one's own, POST changes the privacy or deletes."""
    seen = services.visible_to(request.user).select_related("owner")
    workout = seen.filter(pk=workout_id).first()
    is_own = workout is not None and workout.owner == request.user
    if workout is None or (request.method == "POST" and not is_own):
        return render(request, "workouts/none.html", status=404)
    if request.method == "POST" and "delete" in request.POST:
        services.delete(workout)
        messages.success(request, "The workout is deleted.")
        return redirect("workouts")
    if request.POST.get("privacy") in Privacy:
        try:
            services.change_privacy(workout, request.POST["privacy"])
            messages.success(request, f"It is shown to {workout.get_privacy_display()} now.")
        except TooMuch as problem:
            messages.error(request, f"Wait a moment: {problem}.")
        return redirect("workout", workout_id)
    context = {
        "workout": workout,
        "is_own": is_own,
        "rows": thin(services.rows_of(workout), POINTS),
        "sets": workout.sets.all(),
        "privacies": Privacy,
    }
    return render(request, "workouts/workout.html", context)
