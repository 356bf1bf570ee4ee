"""Nights, and what of them a file is."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned
from hven.archive.models.dataset import Dataset
from hven.sites.models import Telescope


class NightLog(Owned):
    """What one telescope did from one local mean solar noon to the next; it never splits by person."""

    telescope = models.ForeignKey(Telescope, on_delete=models.CASCADE, related_name="nights")
    date = models.DateField(help_text="of the noon with which it begins")
    about = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("telescope", "date", name="a_night_once_a_telescope")]
        indexes = [models.Index(fields=["owner", "-date"], name="night_by_owner")]

    def __str__(self) -> str:
        return f"{self.telescope} {self.date}"


class Observation(Owned):
    """The frames of one target in one night, of one dataset."""

    visitors_see = True
    visitors_change = True

    night = models.ForeignKey(NightLog, null=True, blank=True, on_delete=models.CASCADE, related_name="observations")
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.CASCADE, related_name="observations")
    index = models.PositiveIntegerField(default=0, help_text="in its night, in order of time")
    name = models.CharField(max_length=200, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    target_class = models.CharField(max_length=40, blank=True, default="AstronomicalObject")

    class Meta:
        constraints = [
            models.UniqueConstraint("night", "dataset", "target_name", name="a_target_once_a_night_and_dataset")
        ]

    def __str__(self) -> str:
        return self.name or self.target_name


class Calibration(Owned):
    """The frames of one kind that calibrate others (bias, dark, flat), of one night and dataset."""

    visitors_see = True
    visitors_change = True

    night = models.ForeignKey(NightLog, null=True, blank=True, on_delete=models.CASCADE, related_name="calibrations")
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.CASCADE, related_name="calibrations")
    name = models.CharField(max_length=200, help_text="what they are: bias, dark 300 s, flat r")

    class Meta:
        constraints = [models.UniqueConstraint("night", "dataset", "name", name="a_kind_once_a_night_and_dataset")]

    def __str__(self) -> str:
        return self.name
