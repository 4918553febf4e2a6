"""What several apps' admins have in common."""

from accounts.admin import ChangedOnlyAdmin


class MadeElsewhereAdmin(ChangedOnlyAdmin):
    """Rows that a service makes: to change."""

    def has_add_permission(self, request):
        return False


class LookOnlyAdmin(MadeElsewhereAdmin):
    """To look at, and to delete."""

    def has_change_permission(self, request, obj=None):
        return False
