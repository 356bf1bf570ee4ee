"""One act of handing over."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Observatory, Owned, User
from hven.archive.models.dataset import Dataset
from hven.archive.models.licence import Licensed
from hven.storage.models import Blob


class Submission(Licensed, Owned):
    """Exists before its bytes do; may bring several files, or fail before it has one.

    Files that are brought to a dataset, with nothing asked for, are in none.
    """

    # The owner's index leads to the time too; of what belongs to no observatory none is kept.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    observatory = models.ForeignKey(
        Observatory, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    created = models.DateTimeField(auto_now_add=True)
    origin = models.CharField(max_length=20, help_text="the dialect, or 'web', that took it")
    arguments = models.JSONField(default=dict, help_text="what the client sent, word for word, without secrets")
    name = models.CharField(max_length=255, blank=True, help_text="of the file, as the client called it")
    url = models.TextField(blank=True, help_text="where the bytes are to be fetched from")
    blob = models.ForeignKey(
        Blob,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="submissions",
        db_index=False,
        help_text="the archive that came, until its members are filed",
    )
    dataset = models.ForeignKey(
        Dataset,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="submissions",
        help_text="where its files are filed; empty for the inbox",
    )
    address = models.GenericIPAddressField(null=True, blank=True, help_text="of the client")
    started = models.DateTimeField(null=True, blank=True, help_text="when its files began to be taken in")
    finished = models.DateTimeField(null=True, blank=True, help_text="when all were in, or it had failed")
    error = models.TextField(blank=True, help_text="a sentence, where it failed before its files were in")

    class Meta:
        indexes = [
            models.Index(fields=["owner", "created"], name="submission_by_owner"),
            models.Index(fields=["owner"], name="archives_by_owner", condition=models.Q(blob__isnull=False)),
            models.Index(fields=["blob"], name="submission_by_blob", condition=models.Q(blob__isnull=False)),
            models.Index(
                fields=["observatory"], name="submission_by_observatory", condition=models.Q(observatory__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"submission {self.pk}: {self.name or self.url}"
