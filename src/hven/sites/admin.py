"""Sites and telescopes in the staff pages."""

from django.contrib import admin

from hven.sites.models import Site, Stay, Telescope


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):
    """Sites."""

    list_display = ("id", "owner", "observatory", "name", "longitude_deg", "latitude_deg")
    search_fields = ("name",)
    raw_id_fields = ("owner", "observatory")


class StayInline(admin.TabularInline):
    """Where a telescope stood when."""

    model = Stay
    extra = 0


@admin.register(Telescope)
class TelescopeAdmin(admin.ModelAdmin):
    """Telescopes."""

    list_display = ("id", "owner", "observatory", "name", "alias", "rule")
    list_filter = ("rule",)
    search_fields = ("name", "alias")
    raw_id_fields = ("owner", "observatory")
    inlines = (StayInline,)
