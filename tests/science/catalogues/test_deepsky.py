"""NGC, IC and Messier: well-known objects are where everybody knows them."""

import numpy as np
import pytest

from hven.science.catalogues.deepsky import deep_sky, find_object
from hven.science.sky.sphere import separation


@pytest.mark.parametrize(
    ("name", "ra", "dec", "messier", "radius_arcmin"),
    [
        ("NGC 224", 10.6847, 41.2690, 31, 89),
        ("NGC 3627", 170.0626, 12.9915, 66, 5.1),
        ("NGC 3628", 170.0706, 13.5895, 0, 5.5),
        ("NGC 1976", 83.82, -5.39, 42, 45),
        ("Mel 22", 56.87, 24.11, 45, 75),
        ("IC 434", 85.25, -2.45, 0, 45),
    ],
)
def test_objects_have_their_place_size_and_messier_number(name, ra, dec, messier, radius_arcmin):
    objects = deep_sky()
    i = objects.name.index(name)
    assert separation(objects.ra[i], objects.dec[i], ra, dec) < 0.02
    assert objects.messier[i] == messier
    assert objects.radius_deg[i] * 60 == pytest.approx(radius_arcmin, rel=0.15)


def test_all_of_messier_is_there_but_the_double_entry_of_m101():
    assert set(range(1, 111)) - set(deep_sky().messier.tolist()) == {102}


def test_each_name_comes_once_and_is_written_as_people_write_it():
    objects = deep_sky()
    assert len(objects) > 13_000
    assert len(set(objects.name)) == len(objects)
    for name, kind in zip(objects.name, objects.kind, strict=True):
        if kind != "other":
            assert name.startswith(f"{kind.upper()} ")
            assert name[len(kind) + 1] in "123456789"


def test_common_names_and_angles_make_sense():
    objects = deep_sky()
    assert "Pleiades" in objects.common[objects.name.index("Mel 22")]
    assert ((objects.ra >= 0) & (objects.ra < 360)).all()
    assert (np.abs(objects.dec) <= 90).all()
    assert not {"Dup", "NonEx"} & set(objects.type)
    np.testing.assert_allclose(np.linalg.norm(objects.vector, axis=1), 1)


def test_it_is_read_once():
    assert deep_sky() is deep_sky()


@pytest.mark.parametrize(
    ("text", "name"),
    [("M31", "NGC 224"), ("messier 42", "NGC 1976"), ("ngc7331", "NGC 7331"), ("IC 0434", "IC 434"),
     ("PLEIADES", "Mel 22"), ("Bode's galaxy", "NGC 3031")],
)  # fmt: skip
def test_objects_are_found_by_the_names_that_people_use(text: str, name: str) -> None:
    row = find_object(text)
    assert row is not None
    assert deep_sky().name[row] == name


@pytest.mark.parametrize("text", ["", "M", "M 999", "frame 12", "x", "1"])
def test_other_words_are_no_objects(text: str) -> None:
    assert find_object(text) is None
