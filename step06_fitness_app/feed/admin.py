"""Posts and comments in the admin: to look at, and to delete."""

from django.contrib import admin

from feed.models import Comment, Post
from realtime.admin import LookOnlyAdmin


class Written(LookOnlyAdmin):
    """What people wrote."""

    list_select_related = ["author"]
    search_fields = ["author__username", "text"]


@admin.register(Post)
class PostAdmin(Written):
    list_display = ["author", "text", "posted_at"]
    list_filter = ["posted_at"]


@admin.register(Comment)
class CommentAdmin(Written):
    list_display = ["author", "text", "said_at", "post"]
    list_filter = ["said_at"]
    list_select_related = ["author", "post__author"]
