"""The verbs of sites and telescopes."""

from hven.sites.services.sites import SiteWords, change_site, create_site, delete_site
from hven.sites.services.telescopes import (
    TelescopeWords,
    change_telescope,
    create_telescope,
    delete_telescope,
    move_telescope,
    move_telescope_on,
)

__all__ = [
    "SiteWords", "TelescopeWords", "change_site", "change_telescope", "create_site", "create_telescope", "delete_site",
    "delete_telescope", "move_telescope", "move_telescope_on",
]  # fmt: skip
