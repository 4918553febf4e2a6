"""The HTTP paths of the form coach."""

from django.urls import path, re_path

from form import views
from people.urls import NAME

urlpatterns = [
    path("form/", views.form, name="form"),
    path("form/frames.json", views.frames, name="form-frames"),
    re_path(rf"^form/{NAME}/$", views.watch, name="watch-form"),
]
