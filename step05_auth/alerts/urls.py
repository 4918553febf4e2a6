"""The pages of the alerts."""

from django.urls import path

from alerts import views

urlpatterns = [
    path("", views.index, name="alerts"),
    path("announce/", views.announce, name="announce"),
]
