"""Own indexes: which sizes make sense, that they are made, and that Ctrl-C leaves no program behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from tests import skies

from hven.errors import Invalid, Unavailable
from hven.science.catalogues import index_build
from hven.science.catalogues.index_build import build_indexes, free_id, safe_name, scales_for
from hven.science.catalogues.index_check import check_index
from hven.science.catalogues.star_lists import StarList


def test_density_decides_the_narrowest_size_and_tycho_2_the_widest() -> None:
    assert scales_for(skies.deep_stars()) == (0, 1, 2, 3, 4, 5, 6)
    sparse = scales_for(skies.deep_stars(1000))
    assert sparse == (5, 6)


def test_wanted_widths_choose_sizes() -> None:
    stars = skies.deep_stars()
    assert scales_for(stars, 0.2) == (2, 3)
    assert scales_for(stars, 0.2, 0.4) == (2, 3, 4, 5)
    assert scales_for(stars, scale=9) == (9,)


def test_frames_too_narrow_for_the_stars_are_refused_with_what_would_do() -> None:
    with pytest.raises(Invalid, match=r"frames of 0\.\d+ to .* degrees can be placed, not of 0\.1"):
        scales_for(skies.deep_stars(1000), 0.1)
    with pytest.raises(Invalid, match="can be placed, not of 8"):
        scales_for(skies.deep_stars(), 8.0)
    with pytest.raises(Invalid, match="too few"):
        scales_for(skies.deep_stars(30))
    with pytest.raises(Invalid, match="lower to a higher"):
        scales_for(skies.deep_stars(), 0.5, 0.2)
    with pytest.raises(Invalid, match="no scale 40"):
        scales_for(skies.deep_stars(), scale=40)


def test_numbers_of_own_indexes_never_meet_public_or_other_own_ones() -> None:
    assert free_id([]) == 10_000
    assert free_id([4107, 10_012, 10_218]) == 10_100


@pytest.mark.parametrize(
    ("text", "name"), [("M 31 (deep)", "m-31-deep"), ("../../etc/x", "etc-x"), ("Gaia_G19", "gaia-g19")]
)
def test_names_are_made_safe(text, name) -> None:
    assert safe_name(text) == name


def test_a_name_of_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="--name"):
        safe_name("///")


def test_built_files_are_sound_and_hold_the_magnitudes(tmp_path) -> None:
    path = skies.built(tmp_path)
    index = check_index(path)
    assert (index.index_id, index.own_name) == (10_012, "deep")
    from hven.science.catalogues.reference import read_index_stars

    with pytest.raises(Invalid):
        read_index_stars(path)  # these are not Tycho-2's


def test_a_large_catalogue_is_cut_into_tiles(tmp_path) -> None:
    skies.need_program()
    made = build_indexes(skies.deep_stars(), tmp_path, "deep", (4,), first_id=10_000, tiled_from=1000)
    tiles = [check_index(path) for path in made]
    assert tiles
    assert all(tile.nside == 2 and tile.healpix >= 0 and tile.own_name == "deep" for tile in tiles)
    assert len({tile.key for tile in tiles}) == len(tiles)


def test_without_the_program_the_sentence_says_how_to_install_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(index_build.shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable, match=r"apt install astrometry\.net"):
        build_indexes(skies.deep_stars(), tmp_path, "deep", (2,), first_id=10_000)


def test_what_the_program_complains_about_is_passed_on(tmp_path) -> None:
    skies.need_program()
    nowhere = StarList(np.full(60, np.nan), np.full(60, np.nan), np.arange(60.0), ("", "", ""))
    with pytest.raises(Invalid) as refused:
        build_indexes(nowhere, tmp_path, "deep", (2,), first_id=10_000)
    assert str(tmp_path) not in str(refused.value)


def test_whatever_stops_the_work_ends_the_program(tmp_path, monkeypatch) -> None:
    script = tmp_path / "slow"
    script.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 600 & wait\n")
    script.chmod(0o755)

    def interrupt() -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_build._run([str(script)], tmp_path / "log", interrupt)
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
