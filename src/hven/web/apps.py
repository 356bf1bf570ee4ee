"""The app of the pages."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages have templates and static files and no records of their own."""

    name = "hven.web"
