"""The app of the pages."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete


class WebConfig(AppConfig):
    """Pages have templates and static files and no records of their own."""

    name = "hven.web"

    def ready(self) -> None:
        """Let tiles go with their file, whoever deletes it: a dialect, a page, or the staff."""
        post_delete.connect(_forget_tiles, sender="archive.DataFile", dispatch_uid="hven.web.tiles")


def _forget_tiles(instance: Any, **_kwargs: Any) -> None:
    from hven.web import tiles  # noqa: PLC0415 - needs the apps

    transaction.on_commit(lambda: tiles.forget(instance.uuid))
