"""What several apps' admins have in common."""

from django.contrib import admin


class LookOnlyAdmin(admin.ModelAdmin):
    """Rows that a service makes: to look at, and to delete."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False
