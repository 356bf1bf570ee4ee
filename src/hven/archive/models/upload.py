"""Files that are on their way, piece by piece."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from hven.archive.models.data_file import DataFile
from hven.archive.models.dataset import Dataset


class Upload(models.Model):
    """An announced file that comes in pieces and can be continued; it ends as a data file, or is forgotten."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)
    length = models.PositiveBigIntegerField(help_text="bytes, as announced")
    sha256 = models.CharField(max_length=64, blank=True, help_text="as announced; checked at the end")
    is_raw = models.BooleanField(default=True)
    tags = models.JSONField(default=list)
    data_file = models.ForeignKey(DataFile, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "dataset", "sha256"], name="upload_to_continue")]

    def __str__(self) -> str:
        return f"{self.name} ({self.length} bytes)"
