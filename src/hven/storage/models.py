"""Blobs: bytes under their sha256; and small ones on their way there."""

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
        default=timezone.now, help_text="when it was last stored or seen in use; removal counts from here"
    )

    def __str__(self) -> str:
        return f"{self.sha256[:12]}… ({self.size} bytes)"


class NewBytes(models.Model):
    """The bytes of a small blob until they lie in the store.

    They come with the records that refer to them, in one transaction and with one sync of the disk. See `few`.
    """

    blob = models.OneToOneField(Blob, primary_key=True, on_delete=models.CASCADE, related_name="+")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"the bytes of blob {self.pk}"
