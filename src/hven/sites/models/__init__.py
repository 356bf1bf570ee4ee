"""Sites, telescopes, and where each telescope stood when."""

from hven.sites.models.site import Site
from hven.sites.models.telescope import Stay, Telescope

__all__ = ["Site", "Stay", "Telescope"]
