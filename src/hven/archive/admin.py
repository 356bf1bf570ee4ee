"""The archive in the staff pages."""

from django.contrib import admin

from hven.archive.models import (
    Calibration,
    DataFile,
    Dataset,
    NightLog,
    Observation,
    Package,
    Submission,
    Target,
    TargetList,
)


@admin.register(Submission)
class SubmissionAdmin(admin.ModelAdmin):
    """Submissions, newest first."""

    list_display = ("id", "owner", "origin", "name", "created", "error")
    list_filter = ("origin",)
    search_fields = ("name", "url")
    raw_id_fields = ("owner", "blob", "dataset")


@admin.register(DataFile)
class DataFileAdmin(admin.ModelAdmin):
    """Data files, newest first."""

    list_display = ("id", "owner", "name", "object_name", "filter", "middle", "created")
    search_fields = ("name", "object_name")
    raw_id_fields = ("owner", "blob", "submission", "dataset")


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin):
    """Datasets."""

    list_display = ("id", "owner", "observatory", "name", "telescope", "rule", "inbox")
    list_filter = ("rule",)
    raw_id_fields = ("owner", "observatory", "telescope")


@admin.register(NightLog)
class NightLogAdmin(admin.ModelAdmin):
    """Nights."""

    list_display = ("id", "owner", "telescope", "date")
    raw_id_fields = ("owner", "observatory", "telescope")


@admin.register(Observation, Calibration)
class TakenAdmin(admin.ModelAdmin):
    """What was taken in a night."""

    list_display = ("id", "owner", "name", "night")
    search_fields = ("name",)
    raw_id_fields = ("owner", "observatory", "night", "dataset")


@admin.register(Package, Target, TargetList)
class NamedAdmin(admin.ModelAdmin):
    """Packages, targets and their lists."""

    list_display = ("id", "owner", "name")
    search_fields = ("name",)
    raw_id_fields = ("owner", "observatory")
    exclude = ("datasets",)
