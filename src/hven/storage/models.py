"""Blobs: bytes under their sha256."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Blob(models.Model):
    """Finished bytes. Records refer to it by foreign key (``on_delete=PROTECT``); those keys are what keeps it."""

    sha256 = models.CharField(max_length=64, unique=True)
    sha1 = models.CharField(max_length=40)
    size = models.PositiveBigIntegerField(help_text="bytes")
    created = models.DateTimeField(default=timezone.now)
    wanted = models.DateTimeField(
        default=timezone.now,
        db_index=True,
        help_text="when it was last stored or seen in use; removal counts from here",
    )

    def __str__(self) -> str:
        return f"{self.sha256[:12]}… ({self.size} bytes)"
