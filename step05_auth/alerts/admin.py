"""Clubs and classes in the admin."""

from django.contrib import admin

from alerts.models import Club, FitnessClass


@admin.register(Club)
class ClubAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]


@admin.register(FitnessClass)
class FitnessClassAdmin(admin.ModelAdmin):
    list_display = ["name", "club", "starts_at"]
    list_filter = ["club", "starts_at"]
    list_select_related = ["club"]
    search_fields = ["name", "club__name"]
