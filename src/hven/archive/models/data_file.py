"""Files as received, and what their headers say."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned
from hven.archive.models.dataset import Dataset
from hven.archive.models.licence import Licensed
from hven.archive.models.submission import Submission
from hven.storage.models import Blob


class DataFile(Licensed, Owned):
    """A file as it was received; it is never changed."""

    filed_in = "dataset"

    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="data_files")
    size = models.PositiveBigIntegerField(default=0, help_text="bytes, as its blob has them")
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files"
    )
    # An album goes without its files, which may be others'; with its owner go only the owner's own.
    dataset = models.ForeignKey(Dataset, on_delete=models.RESTRICT, related_name="data_files")

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

    class Meta:
        indexes = [models.Index(fields=["owner", "size"], name="file_size_by_owner")]

    def __str__(self) -> str:
        return self.name


class HeaderValue(models.Model):
    """One header card of a data file as searches ask for it; the cards themselves stand in the data file."""

    id = models.BigAutoField(primary_key=True)
    data_file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="header_values")
    keyword = models.CharField(max_length=20)
    text = models.CharField(max_length=70, help_text="small letters; numbers in one form")

    class Meta:
        indexes = [models.Index(fields=["keyword", "text", "data_file"], name="header_by_value")]

    def __str__(self) -> str:
        return f"{self.keyword}={self.text}"
