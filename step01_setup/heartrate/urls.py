"""The heart-rate page and what it asks for."""

from django.urls import path

from heartrate import views

urlpatterns = [
    path("", views.index, name="index"),
    path("api/heart-rate/", views.heart_rate, name="heart-rate"),
    path("api/server/", views.server, name="server"),
    path("api/try-socket/", views.try_socket, name="try-socket"),
]
