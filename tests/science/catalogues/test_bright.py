"""Named stars: read from files that may be absent or broken."""

import json

import pytest

from hven.science.catalogues.bright import bright_stars, is_greek
from hven.science.sky.sphere import separation


def write(folder, stars, names):
    folder.mkdir(exist_ok=True)
    features = [
        {"id": hip, "properties": {"mag": mag}, "geometry": {"type": "Point", "coordinates": [lon, lat]}}
        for hip, mag, lon, lat in stars
    ]
    (folder / "stars.6.json").write_text(json.dumps({"features": features}), encoding="utf-8")
    (folder / "starnames.json").write_text(json.dumps(names), encoding="utf-8")


def test_stars_have_proper_bayer_and_flamsteed_names(tmp_path):
    names = {
        "54061": {"name": "Dubhe", "bayer": "\u03b1", "flam": "50", "c": "UMa"},
        "78820": {"name": "Acrab", "bayer": "\u03b21", "flam": "8", "c": "Sco"},
        "1": {"name": "", "bayer": "", "flam": "", "c": "And"},
    }
    write(tmp_path, [(54061, 1.81, 165.93, 61.75), (78820, 2.56, -118.64, -19.8), (1, 5, 0, 0), (2, 5, 0, 0)], names)
    stars = bright_stars(tmp_path)
    assert len(stars) == 2
    assert stars.names(0) == ("Dubhe", "\u03b1 UMa", "50 UMa")
    assert stars.names(1) == ("Acrab", "\u03b2\u00b9 Sco", "8 Sco")
    assert stars.ra[1] == pytest.approx(241.36)
    assert stars.note == ""


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"features": 3}', '{"features": [{"id": 1}]}', "\x00"])
def test_absent_and_broken_files_give_an_empty_list_and_a_note(content, tmp_path):
    if content is not None:
        (tmp_path / "stars.6.json").write_text(content)
        (tmp_path / "starnames.json").write_text('{"1": {"name": "x"}}')
    stars = bright_stars(tmp_path)
    assert len(stars) == 0
    assert "stars" in stars.note


def test_greek_letters_are_told_from_latin_ones():
    assert is_greek("\u03b1 UMa")
    assert not is_greek("b Vel")
    assert not is_greek("")


def test_the_installed_data_have_the_stars_that_everybody_knows(checkout):
    stars = bright_stars(checkout / "node_modules/d3-celestial/data")
    if stars.note:
        pytest.skip("needs the page assets (npm ci), which are not installed")
    places = {"Sirius": (101.287, -16.716), "Dubhe": (165.932, 61.751), "Betelgeuse": (88.793, 7.407)}
    for name, place in places.items():
        i = stars.proper.index(name)
        assert separation(stars.ra[i], stars.dec[i], *place) < 0.01
    assert stars.proper[0] == "Sirius"
    assert len(stars) > 2500
