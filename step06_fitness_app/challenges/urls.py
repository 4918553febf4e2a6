"""The HTTP paths of the challenges."""

from django.urls import path

from challenges import api, services, views

ONE = "api/challenges/<str:challenge_id>/"

urlpatterns = [
    path("api/challenges/", api.Challenges.as_view()),
    path(ONE, api.OneChallenge.as_view()),
    path(f"{ONE}join/", api.Change.as_view(work=services.join)),
    path(f"{ONE}leave/", api.Change.as_view(work=services.leave)),
    path(f"{ONE}end/", api.Change.as_view(work=services.end)),
    path("challenges/", views.index, name="challenges"),
    path("challenges/<int:challenge_id>/", views.challenge, name="challenge"),
]
