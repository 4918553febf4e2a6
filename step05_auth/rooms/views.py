"""The pages: one's own rooms, and one of them."""

from collections import defaultdict

from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.forms import PersonForm
from rooms import services
from rooms.forms import RoomForm
from rooms.models import Room
from rooms.presence import alive


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List one's rooms and who is online there; POST makes a room."""
    form = RoomForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        room = form.save(commit=False)
        try:
            services.make(room, request.user)
            return redirect(room)
        except IntegrityError:  # somebody was faster, or clicked twice
            form.add_error("name", form.fields["name"].error_messages["unique"])
    rooms = request.user.rooms.all()
    here = defaultdict(set)
    for room_id, username in (
        alive().filter(room__in=rooms).values_list("room_id", "user__username")
    ):
        here[room_id].add(username)
    rooms = [(room, sorted(here[room.pk], key=str.casefold)) for room in rooms]
    status = 422 if form.errors else 200
    return render(request, "rooms/index.html", {"form": form, "rooms": rooms}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """One room of one's own; POST adds a member."""
    try:
        room = services.find(slug, request.user)
    except Room.DoesNotExist:
        return render(request, "rooms/none.html", {"slug": slug}, status=404)
    except services.NotAMember:
        return render(request, "rooms/forbidden.html", {"slug": slug}, status=403)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        room.members.add(form.cleaned_data["user"])
        return redirect(room)
    status = 422 if form.errors else 200
    return render(request, "rooms/room.html", {"room": room, "form": form}, status=status)
