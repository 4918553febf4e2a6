"""The pages: all rooms, and one."""

from collections import defaultdict

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from rooms.forms import RoomForm
from rooms.models import Room
from rooms.presence import alive


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List the rooms and who is online; POST makes a room."""
    form = RoomForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with transaction.atomic():
                return redirect(form.save())
        except IntegrityError:  # somebody was faster, or clicked twice
            form.add_error("name", form.fields["name"].error_messages["unique"])
    here = defaultdict(set)
    for room_id, username in alive().values_list("room_id", "username"):
        here[room_id].add(username)
    rooms = [(room, sorted(here[room.pk], key=str.casefold)) for room in Room.objects.all()]
    status = 422 if form.errors else 200
    return render(request, "rooms/index.html", {"form": form, "rooms": rooms}, status=status)


@require_safe
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """One room. The session cookie it sets tells two tabs of a guest from two guests."""
    room = get_object_or_404(Room, name=slug)
    if not request.session.session_key:
        request.session.create()
    return render(request, "rooms/room.html", {"room": room})
