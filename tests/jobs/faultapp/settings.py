"""Settings of worker processes under test: the tests' database, and the kinds of job beside this file."""

import os

from hven.config.settings import *  # noqa: F403
from hven.config.settings import DATABASES, INSTALLED_APPS

DATABASES["default"]["NAME"] = os.environ["FAULT_DATABASE"]
INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in {"hven.archive", "hven.imaging", "hven.web"}] + [
    "faultapp"
]
