"""Imaging in the staff pages."""

from django.contrib import admin

from hven.imaging.models import Reduction, Run, Solution


@admin.register(Reduction)
class ReductionAdmin(admin.ModelAdmin):
    """Reductions, newest first."""

    list_display = ("id", "owner", "name", "visibility", "created")
    search_fields = ("name",)
    raw_id_fields = ("owner", "submission", "data_file", "latest_run", "solution")


@admin.register(Run)
class RunAdmin(admin.ModelAdmin):
    """Runs, newest first."""

    list_display = ("id", "reduction", "outcome", "created", "finished")
    list_filter = ("outcome",)
    raw_id_fields = ("reduction", "job")


@admin.register(Solution)
class SolutionAdmin(admin.ModelAdmin):
    """Solutions."""

    list_display = ("id", "run", "ra", "dec", "scale_arcsec", "rung")
    raw_id_fields = ("run",)
