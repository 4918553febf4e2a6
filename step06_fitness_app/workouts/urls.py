"""The HTTP paths of the workouts."""

from django.urls import path, re_path

from people.urls import NAME
from workouts import api, uploads, views

urlpatterns = [
    path("api/workouts/import/", uploads.Import.as_view(), name="api-import"),
    path("api/workouts/", api.Workouts.as_view(), name="api-workouts"),
    path("api/workouts/<int:pk>/", api.OneWorkout.as_view(), name="api-workout"),
    path("api/workouts/<int:pk>/samples/", api.WorkoutSamples.as_view(), name="api-samples"),
    path("", views.home, name="home"),
    path("live/", views.live, name="live"),
    re_path(rf"^live/{NAME}/$", views.watch, name="watch"),
    path("workouts/", views.workouts, name="workouts"),
    path("workouts/<int:workout_id>/", views.workout, name="workout"),
]
