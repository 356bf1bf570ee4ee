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

    # What it is a part of: said by the dataset's telescope and the header, worked out anew when either changes.
    is_raw = models.BooleanField(default=True, help_text="as the camera gave it")
    observation = models.ForeignKey(
        "archive.Observation", null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files"
    )
    calibration = models.ForeignKey(
        "archive.Calibration", null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files"
    )
    unfiled = models.CharField(max_length=200, blank=True, help_text="why it belongs to no night; a sentence")

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
    image_type = models.CharField(max_length=70, blank=True)
    ra = models.FloatField(null=True, blank=True, help_text="where the header says it points; degrees, ICRS")
    dec = models.FloatField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "size"], name="file_size_by_owner"),
            models.Index(fields=["dataset", "name"], name="file_by_name_in_dataset"),
            models.Index(fields=["dataset", "-id"], name="file_by_dataset"),
        ]

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
