"""A telescope, a dataset it fills, and the files of a night, made through the services."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits

CARDS = {
    "DATE-OBS": "2026-03-15T22:30:00", "EXPTIME": 60.0, "OBJECT": "M105", "FILTER": "R", "IMAGETYP": "Light Frame",
    "RA": 161.957, "DEC": 12.582, "SITELAT": 28.3, "SITELONG": -16.51, "TELESCOP": "Quadrant",
}  # fmt: skip


def frame_bytes(seed: int = 1, **cards: Any) -> bytes:
    """A small frame with these cards besides the usual ones; None leaves one out."""
    header = fits.Header()
    for name, value in (CARDS | cards).items():
        if value is not None:
            header[name] = value
    content = io.BytesIO()
    data = np.random.default_rng(seed).normal(1000, 10, (24, 32)).astype(np.float32)
    fits.PrimaryHDU(data, header).writeto(content)
    return content.getvalue()


@dataclass
class Place:
    """A site with a telescope, and a dataset that it fills."""

    actor: Any
    site: Any
    telescope: Any
    dataset: Any

    def take(self, name: str = "a.fits", content: bytes | None = None, **cards: Any) -> Any:
        """File a frame and read its header; return the data file."""
        from hven.archive.services.reading import read_file
        from hven.archive.services.receive import Delivery, receive_file
        from hven.storage import services as storage

        seed = sum(name.encode())
        blob = storage.put(frame_bytes(seed, **cards) if content is None else content)
        made = receive_file(self.actor, self.dataset, blob, Delivery(name))
        read_file(made.pk)
        made.refresh_from_db()
        return made


def observing_place(user: Any, longitude: float | None = -16.51) -> Place:
    """Make a site, a telescope and a dataset of a user's own."""
    from hven.accounts.actor import Actor
    from hven.archive.services.datasets import DatasetWords, create_dataset
    from hven.sites.services import SiteWords, TelescopeWords, create_site, create_telescope

    actor = Actor.of(user)
    site = create_site(actor, SiteWords(name="Izaña", longitude_deg=longitude, latitude_deg=28.3, height_m=2390.0))
    telescope = create_telescope(actor, TelescopeWords(name="Quadrant", site=site))
    dataset = create_dataset(actor, DatasetWords(name="Spring", telescope=telescope))
    return Place(actor, site, telescope, dataset)
