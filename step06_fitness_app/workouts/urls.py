"""The HTTP paths of the workouts."""

from django.urls import path

from workouts import views

api_urlpatterns = []
urlpatterns = [
    *api_urlpatterns,
    path("", views.home, name="home"),
    path("live/", views.live, name="live"),
    path("live/<str:username>/", views.watch, name="watch"),
    path("workouts/", views.workouts, name="workouts"),
    path("workouts/<int:workout_id>/", views.workout, name="workout"),
]
