"""The job table: the only truth about what is to be done, is being done, and was done."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class State(models.TextChoices):
    """Where a job stands. The last three are ends: a job that reached one never leaves it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({State.DONE, State.FAILED, State.CANCELLED})


class Job(models.Model):
    """One piece of work."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=100)
    args = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0, help_text="higher goes first")
    # Empty means at once. Only a delayed retry has a time, so a clock that was set back holds up nothing else.
    not_before = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    worker = models.CharField(
        max_length=120, blank=True, help_text="who runs it: host, boot, process, start, random part"
    )
    lease_until = models.DateTimeField(null=True, blank=True, help_text="for people; workers count heartbeats instead")
    beat = models.PositiveIntegerField(default=0, help_text="grows with every sign of life")
    claim = models.PositiveIntegerField(default=0, help_text="grows with every claim: who writes must know it")
    progress = models.FloatField(default=0.0, help_text="0 to 1")
    message = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True, blank=True)
    error_class = models.CharField(max_length=100, blank=True)
    error_text = models.TextField(blank=True, help_text="a sentence for the user")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children", db_index=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs",
        db_index=False,
    )  # fmt: skip
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True, blank=True, help_text="of the last attempt")
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index("priority", "created_by", "id", "not_before", name="job_queue", condition=Q(state="queued")),
            models.Index("worker", name="job_running", condition=Q(state="running")),
            models.Index("created_by", "state", name="job_by_user"),
            models.Index("finished", name="job_finished", condition=Q(finished__isnull=False)),
            models.Index("kind", "state", "created_by", name="job_by_kind"),
            models.Index("parent", name="job_by_parent", condition=Q(parent__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                "idempotency_key", name="job_once", condition=Q(idempotency_key__isnull=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk} ({self.state})"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDS

    @property
    def log_path(self) -> Path:
        """Where its log lies; the file is there once something was logged."""
        name = self.uuid.hex
        path: Path = settings.HVEN_FOLDERS.logs / "jobs" / name[:2] / f"{name}.log"
        return path


class Turn(models.Model):
    """When a user last had a turn: the queue serves in turn those who wait, not those who asked most."""

    user = models.BigIntegerField(primary_key=True, help_text="0 stands for the server itself")
    turn = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"user {self.user}: {self.turn}"


class Worker(models.Model):
    """A supervisor of worker processes, as last seen; for people and health checks, never for decisions."""

    name = models.CharField(max_length=120, primary_key=True)
    slots = models.PositiveSmallIntegerField(help_text="jobs that it runs at once")
    started = models.DateTimeField()
    seen = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name


class Duty(models.Model):
    """When a regular duty of the reaper was last done, so that several reapers share the work."""

    name = models.CharField(max_length=100, primary_key=True)
    done = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.done}"
