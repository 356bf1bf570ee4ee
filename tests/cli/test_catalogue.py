"""`hven catalogue`: bringing, listing, exporting and removing, as a person types them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from astropy.table import Table

from hven.cli import main
from hven.config.folders import Folders


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def hven(tmp_path, settings, capsys):
    """Run the command in this process, on a data folder of its own."""
    settings.HVEN_FOLDERS = Folders(tmp_path / "data")
    settings.HVEN_FOLDERS.make()
    settings.HVEN_OUTSIDE = True

    def run(*arguments):
        status = main(["catalogue", *map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return run


def test_a_catalogue_from_bringing_to_removing(hven, tmp_path):
    rng = np.random.default_rng(1)
    table = Table({"RA": rng.uniform(10, 11, 300), "Dec": rng.uniform(20, 21, 300), "rmag": rng.uniform(12, 18, 300)})
    table["rmag"][3] = np.nan
    table.write(tmp_path / "field.fits")
    empty = hven("list")
    assert "none yet" in empty.stdout and "hven catalogue add ps1" in empty.stdout
    done = hven("add", "ps1", tmp_path / "field.fits")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ps1: 299 stars, r, on about 1 ") or "299 stars, r, on about" in done.stdout
    assert "RAJ2000 = RA" in done.stdout
    assert "1 row was left out" in done.stdout
    assert "--columns e_r=COLUMN" in done.stdout
    assert "wherever Pan-STARRS DR1 is" in done.stdout
    assert "100 % 299 rows are in" in done.stderr
    again = hven("add", "ps1", tmp_path / "field.fits")
    assert (again.returncode, "--replace" in again.stderr) == (2, True)
    listed = json.loads(hven("list", "--json").stdout)
    assert [(one["name"], one["rows"]) for one in listed["local"]] == [("ps1", 299)]
    entry = next(one for one in listed["catalogues"] if one["key"] == "ps1")
    assert (entry["local"], entry["vizier"]) == ("ps1", "II/349/ps1")
    assert "this machine (ps1) then VizieR" in hven("list").stdout
    assert "299 rows" in hven("export", "ps1", tmp_path / "out.csv").stdout
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 300
    done = hven("remove", "ps1")
    assert (done.returncode, done.stdout.startswith("Removed ps1 (299 stars")) == (0, True)
    assert hven("remove", "ps1").returncode == 2


def test_what_is_wrong_is_a_sentence_and_no_traceback(hven, tmp_path):
    (tmp_path / "c.csv").write_text("a,b,r\n1,2,3\n")
    for arguments, words in (
        (("add", "x", tmp_path / "none.csv"), "no file"),
        (("add", "../x", tmp_path / "c.csv"), "letters"),
        (("add", "x", tmp_path / "c.csv"), "--columns ra=NAME"),
        (("add", "x", tmp_path / "c.csv", "--columns", "ra=a,dec"), "does not say"),
        (("add", "x", tmp_path / "c.csv", "--for", "nothing"), "knows no catalogue"),
        (("export", "x", tmp_path / "x.csv"), "no catalogue x"),
    ):
        done = hven(*arguments)
        assert done.returncode == 2, arguments
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert hven("add", "x", tmp_path / "c.csv", "--columns", "ra=a,dec=b").returncode == 0


def test_a_switched_off_network_is_said(hven, settings):
    settings.HVEN_OUTSIDE = False
    assert "HVEN_OUTSIDE is off" in hven("list").stdout
