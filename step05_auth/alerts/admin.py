"""Teams in the admin."""

from django.contrib import admin

from alerts.models import Team


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name", "members__username"]
    autocomplete_fields = ["members"]
