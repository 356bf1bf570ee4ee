"""`hven solve` and `hven index list`: what they print, write and return."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hven.cli import index, solve
from hven.errors import Invalid

KEYS = [
    "file", "solved", "ra", "dec", "scale_arcsec", "orientation_deg", "parity", "width_deg", "height_deg",
    "stars_matched", "rms_arcsec", "log_odds", "rung", "seconds", "reason",
]  # fmt: skip


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    solve.configure(parser)
    return solve.run(parser.parse_args(list(arguments)))


@pytest.fixture
def starless(tmp_path: Path) -> Path:
    path = tmp_path / "starless.fits"
    fits.PrimaryHDU(np.random.default_rng(1).normal(100, 5, (200, 200)).astype(np.float32)).writeto(path)
    return path


def test_a_solved_frame_is_one_line_of_json_with_the_truth(wide_frame: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("--json", str(wide_frame)) == 0
    line = json.loads(capsys.readouterr().out)
    assert list(line) == KEYS
    assert line["solved"] is True
    assert line["ra"] == pytest.approx(84.0, abs=0.01)
    assert line["dec"] == pytest.approx(-1.5, abs=0.01)
    assert line["width_deg"] == pytest.approx(12.0, rel=0.001)
    assert line["reason"] == ""


def test_the_code_is_1_where_one_has_no_solution_and_2_where_one_cannot_be_read(
    wide_frame: Path, starless: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run("--json", str(wide_frame), str(starless)) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["solved"] for line in lines] == [True, False]
    assert lines[1]["reason"].endswith(".")
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"no picture")
    assert run("--json", str(bad), str(starless), str(tmp_path / "missing.fits")) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert all(not line["solved"] and line["reason"] for line in lines)


def test_a_plane_of_a_file_that_holds_several_is_chosen(
    wide_frame: Path, starless: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "several.fits"
    sky, empty = (fits.ImageHDU(fits.getdata(source)) for source in (wide_frame, starless))
    sky.name = "SCI"
    fits.HDUList([fits.PrimaryHDU(), empty, sky]).writeto(path)
    assert run("--json", str(path)) == 1
    assert run("--json", "--plane", "SCI", str(path)) == 0
    assert run("--json", "--plane", "7", str(path)) == 2
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[1]["ra"] == pytest.approx(84.0, abs=0.01)
    assert "no image in HDU 7" in found[2]["reason"]


def test_the_tables_are_written(wide_frame: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("--out", str(tmp_path / "new" / "folder"), str(wide_frame)) == 0
    written = tmp_path / "new" / "folder" / f"{wide_frame.stem}.wcs"
    header = fits.getheader(written)
    assert header["CTYPE1"].startswith("RA---TAN")
    assert header["NAXIS"] == 0
    assert "RA 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scale-low", "5", "--scale-high", "2"],
        ["--scale-low", "-1"],
        ["--scale-low", "nan"],
        ["--ra", "10"],
        ["--ra", "10", "--dec", "95"],
        ["--ra", "10", "--dec", "5", "--radius", "0"],
    ],
)
def test_hints_that_make_no_sense_are_refused(arguments: list[str], wide_frame: Path) -> None:
    with pytest.raises(Invalid):
        run(*arguments, str(wide_frame))


def test_the_list_of_indexes_says_what_fields_are_covered(solver_folder: Path, capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    index.configure(parser)
    assert index.run(parser.parse_args(["list"])) == 0
    text = capsys.readouterr().out
    assert "star patterns" in text and "reference stars" in text
    assert "can be placed" in text
