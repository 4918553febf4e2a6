"""The pages: the challenges one may see, and one of them."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from challenges import services
from challenges.forms import ChallengeForm
from challenges.models import MAX_VALUE, Challenge
from realtime.limits import TooMuch


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List them; POST makes one, and its maker takes part."""
    form = ChallengeForm(request.POST or None, me=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                services.count_new(request.user)
                challenge = form.save()
                services.join(challenge.pk, request.user)
            return redirect("challenge", challenge.pk)
        except TooMuch as problem:
            form.add_error("name", f"Wait a moment: {problem}.")
    found = services.list_for(request.user)
    context = {
        "form": form,
        "running": [challenge for challenge in found if not challenge.is_over],
        "over": [challenge for challenge in found if challenge.is_over],
    }
    return render(request, "challenges/index.html", context, status=422 if form.errors else 200)


@require_safe
def challenge(request: HttpRequest, challenge_id: int) -> HttpResponse:
    """One challenge; what one may not see is as if it were not there."""
    try:
        found = services.find(request.user, challenge_id)
    except Challenge.DoesNotExist:
        return render(request, "challenges/none.html", status=404)
    return render(request, "challenges/challenge.html", {"challenge": found, "most": MAX_VALUE})
