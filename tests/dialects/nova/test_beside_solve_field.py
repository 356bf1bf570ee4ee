"""What hven answers beside what solve-field says of the same frame, where astrometry.net is installed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.science.sky.sphere import separation
from tests.dialects.nova.conftest import Nova


@dataclass(frozen=True)
class Theirs:
    """solve-field's files and what it printed."""

    folder: Path
    said: str

    def header(self) -> fits.Header:
        return fits.getheader(self.folder / "field.wcs")

    def table(self, ending: str) -> Any:
        return fits.getdata(self.folder / f"field.{ending}", 1)


@pytest.fixture(scope="module")
def field(solver_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frame 3 degrees wide, which the Tycho-2 indexes cover well."""
    from hven.science.catalogues.reference import ReferenceStars
    from hven.science.simulate.exposure import simulate
    from hven.science.simulate.spec import Spec
    from hven.science.simulate.write import write_exposure

    path = tmp_path_factory.mktemp("field") / "field.fits"
    spec = Spec(ra=84.0, dec=-1.5, width=1000, height=750, width_deg=6.0, orientation_deg=25.0, limit_mag=11.0, seed=7)
    write_exposure(simulate(spec, ReferenceStars.open(solver_folder / "reference")), path)
    return path


@pytest.fixture(scope="module")
def theirs(field: Path, tycho2: Path, tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    program = shutil.which("solve-field")
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI needs solve-field (Debian's astrometry.net), which is not here")
        pytest.skip("needs solve-field (Debian's astrometry.net), which is not here")
    folder = tmp_path_factory.mktemp("theirs")
    done = subprocess.run(
        [program, "--no-plots", "--overwrite", "--crpix-center", "--no-tweak", "--dir", str(folder), "--scale-units",
         "degwidth", "--scale-low", "5", "--scale-high", "7", "--ra", "84", "--dec", "-1", "--radius", "5", str(field)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert (folder / "field.wcs").exists(), done.stdout
    return Theirs(folder, done.stdout)


@pytest.fixture
def ours(nova: Nova, solver_folder: Path, field: Path) -> tuple[Nova, int]:
    return nova, nova.solve("field.fits", field.read_bytes(), tweak_order=0)


def _table(nova: Nova, path: str) -> Any:
    with fits.open(io.BytesIO(b"".join(nova.file(path)))) as hdus:
        return hdus[1].data


def test_hven_and_solve_field_agree(ours: tuple[Nova, int], theirs: Theirs) -> None:
    nova, job = ours
    found = nova.get(f"jobs/{job}/calibration")
    _numbers(found, theirs)
    header = fits.Header.fromstring(b"".join(nova.file(f"wcs_file/{job}")).decode("ascii"))
    _projection(header, theirs)
    _sources(_table(nova, f"axy_file/{job}"), theirs)
    _reference(_table(nova, f"rdls_file/{job}"), theirs)
    _pairs(_table(nova, f"corr_file/{job}"), theirs)


def _numbers(found: dict[str, float], theirs: Theirs) -> None:
    """Centre, size, orientation and parity as solve-field prints them."""
    centre = re.search(r"Field center: \(RA,Dec\) = \(([\d.]+), ([-\d.]+)\) deg", theirs.said)
    size = re.search(r"Field size: ([\d.]+) x ([\d.]+) degrees", theirs.said)
    turned = re.search(r"Field rotation angle: up is ([-\d.]+) degrees E of N", theirs.said)
    parity = re.search(r"Field parity: (pos|neg)", theirs.said)
    assert centre
    assert size
    assert turned
    assert parity
    assert separation(found["ra"], found["dec"], float(centre[1]), float(centre[2])) < found["pixscale"] / 3600
    assert found["width_arcsec"] / 3600 == pytest.approx(float(size[1]), rel=2e-3)
    assert found["height_arcsec"] / 3600 == pytest.approx(float(size[2]), rel=2e-3)
    assert found["orientation"] == pytest.approx(float(turned[1]), abs=0.1)
    # "pos" is a negative determinant.
    assert found["parity"] == (-1.0 if parity[1] == "pos" else 1.0)


def _projection(header: fits.Header, theirs: Theirs) -> None:
    """Everywhere in the frame the projections differ by less than a pixel, and the reference pixel is the same."""
    other = theirs.header()
    for key in ("CTYPE1", "CTYPE2", "IMAGEW", "IMAGEH"):
        assert header[key] == other[key]
    for key in ("CRPIX1", "CRPIX2"):
        assert header[key] == pytest.approx(other[key])
    x, y = np.meshgrid(np.linspace(1, 1000, 9), np.linspace(1, 750, 7))
    own, their = (WCS(one).all_pix2world(x, y, 1) for one in (header, other))
    scale = abs(np.linalg.det(WCS(other).pixel_scale_matrix)) ** 0.5
    assert (separation(*own, *their) / scale).max() < 1.0


def _near(x: Any, y: Any, others_x: Any, others_y: Any) -> Any:
    return np.hypot(x[:, None] - others_x, y[:, None] - others_y).min(axis=1)


def _sources(own: Any, theirs: Theirs) -> None:
    """What solve-field matched to stars (and not its hot pixels), hven found at the same places."""
    assert {"X", "Y", "FLUX", "BACKGROUND"} <= set(own.names) & set(theirs.table("axy").names)
    matched = theirs.table("corr")
    apart = _near(matched["field_x"], matched["field_y"], own["X"], own["Y"])
    assert np.median(apart) < 0.2
    assert (apart < 1.0).mean() > 0.9


def _reference(own: Any, theirs: Theirs) -> None:
    """The reference stars of solve-field's index in the field are among hven's."""
    their = theirs.table("rdls")
    assert {"RA", "DEC"} <= set(own.names) & set(their.names)
    pairs = zip(their["RA"], their["DEC"], strict=True)
    nearest = np.array([separation(ra, dec, own["RA"], own["DEC"]).min() for ra, dec in pairs])
    assert (nearest * 3600 < 3.0).mean() > 0.8


def _pairs(own: Any, theirs: Theirs) -> None:
    """Where both matched a source, they matched it to the same star."""
    their = theirs.table("corr")
    assert set(their.names) - {"MAG_VT"} <= set(own.names)
    distance = np.hypot(own["field_x"][:, None] - their["field_x"], own["field_y"][:, None] - their["field_y"])
    first, second = np.nonzero(distance < 0.5)
    assert len(first) > 10
    apart = separation(
        own["index_ra"][first], own["index_dec"][first], their["index_ra"][second], their["index_dec"][second]
    )
    assert np.median(apart) * 3600 < 1.0
    assert (apart * 3600 < 5.0).mean() > 0.95
