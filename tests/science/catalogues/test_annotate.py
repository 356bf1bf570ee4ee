"""What a solved frame shows, against published answers and against every object one by one."""

import json

import numpy as np
import pytest

from hven.science.catalogues.annotate import annotate, objects_in_field
from hven.science.catalogues.bright import BrightStars
from hven.science.catalogues.deepsky import deep_sky
from hven.science.sky.sphere import unit_vectors
from hven.science.sky.wcs import Wcs


def oriented(ra, dec, scale, orientation, parity, width, height) -> Wcs:  # a row of a table
    """Return the projection whose parity and orientation are these, as `Wcs` defines them."""
    c, s = scale / 3600 * np.cos(np.radians(orientation)), scale / 3600 * np.sin(np.radians(orientation))
    wcs = Wcs((ra, dec), ((width - 1) / 2, (height - 1) / 2), ((parity * c, s), (-parity * s, c)), width, height)
    assert wcs.parity == parity
    assert (wcs.orientation_deg - orientation + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
    return wcs


def some_stars(*rows: tuple[str, float, float, float]) -> BrightStars:
    rows = sorted(rows, key=lambda row: row[3])
    names, ra, dec, mag = zip(*rows, strict=True)
    empty = ("",) * len(names)
    return BrightStars(
        names, empty, empty, np.arange(len(names), dtype=np.int32), np.array(ra, float), np.array(dec, float),
        unit_vectors(ra, dec), np.array(mag, np.float32),
    )  # fmt: skip


# The answer that nova.astrometry.net's documentation publishes for a picture of the Leo triplet
SEED = {"parity": 1, "orientation": 105.74942079091929, "scale": 1.0906710701159739, "radius": 0.8106715896625917,
        "ra": 169.96633791366915, "dec": 13.221011585315143}  # fmt: skip


def test_the_published_leo_field_has_its_published_objects_and_pixels():
    # The size of the picture is not published, its diagonal is. The pixel of IC 2728 tells how far it lies from
    # the corner, the projection how far from the centre: together they give a size, which must have that diagonal.
    def wcs_of(width: int, height: int) -> Wcs:
        return oriented(SEED["ra"], SEED["dec"], SEED["scale"], SEED["orientation"], SEED["parity"], width, height)

    published = 1604.1727638846828, 1344.045125738614  # 1-based
    objects = deep_sky()
    i = objects.name.index("IC 2728")
    square = wcs_of(1000, 1000)
    from_centre = np.array(square.to_pixel(objects.ra[i], objects.dec[i])) - square.centre_pixel
    width, height = 2 * (np.array(published) - from_centre) - 1
    diagonal = SEED["radius"] * 7200 / SEED["scale"]
    assert np.hypot(width, height) == pytest.approx(diagonal, abs=4)

    wcs = wcs_of(round(width), round(height))
    found = annotate(wcs)
    item = next(a for a in found if a.names == ("IC 2728",))
    assert (item.type, item.radius_px) == ("ic", 0.0)
    assert (item.x + 1, item.y + 1) == pytest.approx(published, abs=1)
    assert objects_in_field(wcs, found) == ["NGC 3628", "M 66", "NGC 3627", "M 65", "NGC 3623"]


@pytest.mark.parametrize("place", [(170, 13), (0.0, 3), (359.95, -20), (40, 89.6), (5, 90), (290, -89.8), (85, -2.5)])
@pytest.mark.parametrize("scale", [2.0, 40.0])
def test_the_cone_loses_no_object_that_the_projection_puts_on_the_frame(place, scale):
    wcs = oriented(*place, scale, 37.0, -1, 900, 1300)
    objects = deep_sky()
    x, y = wcs.to_pixel(objects.ra, objects.dec)
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5) & (x <= 899.5) & (y >= -0.5) & (y <= 1299.5)
    found = annotate(wcs)
    assert sorted(a.names[0] for a in found) == sorted(np.array(objects.name)[inside])
    for item in found[:20]:
        assert wcs.to_pixel(item.ra, item.dec) == pytest.approx((item.x, item.y))


def test_sizes_are_in_pixels_of_the_frame():
    wcs = oriented(170.0626, 12.9915, 2.0, 0, -1, 1000, 1000)
    m66 = next(a for a in annotate(wcs) if a.messier == 66)
    assert m66.radius_px == pytest.approx(5.14 * 60 / 2, rel=0.05)
    assert (m66.x, m66.y) == pytest.approx((499.5, 499.5), abs=1)
    assert (m66.label, m66.kind, m66.type, m66.names) == ("M 66", "messier", "ngc", ("NGC 3627",))


def test_a_distorted_projection_moves_objects_with_it():
    wcs = oriented(170.0626, 12.9915, 2.0, 0, -1, 4000, 4000)
    a = np.zeros((3, 3))
    a[2, 0] = a[0, 2] = 1e-5
    bent = Wcs(wcs.crval, wcs.crpix, wcs.cd, 4000, 4000, sip_a=a, sip_b=a)
    straight = {i.names[0]: i for i in annotate(wcs)}
    moved = [i for i in annotate(bent) if i.names[0] in straight and abs(i.x - straight[i.names[0]].x) > 2]
    assert moved
    for item in moved:
        assert bent.to_sky(item.x, item.y) == pytest.approx((item.ra, item.dec), abs=1e-6)


def test_wide_fields_have_stars_and_on_request_messier():
    wcs = oriented(56.9, 24.1, 100.0, 0, 1, 1200, 900)
    stars = some_stars(("Alcyone", 56.87, 24.105, 2.85), ("Far", 200, 0, 1.0), ("Near", 57.2, 24.2, 4.0))
    assert [a.names[0] for a in annotate(wcs, stars)] == ["Alcyone", "Near"]
    assert [a.names[0] for a in annotate(wcs, stars, nbright=1)] == ["Alcyone"]
    with_messier = annotate(wcs, stars, messier_always=True)
    assert {a.messier for a in with_messier if a.messier} >= {45}
    assert all(a.messier or a.type == "bright" for a in with_messier)


def test_stars_are_listed_by_their_names():
    wcs = oriented(165.93, 61.75, 10.0, 0, 1, 400, 400)
    stars = BrightStars(
        ("Dubhe", ""), ("\u03b1 UMa", ""), ("50 UMa", "38 UMa"), np.array([1, 2], np.int32), np.array([165.932, 165.8]),
        np.array([61.751, 61.8]), unit_vectors([165.932, 165.8], [61.751, 61.8]), np.array([1.8, 5.1], np.float32),
    )  # fmt: skip
    found = annotate(wcs, stars)
    assert found[-2].names == ("Dubhe", "\u03b1 UMa", "50 UMa")
    assert objects_in_field(wcs, found)[-2:] == ["The star Dubhe (\u03b1UMa)", "The star 38UMa"]


def test_no_name_is_listed_twice():
    wcs = oriented(85.0, -2.0, 20, 0, 1, 2000, 2000)
    names = objects_in_field(wcs, annotate(wcs))
    assert len(names) == len(set(names))
    assert {"IC 434", "NGC 2024", "Flame Nebula"} <= set(names)


@pytest.mark.shared
def test_the_objects_of_real_frames(shared_data):
    expected = {row["file"]: row for row in json.loads((shared_data / "images/expected.json").read_text())}
    for file, name in (
        ("jusas_ngc7331.jpg", "NGC 7331"),
        ("m44-1975-01-18.jpg", "M 44"),
        ("stellarsolver_pleiades.jpg", "M 45"),
    ):
        row = expected[file]
        wcs = oriented(
            row["ra"],
            row["dec"],
            row["pixscale"],
            row["orientation_wcs"],
            int(row["parity"]),
            row["width"],
            row["height"],
        )
        assert name in objects_in_field(wcs, annotate(wcs))
