"""A simulated frame as files: the picture, and its truth beside it."""

import csv
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.simulate.exposure import Exposure

FORMATS = (".fits", ".fit", ".jpg", ".jpeg", ".png", ".tif", ".tiff")


def write_exposure(exposure: Exposure, path: Path) -> Path:
    """Write the frame as FITS, JPEG, PNG or TIFF by the name's ending, and the truth beside it.

    `NAME.truth.json` holds the specification, the true projection and what a solver should say;
    `NAME.truth.csv` every star drawn: x, y (0-based), ra, dec (degrees, at the exposure's epoch), mag, flux_adu,
    snr, catalogue. Rows keep their order in every format, so that the projection holds for the file as it is.

    Returns
    -------
    Path
        The truth's JSON file.

    Raises
    ------
    Invalid
        The name's ending tells no format that can be written.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise Invalid(f"Simulated frames are written as {', '.join(FORMATS)}; {path.name} names none of these.")
    if ending in {".fits", ".fit"}:
        write_fits(exposure, path)
    else:
        _write_picture(exposure, path, ending)
    return _write_truth(exposure, path)


def write_fits(exposure: Exposure, path: Path) -> None:
    """Write the frame alone, as unsigned integers of 16 bits, with its cards."""
    from astropy.io import fits  # noqa: PLC0415 - not needed for pictures

    hdu = fits.PrimaryHDU(exposure.data)
    for keyword, (value, comment) in exposure.cards.items():
        hdu.header[keyword] = (value, comment)
    hdu.writeto(path, overwrite=True)


def _write_picture(exposure: Exposure, path: Path, ending: str) -> None:
    from PIL import Image  # noqa: PLC0415 - not needed for FITS

    if ending in {".tif", ".tiff", ".png"}:
        Image.fromarray(exposure.data).save(path)
    else:
        Image.fromarray(_eight_bits(exposure.data)).save(path, quality=92)


def _eight_bits(data: NDArray[np.uint16]) -> NDArray[np.uint8]:
    sky = float(np.median(data))
    noise = 1.4826 * float(np.median(np.abs(data - sky))) + 0.5
    scaled = np.arcsinh((data - sky + 2 * noise) / (3 * noise)) / np.arcsinh(400.0)
    return np.asarray(np.clip(np.rint(scaled * 255), 0, 255), np.uint8)


def _write_truth(exposure: Exposure, path: Path) -> Path:
    wcs, stars = exposure.wcs, exposure.stars
    ra, dec = wcs.centre
    truth = {
        "file": path.name,
        "ra": ra,
        "dec": dec,
        "scale_arcsec": wcs.scale_arcsec,
        "orientation_deg": wcs.orientation_deg,
        "parity": wcs.parity,
        "width_deg": wcs.width * wcs.scale_arcsec / 3600,
        "height_deg": wcs.height * wcs.scale_arcsec / 3600,
        "stars_over_snr_10": int(np.sum((exposure.snr > 10) & wcs.contains(stars.ra, stars.dec))),
        "epoch": exposure.spec.epoch,
        "wcs": wcs.to_cards(),
        "specification": asdict(exposure.spec),
    }
    json_path = path.with_name(path.name + ".truth.json")
    json_path.write_text(json.dumps(truth, indent=1, default=_plain))
    with path.with_name(path.name + ".truth.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["x", "y", "ra", "dec", "mag", "flux_adu", "snr", "catalogue"])
        rows.writerows(
            [f"{x:.4f}", f"{y:.4f}", f"{a:.7f}", f"{d:.7f}", f"{mag:.3f}", f"{flux:.1f}", f"{snr:.2f}", catalogue]
            for x, y, a, d, mag, flux, snr, catalogue in zip(
                stars.x, stars.y, stars.ra, stars.dec, stars.mag, exposure.flux_adu, exposure.snr, stars.catalogue,
                strict=True,
            )
        )  # fmt: skip
    return json_path


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
