"""Datasets put together to be handed on."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned, User
from hven.archive.models.dataset import Dataset


class Package(Owned):
    """A curated set of datasets, shared with members, with people by a link, or with everybody."""

    name = models.CharField(max_length=200)
    about = models.TextField(blank=True)
    datasets = models.ManyToManyField(Dataset, blank=True, related_name="packages", through="archive.PackagedDataset")

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="package_by_owner")]

    def __str__(self) -> str:
        return self.name


class PackagedDataset(models.Model):
    """A dataset in a package, and who put it in: the package hands on what they may give away, and no more."""

    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="packed")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="packed")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("package", "dataset", name="a_dataset_once_a_package")]

    def __str__(self) -> str:
        return f"{self.dataset} in {self.package}"
