"""`hven simulate`: frames of the real sky with their truth beside them."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hven.science.simulate.spec import Spec

HELP = "Make frames of the real sky with known truth"
_GOLDEN = 2.39996322972865332  # radians: pointings of --count spread evenly over the sky


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Writes a simulated frame (FITS, JPEG, PNG or TIFF, by the name's ending) and its truth beside it:"
        " NAME.truth.json with the projection, NAME.truth.csv with every star. A whole night of a telescope, with its"
        " bias, darks and flats: hven simulate night."
    )
    parser.add_argument("out", type=Path, metavar="FILE", help="where to write; with --count, a number is added")
    where = parser.add_argument_group("pointing")
    where.add_argument("--ra", type=float, default=83.8, metavar="DEG", help="of the centre (default %(default)s)")
    where.add_argument("--dec", type=float, default=-5.4, metavar="DEG", help="of the centre (default %(default)s)")
    where.add_argument("--width-deg", type=float, default=12.0, metavar="DEG", help="of the longer side (default 12)")
    where.add_argument("--orientation", type=float, default=0.0, metavar="DEG", help="of rising rows, east of north")
    where.add_argument("--mirror", action="store_true", help="turn the picture's parity round")
    camera = parser.add_argument_group("camera")
    camera.add_argument("--size", default="2048x2048", metavar="WxH", help="pixels (default %(default)s)")
    camera.add_argument("--fwhm", type=float, default=2.6, metavar="PX", help="of the stars (default %(default)s)")
    camera.add_argument(
        "--distortion", type=float, default=0.0, metavar="F", help="radial, at the corner: 0.01 is 1 %%"
    )
    camera.add_argument(
        "--lens", choices=("rectilinear", "equidistant", "equisolid"), default="rectilinear",
        help="the last two are fisheyes that look up at the zenith (default %(default)s)",
    )  # fmt: skip
    camera.add_argument("--limit-mag", type=float, metavar="MAG", help="with a signal-to-noise ratio of 5")
    camera.add_argument("--hot-pixels", type=int, default=100, metavar="N", help="(default %(default)s)")
    camera.add_argument("--hints", action="store_true", help="write pointing and focal length into the header")
    sky = parser.add_argument_group("sky")
    sky.add_argument("--start", type=_time, metavar="UTC", help="of the exposure, such as 2026-03-01T02:00:00")
    sky.add_argument("--exposure", type=float, default=30.0, metavar="S", help="seconds (default %(default)s)")
    sky.add_argument("--stars", choices=("real", "random", "none"), default="real", help="(default %(default)s)")
    sky.add_argument("--missing", type=float, default=0.0, metavar="F", help="fraction of catalogue stars left out")
    sky.add_argument("--clouds", type=float, default=0.0, metavar="F", help="light lost where they are thickest")
    sky.add_argument("--trail", type=float, default=0.0, metavar="PX", help="length of star trails")
    sky.add_argument("--cosmic-rays", type=int, default=10, metavar="N", help="(default %(default)s)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="frames, the later ones all over the sky")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same frame")


def run(arguments: argparse.Namespace) -> int:
    """Write the frames; say on standard output where each is."""
    from hven.cli.support import progress_line, set_up_django

    set_up_django()
    from hven.imaging.services.solver_data import solver_data
    from hven.science.simulate.exposure import simulate
    from hven.science.simulate.write import write_exposure

    spec = _spec(arguments)
    reference = solver_data(progress_line).reference if spec.stars == "real" else None
    for number in range(arguments.count):
        path = _numbered(arguments.out, number, arguments.count)
        path.parent.mkdir(parents=True, exist_ok=True)
        if arguments.count > 1:
            progress_line(number / arguments.count, f"frame {number + 1} of {arguments.count}")
        write_exposure(simulate(_varied(spec, number), reference), path)
        print(path)
    if arguments.count > 1:
        print(f"{arguments.count} frames.", file=sys.stderr)
    return 0


def _spec(arguments: argparse.Namespace) -> Spec:
    from hven.errors import Invalid
    from hven.science.simulate.spec import Spec

    if not 1 <= arguments.count <= 100_000:
        raise Invalid("--count takes a number between 1 and 100,000.")
    width, _, height = arguments.size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise Invalid(f"--size takes WIDTHxHEIGHT in pixels, such as 2048x2048, not {arguments.size}.")
    picture = arguments.out.suffix.lower() not in {".fits", ".fit"}
    given: dict[str, Any] = {
        "ra": arguments.ra,
        "dec": arguments.dec,
        "width_deg": arguments.width_deg,
        "width": int(width),
        "height": int(height),
        "orientation_deg": arguments.orientation,
        # A picture begins with its top row, a FITS frame with its bottom one: unmirrored, they differ in parity.
        "parity": (1 if picture else -1) * (-1 if arguments.mirror else 1),
        "fwhm_px": arguments.fwhm,
        "distortion": arguments.distortion,
        "lens": arguments.lens,
        "limit_mag": arguments.limit_mag,
        "hot_pixels": arguments.hot_pixels,
        "hints": arguments.hints,
        "exposure_s": arguments.exposure,
        "stars": arguments.stars,
        "missing": arguments.missing,
        "clouds": arguments.clouds,
        "trail_px": arguments.trail,
        "cosmic_rays": arguments.cosmic_rays,
        "seed": arguments.seed,
    }
    if arguments.start is not None:
        given["start"] = arguments.start
    return Spec(**given)


def _varied(spec: Spec, number: int) -> Spec:
    """Return the specification of the n-th frame: the first as asked for, the others spread over the sky."""
    if number == 0:
        return spec
    dec = math.degrees(math.asin(1 - 2 * ((number * 0.6180339887498949) % 1)))
    ra = (spec.ra + math.degrees(number * _GOLDEN)) % 360
    return replace(spec, ra=ra, dec=dec, orientation_deg=(spec.orientation_deg + 77.0 * number) % 360,
                   seed=spec.seed + number)  # fmt: skip


def _numbered(path: Path, number: int, count: int) -> Path:
    return path if count == 1 else path.with_name(f"{path.stem}-{number + 1:0{len(str(count))}d}{path.suffix}")


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2026-03-01T02:00:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
