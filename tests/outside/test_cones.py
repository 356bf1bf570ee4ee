"""Cones kept on the disk: neighbours share a file, files are whole, and together they keep to a limit."""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.table import Table

from hven.outside.cones import DiskCache, rounded, seven_within, within
from hven.science.sky.sphere import angles, separation, tangent_basis


@pytest.mark.parametrize("radius", [0.01, 0.2, 1.0, 7.0, 30.0])
def test_a_rounded_cone_holds_the_one_asked_for_and_is_not_much_wider(radius):
    rng = np.random.default_rng(1)
    for ra, sine in zip(rng.uniform(0, 360, 60), rng.uniform(-1, 1, 60), strict=True):
        dec = float(np.degrees(np.arcsin(sine)))
        wide = rounded(float(ra), dec, radius)
        assert separation(wide.ra, wide.dec, ra, dec) + radius <= wide.radius_deg + 1e-9
        assert wide.radius_deg <= max(2.0 * radius, 0.12)


def test_neighbouring_fields_share_a_cone():
    rng = np.random.default_rng(2)
    names = {rounded(150.0 + dx, 30.0 + dy, 0.5).name for dx, dy in rng.normal(0, 0.003, (50, 2))}
    assert len(names) <= 2
    assert rounded(150.0, 30.0, 0.5).name == rounded(150.0, 30.0, 0.47).name
    assert rounded(150.0, 30.0, 0.5).name != rounded(150.0, 30.0, 2.0).name


@pytest.mark.parametrize(("dec", "radius"), [(0.0, 1.0), (-89.0, 3.0), (60.0, 20.0)])
def test_seven_circles_cover_one(dec, radius):
    rng = np.random.default_rng(4)
    east, north, outward = tangent_basis(30.0, dec)
    away, turn = np.radians(radius * np.sqrt(rng.uniform(0, 1, 5000))), rng.uniform(0, 2 * np.pi, 5000)
    sideways = np.outer(np.cos(turn), east) + np.outer(np.sin(turn), north)
    ra, high = angles(np.outer(np.cos(away), outward) + np.sin(away)[:, None] * sideways)
    covered = np.zeros(len(ra), bool)
    for lon, lat, half in seven_within(30.0, dec, radius):
        assert half < 0.6 * radius
        covered |= separation(ra, high, lon, lat) <= half
    assert covered.all()


def test_only_rows_within_the_circle_stay():
    table = Table({"RAJ2000": [359.9, 0.1, 1.0], "DEJ2000": [0.0, 0.0, 0.0]})
    assert len(within(table, 0.0, 0.0, 0.2)) == 2
    assert len(within(table[:0], 0.0, 0.0, 0.2)) == 0


def write(count):
    return lambda path: path.write_bytes(b"x" * count)


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    cache = DiskCache(tmp_path / "cache", 10_000)
    path = cache.path("II/349/ps1", "9-1", suffix=".parquet")
    assert cache.get(path) is None

    def fail(target):
        target.write_bytes(b"half")
        raise RuntimeError("the network went")

    with pytest.raises(RuntimeError):
        cache.put(path, fail)
    assert list(cache.folder.iterdir()) == []
    assert cache.put(path, write(100)) == cache.get(path) == path
    assert cache.bytes() == 100


def test_names_are_readable_apart_and_inside_the_folder(tmp_path):
    cache = DiskCache(tmp_path, 1)
    names = [cache.path(*key) for key in (("a", "b"), ("a-b",), ("../../etc/passwd",), ("x" * 500,), ("ö",))]
    assert len(set(names)) == 5
    assert all(name.parent == tmp_path and len(name.name) < 120 for name in names)


def test_what_was_used_longest_ago_goes_first(tmp_path):
    cache = DiskCache(tmp_path, 250)
    for number, name in enumerate("abc"):
        os.utime(cache.put(cache.folder / name, write(80)), (number, number))
    cache.get(cache.folder / "a")
    cache.put(cache.folder / "d", write(80))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d"]


def test_a_file_larger_than_the_limit_stays_alone(tmp_path):
    cache = DiskCache(tmp_path, 100)
    cache.put(cache.folder / "a", write(50))
    cache.put(cache.folder / "b", write(500))
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
