"""Configurations kept under a name, with the files that go with them."""

from __future__ import annotations

from django.db import models

from hven.storage.models import Blob


class Preset(models.Model):
    """A configuration that operators offer to everybody as a base of their own."""

    name = models.CharField(max_length=250, unique=True)
    config = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PresetFile(models.Model):
    """A file that a reduction begun with the preset gets, such as a mask of the camera's bad pixels."""

    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=200, help_text="within the reduction, such as custom_mask.fits")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="preset_files")

    class Meta:
        constraints = [models.UniqueConstraint("preset", "path", name="a_path_once_a_preset")]

    def __str__(self) -> str:
        return self.path
