"""The app of sites and telescopes."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    """Where frames are taken, and with what."""

    name = "hven.sites"
    label = "sites"
