"""Sites, telescopes, where each telescope stood when, and what filing its frames starts."""

from hven.sites.models.rule import Rule
from hven.sites.models.site import Site
from hven.sites.models.telescope import Stay, Telescope, stay_among

__all__ = ["Rule", "Site", "Stay", "Telescope", "stay_among"]
