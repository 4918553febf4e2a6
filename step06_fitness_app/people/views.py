"""The pages: sign-up, oneself, the others. What is sent is checked by the API's serializers."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework import serializers

from people import services
from people.api import DeletionSerializer, MeSerializer, SearchSerializer, SignUpSerializer
from people.models import Privacy, Role
from realtime.limits import TooMuch

DEMO_PEOPLE = ["ada", "ben", "cleo", "tom"]
TRAINERS = 50  # that the page suggests
DEEDS = {
    "ask": services.ask,
    "decline": services.decline,
    "unfriend": services.unfriend,
    "block": services.block,
}
form_page = require_http_methods(["GET", "HEAD", "POST"])


def problems_of(form: serializers.BaseSerializer) -> dict[str, list[str]]:
    """Check and save what was sent; what is wrong with it, by field."""
    try:
        form.is_valid(raise_exception=True)
        form.save()
    except serializers.ValidationError as problem:
        return problem.detail
    except ValidationError as problem:
        return problem.message_dict
    except ObjectDoesNotExist:
        return {"trainer": ["There is no trainer of that name."]}
    except TooMuch as problem:
        field = "password" if "password" in form.fields else "privacy"
        return {field: [f"Wait a moment: {problem}."]}
    return {}


@login_not_required
@form_page
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account, and log in to it."""
    problems = {}
    if request.method == "POST":
        form = SignUpSerializer(data=request.POST, context={"request": request})
        if not (problems := problems_of(form)):
            login(request, form.instance, "django.contrib.auth.backends.ModelBackend")
            return redirect("home")
    status = 422 if problems else 200
    return render(request, "people/sign_up.html", {"problems": problems}, status=status)


@form_page
def account(request: HttpRequest) -> HttpResponse:
    """One's profile. POST changes it; with `delete` in it, it ends the account."""
    profile, given, problems = request.user.profile, None, {}
    if "delete" in request.POST:
        form = DeletionSerializer(data=request.POST, context={"user": request.user})
        if not (problems := problems_of(form)):
            logout(request)
            return redirect("home")
    elif request.method == "POST":
        given = request.POST
        form = MeSerializer(profile, data=given, partial=True)
        if not (problems := problems_of(form)):
            messages.success(request, "Saved.")
            return redirect("account")
    context = {
        "given": given or MeSerializer(profile).data,
        "problems": problems,
        "privacies": Privacy.choices,
        "roles": Role.choices,
        "trainers": services.trainers(request.user)[:TRAINERS],
    }
    return render(request, "people/account.html", context, status=422 if problems else 200)


def people(request: HttpRequest) -> HttpResponse:
    """Friends, clients, requests, blocks, and a search."""
    me = request.user
    context = {**services.circle(me), "blocked": services.blocked_by(me)}
    context["clients"] = services.visible_to(me).filter(profile__trainer=me).order_by("username")
    if "search" in request.GET:
        form = SearchSerializer(data=request.GET)
        context["problems"] = {} if form.is_valid() else form.errors
        context["found"] = form.is_valid() and services.search(me, form.validated_data["search"])
    status = 422 if context.get("problems") else 200
    return render(request, "people/people.html", context, status=status)


@form_page
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody else. POST `do`: ask, decline, unfriend, block or unblock them."""
    me, do, problem = request.user, request.POST.get("do"), ""
    if username == me.username:
        return redirect("account")
    try:
        if do == "unblock":
            services.unblock(me, username)
            return redirect("people")
        other = services.find(me, username)
        if request.method == "POST":
            DEEDS[do](me, other)
            return redirect("people" if do == "block" or "back" in request.POST else request.path)
    except (ObjectDoesNotExist, KeyError):
        return render(request, "people/none.html", status=404)
    except TooMuch as too_much:
        problem = f"Wait a moment: {too_much}."
    context = {"other": services.standing(me, other), "problem": problem}
    return render(request, "people/person.html", context, status=429 if problem else 200)


@login_not_required
@require_POST
def demo_log_in(request: HttpRequest) -> HttpResponse:
    """Be one of the demo's people. This page is there with DEMO and DEBUG only: see urls.py."""
    name = request.POST.get("username")
    user = get_object_or_404(User, username__in={name} & {*DEMO_PEOPLE}, is_active=True)
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return redirect("home")
