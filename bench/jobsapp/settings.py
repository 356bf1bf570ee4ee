"""hven's settings with one more kind of job and without those of imaging: what is measured is the engine."""

from hven.config.settings import *  # noqa: F403
from hven.config.settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in {"hven.archive", "hven.imaging", "hven.web"}] + [
    "jobsapp"
]
