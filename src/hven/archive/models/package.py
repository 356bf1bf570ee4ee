"""Datasets put together to be handed on."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned
from hven.archive.models.dataset import Dataset


class Package(Owned):
    """A curated set of datasets, shared with members, with people by a link, or with everybody."""

    name = models.CharField(max_length=200)
    about = models.TextField(blank=True)
    datasets = models.ManyToManyField(Dataset, blank=True, related_name="packages")

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="package_by_owner")]

    def __str__(self) -> str:
        return self.name
