"""Profiles, friendships and blocks in the admin. Changes by hand are told as well: signals.py."""

from django.contrib import admin

from people.models import Block, Friendship, Profile


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    list_display = ["user", "role", "trainer", "privacy"]
    list_filter = ["role", "privacy"]
    list_select_related = ["user", "trainer"]
    search_fields = ["user__username", "trainer__username"]
    readonly_fields = ["user"]
    raw_id_fields = ["trainer"]

    def has_add_permission(self, request):
        return False  # everybody has one


@admin.register(Friendship)
class FriendshipAdmin(admin.ModelAdmin):
    list_display = ["first", "second", "asked_by", "asked_at", "accepted_at"]
    list_filter = ["asked_at", "accepted_at"]
    list_select_related = ["first", "second", "asked_by"]
    search_fields = ["first__username", "second__username"]
    fields = readonly_fields = list_display

    def has_add_permission(self, request):
        return False  # two people want it: services.ask


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    list_display = ["blocker", "blocked"]
    list_select_related = ["blocker", "blocked"]
    search_fields = ["blocker__username", "blocked__username"]
    raw_id_fields = ["blocker", "blocked"]
