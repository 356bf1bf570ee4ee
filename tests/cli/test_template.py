"""`hven template`: bringing, listing and removing, as a person types them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from astropy.io import fits

from hven.cli import main
from hven.config.folders import Folders
from hven.science.sky.wcs import Wcs


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
        status = main(["template", *map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return run


def test_a_template_from_bringing_to_removing(hven, tmp_path):
    header = fits.Header()
    for name, value in Wcs((10.0, 41.0), (29.5, 19.5), ((-3e-4, 0.0), (0.0, 3e-4)), 60, 40).to_cards().items():
        header[name] = value
    header["FILTER"] = "SDSS g"
    fits.writeto(tmp_path / "m31-deep.fits", np.ones((40, 60), np.float32), header)
    (tmp_path / "text.fits").write_text("no image")
    assert "none yet" in hven("list").stdout
    done = hven("add", tmp_path / "m31-deep.fits", tmp_path / "text.fits", "--fwhm", "2.5")
    assert done.returncode == 2
    assert done.stdout.startswith('m31-deep: g, 1.08 by 0.72 arcminutes at 10.0000 +41.0000, 1.08"/px, stars of 2.5"')
    assert "text.fits is no FITS image" in done.stderr
    assert "already" in hven("add", tmp_path / "m31-deep.fits").stderr
    assert hven("add", tmp_path / "m31-deep.fits", "--name", "again", "--filter", "V").returncode == 0
    listed = json.loads(hven("list", "--json").stdout)
    assert [(one["name"], one["filter"]) for one in listed["templates"]] == [("again", "V"), ("m31-deep", "g")]
    assert listed["surveys"]["ztf"]["filters"] == ["g", "r", "i"]
    assert "m31-deep: g" in hven("list").stdout
    assert hven("remove", "m31-deep").stdout.startswith("Removed m31-deep")
    assert hven("remove", "m31-deep").returncode == 2


def test_one_name_for_several_files_is_refused_and_a_switched_off_network_is_said(hven, tmp_path, settings):
    settings.HVEN_OUTSIDE = False
    done = hven("add", tmp_path / "a.fits", tmp_path / "b.fits", "--name", "x")
    assert (done.returncode, "--name names one" in done.stderr) == (2, True)
    assert "HVEN_OUTSIDE is off" in hven("list").stdout
