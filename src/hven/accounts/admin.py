"""Accounts on the staff pages."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from hven.accounts.models import AccessKey, Grant, Membership, Observatory, User

admin.site.register(User, UserAdmin)


class Members(admin.TabularInline):
    """The members of an observatory."""

    model = Membership
    extra = 0


@admin.register(Observatory)
class ObservatoryAdmin(admin.ModelAdmin):
    """Observatories with their members."""

    list_display = ("name", "slug", "created")
    inlines = (Members,)


@admin.register(AccessKey)
class AccessKeyAdmin(admin.ModelAdmin):
    """Keys, to be looked at and removed; none is made here, since nobody could see its secret."""

    list_display = ("prefix", "kind", "user", "name", "created", "expires", "last_used", "revoked")
    list_filter = ("kind",)

    def has_add_permission(self, request: object) -> bool:  # noqa: ARG002 - Django passes it
        """Nobody adds keys here."""
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:  # noqa: ARG002 - the same
        """Nobody changes keys here."""
        return False


admin.site.register(Grant)
