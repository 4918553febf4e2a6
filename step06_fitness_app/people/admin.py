"""Profiles, friendships and blocks in the admin. Changes by hand are told as well: signals.py."""

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.admin import changed
from people import services
from people.models import Block, Friendship, Profile, Role
from realtime.admin import MadeElsewhereAdmin
from realtime.limits import TooMuch


@admin.register(Profile)
class ProfileAdmin(MadeElsewhereAdmin):  # everybody has one
    list_display = ["user", "role", "trainer", "privacy"]
    list_filter = ["role", "privacy"]
    list_select_related = ["user", "trainer"]
    search_fields = ["user__username", "trainer__username"]
    readonly_fields = ["user"]
    raw_id_fields = ["trainer"]

    def has_delete_permission(self, request, obj=None):
        """Not by itself; with its person, which asks for this permission as well."""
        return not request.path.startswith(reverse("admin:people_profile_changelist"))

    def formfield_for_foreignkey(self, db_field, request, **options):
        if db_field.name == "trainer":
            options["queryset"] = User.objects.filter(is_active=True, profile__role=Role.TRAINER)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request, obj, form, change):
        changes = {field: form.cleaned_data[field] for field in changed(obj, form)}
        try:
            services.change(obj, **changes)
        except User.DoesNotExist:
            self.message_user(request, "Not saved: one has blocked the other.", messages.ERROR)
        except TooMuch as problem:
            self.message_user(request, f"Not saved: {problem}.", messages.ERROR)


@admin.register(Friendship)
class FriendshipAdmin(MadeElsewhereAdmin):  # two people want it: services.ask
    list_display = ["first", "second", "asked_by", "asked_at", "accepted_at"]
    list_filter = ["asked_at", "accepted_at"]
    list_select_related = ["first", "second", "asked_by"]
    search_fields = ["first__username", "second__username"]
    fields = readonly_fields = list_display


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    list_display = ["blocker", "blocked"]
    list_select_related = ["blocker", "blocked"]
    search_fields = ["blocker__username", "blocked__username"]
    raw_id_fields = ["blocker", "blocked"]
