"""How files are filed: datasets, which pages and dialects call albums."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from hven.accounts.models import Owned


class Dataset(Owned):
    """A named collection of data files; each user has one inbox for what names none."""

    name = models.CharField(max_length=200)
    about = models.TextField(blank=True, help_text="what its owner says about it")
    inbox = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", name="one_inbox_each", condition=Q(inbox=True)),
            models.UniqueConstraint("owner", Lower("name"), name="a_dataset_name_once_each"),
        ]

    def __str__(self) -> str:
        return self.name
