"""One frame being worked on."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from hven.accounts.models import Owned
from hven.archive.models import DataFile, Submission


class Reduction(Owned):
    """A data file with what is made of it; a fetched frame's file comes after its reduction."""

    filed_in = "data_file__dataset"
    overseen = True

    name = models.CharField(max_length=255, blank=True)
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="reductions"
    )
    data_file = models.ForeignKey(DataFile, null=True, blank=True, on_delete=models.CASCADE, related_name="reductions")

    # How it is worked on step by step; frames that are only solved leave these as they are.
    title = models.CharField(max_length=250, blank=True, help_text="what its owner calls it")
    config = models.JSONField(default=dict, blank=True, help_text="what was asked for and what the steps found, by key")
    stage = models.CharField(
        max_length=40,
        default="uploaded",
        db_index=True,
        help_text="the step under way, done or failed, or what came before",
    )
    completed = models.DateTimeField(null=True, blank=True, help_text="when the last run of steps ended well")

    # Kept by runs and solutions as they are saved, so that lists need not look for the newest of each.
    latest_run = models.ForeignKey("imaging.Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    solution = models.ForeignKey(
        "imaging.Solution",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="of the newest run that found one",
    )

    class Meta:
        permissions = [
            ("view_all_tasks", "Can see everybody's reductions"),
            ("edit_all_tasks", "Can change everybody's reductions"),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="reduction_by_owner"),
            models.Index(fields=["owner", "name", "-id"], name="reduction_by_name"),
            models.Index(fields=["-id"], name="reduction_public", condition=Q(visibility="public")),
            models.Index(fields=["name", "-id"], name="reduction_public_name", condition=Q(visibility="public")),
            models.Index(fields=["owner", "-id"], name="reduction_unsolved", condition=Q(solution__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"reduction {self.pk}: {self.name}"
