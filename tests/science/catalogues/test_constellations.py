"""Constellations in a field, by their figures."""

import pytest

from hven.science.catalogues.constellations import constellation_figures, constellations_in_field
from hven.science.sky.wcs import Wcs


def frame(ra: float, dec: float, width_deg: float) -> Wcs:
    scale = width_deg / 1000
    return Wcs((ra, dec), (499.5, 499.5), ((-scale, 0.0), (0.0, scale)), 1000, 1000)


@pytest.fixture
def figures(checkout):
    found = constellation_figures(checkout / "node_modules/d3-celestial/data")
    if found.note:
        pytest.skip("needs the page assets (npm ci), which are not installed")
    return found


def test_a_wide_field_shows_orion_whole_and_a_narrow_one_a_part(figures):
    assert "The constellation Orion (Ori)" in constellations_in_field(frame(83, 3, 50), figures)
    assert constellations_in_field(frame(84, -1.2, 3), figures) == ["Part of the constellation Orion (Ori)"]


def test_a_field_between_the_lines_shows_none(figures):
    assert constellations_in_field(frame(169.966, 13.221, 1.0), figures) == []  # the triplet of Leo


@pytest.mark.parametrize(
    ("ra", "dec", "name"), [(0, 90, "Ursa Minor (UMi)"), (359.9, 29, "Andromeda (And)"), (0, -88, "Octans")]
)
def test_poles_and_0h_are_places_like_others(ra, dec, name, figures):
    assert any(name in text for text in constellations_in_field(frame(ra, dec, 30), figures))


def test_all_constellations_have_a_figure_and_a_name(figures):
    assert len(figures.short) >= 86
    assert dict(zip(figures.short, figures.name, strict=True))["UMa"] == "Ursa Major"
    assert all(len(short) == 3 for short in figures.short)


@pytest.mark.parametrize("content", [None, "", "{}", '{"features": [{"id": 1}]}', '{"features": []}'])
def test_absent_and_broken_files_give_none_and_a_note(content, tmp_path):
    if content is not None:
        for name in ("constellations.lines.json", "constellations.json"):
            (tmp_path / name).write_text(content)
    found = constellation_figures(tmp_path)
    assert "constellations" in found.note
    assert constellations_in_field(frame(10, 10, 30), found) == []
