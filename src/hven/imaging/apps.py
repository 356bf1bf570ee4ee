"""The app of imaging: its steps are known once Django is set up."""

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    """Registers the steps."""

    name = "hven.imaging"

    def ready(self) -> None:
        """Import the steps, which register themselves."""
        from hven.imaging import steps  # noqa: F401, PLC0415 - models are not there before
