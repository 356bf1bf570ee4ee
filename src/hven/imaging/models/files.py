"""What runs leave behind, and the folder in which a reduction is worked on."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run
from hven.storage.models import Blob


class ReductionFile(models.Model):
    """One file: bytes under a path within the reduction, made by a run or put there by a person.

    Those that are `current` are the reduction's folder. A solving run's products stay with it, whatever lies there now.
    """

    reduction = models.ForeignKey(Reduction, on_delete=models.CASCADE, related_name="files")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=200)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="reduction_files")
    media_type = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)
    current = models.BooleanField(default=False, help_text="whether it lies in the reduction's folder")

    class Meta:
        constraints = [
            models.UniqueConstraint("run", "path", name="a_path_once_a_run"),
            models.UniqueConstraint("reduction", "path", condition=Q(current=True), name="a_path_once_a_folder"),
        ]

    def __str__(self) -> str:
        return self.path
