"""What runs leave behind."""

from __future__ import annotations

from django.db import models

from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run
from hven.storage.models import Blob


class ReductionFile(models.Model):
    """One product: bytes under a path within the reduction, made by a run."""

    reduction = models.ForeignKey(Reduction, on_delete=models.CASCADE, related_name="files")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=200)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="reduction_files")
    media_type = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("run", "path", name="a_path_once_a_run")]

    def __str__(self) -> str:
        return self.path
