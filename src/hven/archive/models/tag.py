"""Words attached to a data file, by people or by the solver."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from hven.archive.models.data_file import DataFile


class Tag(models.Model):
    """One word or name on one data file."""

    data_file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="tags")
    text = models.CharField(max_length=200)
    folded = models.CharField(max_length=400, db_index=True, help_text="the text without regard to capitals")
    machine = models.BooleanField(default=False, help_text="found by the solver, not given by a person")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("data_file", "text", "machine", name="a_tag_once_a_file")]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the folded text in step."""
        self.folded = fold(self.text)
        super().save(*args, **kwargs)


class TagWord(models.Model):
    """Every text that ever was a tag, once: parts of words are looked for here, and not in the tags of all files."""

    folded = models.CharField(max_length=400, primary_key=True)

    def __str__(self) -> str:
        return self.folded


def fold(text: str) -> str:
    """Return a tag's text as it is compared: without regard to capitals, spaces as one."""
    return " ".join(text.casefold().split())[:400]
