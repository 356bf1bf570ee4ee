"""Files as received, and the datasets that they are filed in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from hven.accounts.models import Owned
from hven.archive.models.submission import Submission
from hven.storage.models import Blob


class Dataset(Owned):
    """A named collection of data files; each user has one inbox for what names none."""

    name = models.CharField(max_length=200)
    inbox = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint("owner", name="one_inbox_each", condition=Q(inbox=True))]

    def __str__(self) -> str:
        return self.name


class DataFile(Owned):
    """A file as it was received; it is never changed."""

    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="data_files")
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files"
    )
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="data_files")

    # What its header says; empty until it was read, or where it says nothing.
    read_at = models.DateTimeField(null=True, blank=True)
    format = models.CharField(max_length=10, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    cards = models.JSONField(default=list, help_text="every header card: [keyword, value, comment]")
    meaning = models.JSONField(default=dict, help_text="what the cards mean, and which card said so")
    middle = models.DateTimeField(null=True, blank=True, db_index=True, help_text="of the exposure, UTC")
    exposure_s = models.FloatField(null=True, blank=True)
    filter = models.CharField(max_length=70, blank=True)
    object_name = models.CharField(max_length=70, blank=True)
    camera = models.CharField(max_length=70, blank=True)

    def __str__(self) -> str:
        return self.name
