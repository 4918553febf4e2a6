"""The page of one's feed, which the socket fills."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workouts.services import visible_to

WORKOUTS = 10  # one's newest, to post about


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    own = visible_to(request.user).filter(owner=request.user)[:WORKOUTS]
    return render(request, "feed/feed.html", {"workouts": own})
