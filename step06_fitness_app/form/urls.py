"""The HTTP paths of the form coach."""

from django.urls import path

from form import views

api_urlpatterns = []
urlpatterns = [
    *api_urlpatterns,
    path("form/", views.form, name="form"),
    path("form/frames.json", views.frames, name="form-frames"),
    path("form/<str:username>/", views.watch, name="watch-form"),
]
