"""The pages: all rooms, and one."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from rooms.forms import RoomForm
from rooms.models import Room


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List the rooms and who is online; POST makes a room."""
    form = RoomForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect(form.save())
    fresh = timezone.now() - timedelta(seconds=settings.GONE_AFTER)
    here = Count("connections__guest", distinct=True, filter=Q(connections__seen_at__gte=fresh))
    rooms = Room.objects.annotate(online=here)
    status = 200 if not form.errors else 422
    return render(request, "rooms/index.html", {"form": form, "rooms": rooms}, status=status)


@require_GET
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """One room. The session cookie it sets tells two tabs of a guest from two guests."""
    if not request.session.session_key:
        request.session.create()
    return render(request, "rooms/room.html", {"room": get_object_or_404(Room, name=slug)})
