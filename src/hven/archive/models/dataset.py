"""How files are filed: datasets, which pages and dialects call albums."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from hven.accounts.models import Owned
from hven.sites.models import Rule, Telescope


class Dataset(Owned):
    """A named collection of data files; each user has one inbox for what names none."""

    name = models.CharField(max_length=200)
    about = models.TextField(blank=True, help_text="what its owner says about it")
    inbox = models.BooleanField(default=False)
    telescope = models.ForeignKey(
        Telescope, null=True, blank=True, on_delete=models.SET_NULL, related_name="datasets",
        help_text="that takes its files; its site says which night they belong to",
    )  # fmt: skip
    observer = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list, blank=True)
    rule = models.CharField(
        max_length=20,
        blank=True,
        choices=Rule.choices,
        help_text="what filing a frame there starts; empty: what its telescope says",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", name="one_inbox_each", condition=Q(inbox=True)),
            models.UniqueConstraint(
                "owner", Lower("name"), name="a_dataset_name_once_each", condition=Q(observatory__isnull=True)
            ),
            models.UniqueConstraint(
                "owner",
                "observatory",
                Lower("name"),
                name="a_dataset_name_once_each_there",
                condition=Q(observatory__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name
