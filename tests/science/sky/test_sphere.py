"""Angles on the sphere, against astropy."""

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from hven.science.sky.sphere import angles, separation, tangent_basis, unit_vectors


@pytest.fixture
def places():
    rng = np.random.default_rng(2)
    ra = np.concatenate([rng.uniform(0, 360, 200), [0, 0, 123, 359.9999, 180]])
    dec = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, 200))), [90, -90, 0, 0, 1e-9]])
    return ra, dec


def test_vectors_are_those_of_astropy_and_lead_back(places):
    ra, dec = places
    vectors = unit_vectors(ra, dec)
    expected = SkyCoord(ra * units.deg, dec * units.deg).cartesian.xyz.value.T
    np.testing.assert_allclose(vectors, expected, atol=1e-14)
    lon, lat = angles(vectors)
    np.testing.assert_allclose(lat, dec, atol=1e-10)
    off_pole = np.abs(dec) < 89.9
    np.testing.assert_allclose(lon[off_pole], ra[off_pole], atol=1e-10)
    assert ((lon >= 0) & (lon < 360)).all()


def test_separations_are_those_of_astropy_at_all_distances(places):
    ra, dec = places
    a = SkyCoord(ra * units.deg, dec * units.deg)
    for step in (1e-9, 1e-4, 1.0, 100.0):
        other = SkyCoord((ra + step) % 360 * units.deg, np.clip(dec + step, -90, 90) * units.deg)
        expected = a.separation(other).deg
        got = separation(ra, dec, other.ra.deg, other.dec.deg)
        np.testing.assert_allclose(got, expected, atol=1e-13, rtol=1e-9)
    np.testing.assert_allclose(separation(10, 20, 190, -20), 180)
    assert separation(0, 0, 359, 0) == pytest.approx(1)


@pytest.mark.parametrize("place", [(0, 0), (123.4, 56.7), (359, -89), (10, 90)])
def test_east_north_and_outward_are_right_handed(place):
    east, north, outward = tangent_basis(*place)
    basis = np.array([east, north, outward])
    np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(np.cross(east, north), outward, atol=1e-15)
    np.testing.assert_allclose(outward, unit_vectors(*place), atol=1e-15)
    if abs(place[1]) < 80:
        ra, dec = angles(outward + 1e-6 * north)
        assert dec > place[1]
        ra, dec = angles(outward + 1e-6 * east)
        assert 0 < (ra - place[0] + 180) % 360 - 180 < 1
