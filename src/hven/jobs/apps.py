"""The jobs app: at start it loads the ``jobs`` module of every app, where kinds are registered."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    """Registers all kinds of job."""

    name = "hven.jobs"

    def ready(self) -> None:
        """Load ``<app>/jobs.py`` of every app."""
        autodiscover_modules("jobs")
