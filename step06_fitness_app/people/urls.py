"""The HTTP paths of the people."""

from django.conf import settings
from django.urls import path, re_path

from people import api, views

NAME = r"(?P<username>[\w.@+-]{1,150})"  # as Django's validator has it

urlpatterns = [
    path("api/sign-up/", api.SignUp.as_view()),
    path("api/me/", api.Me.as_view()),
    path("api/people/", api.People.as_view()),
    re_path(rf"^api/people/{NAME}/$", api.Person.as_view()),
    path("api/friends/", api.Friends.as_view()),
    re_path(rf"^api/friends/{NAME}/$", api.Friend.as_view()),
    path("api/blocks/", api.Blocks.as_view()),
    re_path(rf"^api/blocks/{NAME}/$", api.BlockOf.as_view()),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("account/", views.account, name="account"),
    path("people/", views.people, name="people"),
    re_path(rf"^people/{NAME}/$", views.person, name="person"),
]
if settings.DEMO and settings.DEBUG:
    urlpatterns += [path("demo-log-in/", views.demo_log_in, name="demo-log-in")]
