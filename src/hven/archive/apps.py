"""The app of the archive."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    """Submissions, data files, datasets."""

    name = "hven.archive"
