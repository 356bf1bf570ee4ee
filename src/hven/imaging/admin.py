"""Imaging in the staff pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin

from hven.errors import HvenError
from hven.imaging.models import Preset, PresetFile, Reduction, Run, Solution, Verdict
from hven.imaging.services.reductions import checked_config
from hven.imaging.steps.workspace import checked_path
from hven.storage import services as storage


@admin.register(Reduction)
class ReductionAdmin(admin.ModelAdmin):
    """Reductions, newest first."""

    list_display = ("id", "owner", "name", "title", "stage", "visibility", "created")
    list_filter = ("stage",)
    search_fields = ("name", "title")
    raw_id_fields = ("owner", "submission", "data_file", "latest_run", "solution", "observatory")


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


@admin.register(Verdict)
class VerdictAdmin(admin.ModelAdmin):
    """What people said of candidates."""

    list_display = ("id", "reduction", "found_by", "name", "word", "by")
    list_filter = ("word", "found_by")
    raw_id_fields = ("reduction", "by")


class PresetForm(forms.ModelForm):
    """A preset, its configuration checked as everybody's."""

    class Meta:
        model = Preset
        fields = ("name", "config")

    def clean_config(self) -> dict[str, Any]:
        """Return the configuration."""
        try:
            return checked_config(self.cleaned_data["config"] or {})
        except HvenError as error:
            raise forms.ValidationError(str(error)) from error


class PresetFileForm(forms.ModelForm):
    """A file of a preset, uploaded here."""

    file = forms.FileField(required=False, help_text="Takes the place of the one that is there.")

    class Meta:
        model = PresetFile
        fields = ("path",)

    def clean_path(self) -> str:
        """Return the path in its one form."""
        try:
            return checked_path(self.cleaned_data["path"])
        except HvenError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Store what was uploaded."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is None and self.instance.blob_id is None:
            raise forms.ValidationError("Choose a file.")
        if file is not None and not self.errors:
            try:
                self.instance.blob = storage.put(file, limit=settings.HVEN_MAX_UPLOAD)
            except HvenError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned


class PresetFileInline(admin.TabularInline):
    """The files of a preset."""

    model = PresetFile
    form = PresetFileForm
    extra = 1


@admin.register(Preset)
class PresetAdmin(admin.ModelAdmin):
    """Presets: configurations with files, offered to everybody."""

    form = PresetForm
    list_display = ("id", "name")
    inlines = (PresetFileInline,)
