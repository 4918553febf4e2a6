"""The pages of the rooms."""

from django.urls import path

from rooms import views

urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/<slug:slug>/", views.room, name="room"),
]
