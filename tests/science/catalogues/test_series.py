"""What the public series hold, and what is advised for a telescope."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hven.errors import Invalid
from hven.science.catalogues.indexes import IndexFile
from hven.science.catalogues.series import advice, is_covered, quad_sizes, size_of, suited, wanted_files, word_for

TYCHO = IndexFile(Path("index-4107.fits"), 4107, 22.0, 30.0, 4, 10, 10, -1, 0, 100)


@pytest.mark.parametrize(
    ("word", "scales", "tiles", "names"),
    [
        ("4110", (), (), ["index-4110.fits"]),
        ("index-4110.fits", (), (), ["index-4110.fits"]),
        ("4100", (7, 19), (), ["index-4119.fits", "index-4107.fits"]),
        ("5205", (), (3,), ["index-5205-03.fits"]),
        ("5200-LITE", (0,), (47, 1), ["index-5200-01.fits", "index-5200-47.fits"]),
    ],
)
def test_a_word_names_files_widest_first(word, scales, tiles, names) -> None:
    assert [file.name for file in wanted_files(word, scales, tiles)] == names


@pytest.mark.parametrize(
    ("word", "count", "gigabytes"),
    [("4100", 13, 0.36), ("5200-lite", 336, 36.1), ("5200", 336, 36.1), ("5204", 48, 1.2)],
)
def test_a_series_has_its_files_and_its_size(word, count, gigabytes) -> None:
    files = wanted_files(word)
    assert len(files) == count
    assert sum(file.bytes for file in files) / 1e9 == pytest.approx(gigabytes, rel=0.02)


@pytest.mark.parametrize(
    ("word", "scales", "tiles", "words"),
    [
        ("4200", (), (), "4100"),
        ("4106", (), (), "4106"),
        ("5207", (), (), "5207"),
        ("../etc", (), (), "no series"),
        ("4100", (3,), (), "from 7 to 19"),
        ("4110", (11,), (), "one scale already"),
        ("4110", (), (1,), "not cut into tiles"),
        ("5205", (), (48,), "0 to 47"),
    ],
)
def test_what_does_not_exist_is_refused_in_a_sentence(word, scales, tiles, words) -> None:
    with pytest.raises(Invalid, match=words):
        wanted_files(word, scales, tiles)


def test_scales_grow_by_the_root_of_two() -> None:
    assert quad_sizes(0) == pytest.approx((2.0, 2.83), abs=0.01)
    assert quad_sizes(7) == pytest.approx((22.6, 32.0), abs=0.1)


def test_a_camera_of_0_4_degrees_is_told_two_scales_with_their_size() -> None:
    scales = advice(0.4, [TYCHO])
    assert [word_for(scale) for scale in scales] == ["5204", "5205"]
    assert size_of(scales) / 1e9 == pytest.approx(1.83, abs=0.01)


@pytest.mark.parametrize(
    ("width", "words"), [(0.2, ["5202", "5203"]), (0.6, ["5205", "5206"]), (0.08, ["5200-LITE --scale 0"])]
)
def test_narrower_cameras_get_smaller_asterisms(width, words) -> None:
    assert [word_for(scale) for scale in advice(width, [TYCHO])] == words


def test_without_any_index_a_camera_of_two_degrees_is_told_tycho_2() -> None:
    assert all(word_for(scale).startswith("41") for scale in advice(2.0, []))


@pytest.mark.parametrize(
    ("width", "covered"), [(0.8, True), (1.0, True), (3.0, True), (0.7, False), (0.3, False), (20.0, True)]
)
def test_tycho_2_covers_from_0_8_degrees(width, covered) -> None:
    assert is_covered(width, [TYCHO]) == covered
    assert (advice(width, [TYCHO]) == ()) == covered


def test_wide_fields_need_no_index() -> None:
    assert is_covered(12.0, [])
    assert not is_covered(3.0, [])


def test_an_own_index_counts_as_much_as_a_public_one() -> None:
    own = replace(TYCHO, index_id=10012, quad_low_arcmin=4.0, quad_high_arcmin=5.6)
    assert advice(0.2, [TYCHO, own]) == ()


def test_below_four_arcminutes_no_public_series_helps() -> None:
    assert suited(0.05) == ()
    assert advice(0.05, [TYCHO]) == ()
    assert not is_covered(0.05, [TYCHO])
