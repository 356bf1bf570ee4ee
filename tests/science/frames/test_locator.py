"""Maps of the sky with a field marked."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hven.errors import Invalid
from hven.science.frames.locator import Sky, locator
from hven.science.sky.sphere import unit_vectors
from hven.science.sky.wcs import Wcs

RED = (255, 90, 80)
WHITE = (235, 235, 225)


def _wcs(ra: float, dec: float, scale: float = 0.02) -> Wcs:
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": 200.5, "CRPIX2": 150.5,
        "CD1_1": -scale, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": scale,
    }  # fmt: skip
    wcs = Wcs.from_cards(cards, 400, 300)
    assert wcs is not None
    return wcs


def _sky(ra: float = 85.0, dec: float = 0.0) -> Sky:
    star = unit_vectors(np.array([ra]), np.array([dec]))
    return Sky(star, np.array([0.0]), unit_vectors(np.linspace(80, 90, 50), np.zeros(50)), [("Ori", star[0])])


def _pixels(content: bytes, colour: tuple[int, int, int]) -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    return np.argwhere(np.abs(image - colour).sum(axis=-1) < 30)


@pytest.mark.parametrize("place", [(85.0, 0.0), (0.0, 89.5), (359.9, -89.9), (180.0, 45.0)])
@pytest.mark.parametrize("zoom", range(4))
def test_the_field_is_marked_in_the_middle_of_every_map(place: tuple[float, float], zoom: int) -> None:
    content = locator(_wcs(*place), _sky(), zoom)
    width, height = Image.open(io.BytesIO(content)).size
    row, column = _pixels(content, RED).mean(axis=0)
    if zoom or abs(place[1]) < 60:  # the whole sky is squeezed at its poles
        assert column == pytest.approx(width / 2, abs=width * 0.06)
    if zoom:
        assert row == pytest.approx(height / 2, abs=height * 0.06)


def test_east_is_left_and_north_is_up() -> None:
    row, column = _pixels(locator(_wcs(80.0, 0.0), _sky(100.0, 20.0), 1), WHITE).mean(axis=0)
    assert column < 250
    assert row < 250


def test_a_closer_map_shows_the_field_larger() -> None:
    extent = [np.ptp(_pixels(locator(_wcs(80.0, 10.0), _sky(), zoom), RED)[:, 1]) for zoom in (1, 2, 3)]
    assert extent == sorted(extent)
    assert extent[0] < extent[2]


def test_a_tiny_field_is_circled_so_that_it_is_seen() -> None:
    assert len(_pixels(locator(_wcs(80.0, 10.0, 1e-5), _sky(), 1), RED)) > 30


def test_a_map_without_stars_is_still_a_map() -> None:
    empty = Sky(np.empty((0, 3)), np.empty(0), np.empty((0, 3)))
    assert len(_pixels(locator(_wcs(80.0, 10.0), empty, 2), RED))


@pytest.mark.parametrize("zoom", [-1, 4])
def test_other_zooms_are_refused(zoom: int) -> None:
    with pytest.raises(Invalid):
        locator(_wcs(80.0, 10.0), _sky(), zoom)
