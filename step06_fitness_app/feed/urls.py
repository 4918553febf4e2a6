"""The HTTP paths of the feed."""

from django.urls import path, re_path

from feed import api, views

ONE = r"^api/posts/(?P<post_id>[0-9]{1,18})/"

urlpatterns = [
    path("api/posts/", api.Posts.as_view()),
    re_path(rf"{ONE}$", api.OnePost.as_view()),
    re_path(rf"{ONE}cheer/$", api.Cheers.as_view()),
    re_path(rf"{ONE}comments/$", api.Comments.as_view()),
    path("feed/", views.feed, name="feed"),
]
