"""Requests to process, and how each of their steps went."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from hven.imaging.models.reduction import Reduction
from hven.jobs.models import Job, State


class RunState(models.TextChoices):
    """Where a run stands, in words that pages and dialects show."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    NO_SOLUTION = "no solution"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(models.Model):
    """One request to process a reduction: ordered steps with one configuration. Ids only grow, never come again."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reduction = models.ForeignKey(Reduction, on_delete=models.CASCADE, related_name="runs")
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="run")
    steps = models.JSONField(help_text="the keys of the steps, in order")
    config = models.JSONField(default=dict, help_text="the keys that were set, in hven's own names")
    outcome = models.CharField(max_length=12, blank=True, help_text="done, no solution or failed; empty until the end")
    reason = models.TextField(blank=True, help_text="a sentence, where there is no result")
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index("outcome", "id", name="run_by_outcome")]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.state}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; a new one becomes its reduction's latest."""
        new = self._state.adding
        super().save(*args, **kwargs)
        if new:
            Reduction.objects.filter(pk=self.reduction_id).update(latest_run=self)

    @property
    def state(self) -> RunState:
        """The state: the run's own at its end, else that of the job which carries it out."""
        if self.outcome:
            return RunState(self.outcome)
        job = self.job
        if job is None:
            return RunState.FAILED
        # A job that ended without leaving an outcome was killed or gave up.
        return RunState.FAILED if job.state == State.DONE else RunState(job.state)

    @property
    def answers_by_number(self) -> bool:
        """Whether its products stay with it for good: who asks for a solved frame's files names the run."""
        return "solve" in self.steps

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in {RunState.QUEUED, RunState.RUNNING}

    @property
    def why(self) -> str:
        """A sentence saying why there is no result; empty where there is one, or none yet."""
        if self.reason or self.job is None:
            return self.reason
        return self.job.error_text if self.ended and not self.outcome else ""


class StepRun(models.Model):
    """How one step of a run went."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="step_runs")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=RunState.choices)
    results = models.JSONField(default=dict)
    log = models.TextField(blank=True)
    started = models.DateTimeField()
    finished = models.DateTimeField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint("run", "position", name="a_step_once_a_run")]

    def __str__(self) -> str:
        return f"{self.key}: {self.state}"
