"""Words attached to a data file, by people or by the solver."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hven.archive.models.data_file import DataFile


class Tag(models.Model):
    """One word or name on one data file."""

    data_file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="tags")
    text = models.CharField(max_length=200, db_index=True)
    machine = models.BooleanField(default=False, help_text="found by the solver, not given by a person")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("data_file", "text", "machine", name="a_tag_once_a_file")]

    def __str__(self) -> str:
        return self.text
