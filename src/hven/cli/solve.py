"""`hven solve`: the place in the sky of frames on this machine, without a server."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hven.science.frames.frame import Frame
    from hven.science.stars.solution import Hints, SolveResult, SourceList

HELP = "Find the place of frames in the sky"
SOLVED, UNSOLVED, BAD_INPUT = 0, 1, 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Solves FITS, XISF, raw camera, JPEG, PNG, TIFF and GIF frames, and FITS tables or text lists of sources"
        " (columns X, Y). Exits with 0 if all were solved, 1 if one has no solution, 2 if a file cannot be read."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line and file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write NAME.wcs, NAME.axy, NAME.corr, NAME.rdls there")
    parser.add_argument(
        "--plane",
        metavar="PLANE",
        help="which plane of files that hold several: number or name of an HDU, page or image ('2', 'SCI', 'SCI,2'),"
        " and ':3' for the third plane of a cube; without it the first that can be used",
    )
    hints = parser.add_argument_group("what is known (each optional)")
    hints.add_argument("--scale-low", type=float, metavar="ARCSEC", help="smallest scale, arcseconds per pixel")
    hints.add_argument("--scale-high", type=float, metavar="ARCSEC", help="largest scale, arcseconds per pixel")
    hints.add_argument("--ra", type=float, metavar="DEG", help="right ascension near the centre, ICRS degrees")
    hints.add_argument("--dec", type=float, metavar="DEG", help="declination near the centre, ICRS degrees")
    hints.add_argument("--radius", type=float, metavar="DEG", help="how far from there the centre may be (default 10)")
    hints.add_argument("--parity", type=int, choices=(-1, 1), help="sign of the projection's determinant; binding")
    hints.add_argument("--no-header", action="store_true", help="do not use what the file's own header says")
    parser.add_argument("--time-limit", type=float, metavar="S", help="CPU seconds a file (default: the setting's)")


def run(arguments: argparse.Namespace) -> int:
    """Solve the files one after the other."""
    from hven.cli.support import progress_line, set_up_django
    from hven.errors import HvenError, Invalid, NotFound

    set_up_django()
    from django.conf import settings

    from hven.imaging.services.solver_data import solver_data
    from hven.science.stars.ladder import solve
    from hven.science.stars.subject import read_subject

    hints = _hints(arguments)
    limit = arguments.time_limit or settings.HVEN_SOLVE_TIME_LIMIT
    data = solver_data(progress_line)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    code = SOLVED
    for number, path in enumerate(arguments.files):
        started = time.monotonic()
        _show(path, number, len(arguments.files), "reading")
        try:
            subject = read_subject(path, plane=arguments.plane)
            result = solve(
                subject,
                hints,
                data,
                time_limit=limit,
                use_header=not arguments.no_header,
                progress=partial(_tell, path, number, len(arguments.files)),
            )
        except (Invalid, NotFound, OSError) as error:
            reason = str(error) if isinstance(error, HvenError) else f"The file cannot be read: {error.strerror}."
            _clear()
            _print(arguments, path, {"solved": False, "seconds": _since(started), "reason": reason})
            code = BAD_INPUT
            continue
        _clear()
        _print(arguments, path, _answer(subject, result, _since(started)))
        if result.solution is None:
            code = max(code, UNSOLVED)
        if arguments.out is not None:
            # a.fits and a.jpg in one call must not write over each other
            alone = sum(other.stem == path.stem for other in arguments.files) == 1
            _write(arguments.out, path.stem if alone else path.name, result)
    return code


def _hints(arguments: argparse.Namespace) -> list[Hints]:
    """Return what the command line says.

    Raises
    ------
    Invalid
        The bounds contradict each other or lie outside the sky.

    """
    from hven.errors import Invalid
    from hven.science.stars.solution import Hints

    low, high = arguments.scale_low, arguments.scale_high
    if any(v is not None and not 0 < v < 1e6 for v in (low, high)):
        raise Invalid("A scale is a positive number of arcseconds per pixel.")
    if low is not None and high is not None and low > high:
        raise Invalid("--scale-low is larger than --scale-high.")
    if (arguments.ra is None) != (arguments.dec is None):
        raise Invalid("--ra and --dec go together.")
    if arguments.dec is not None and not (-90 <= arguments.dec <= 90 and -360 <= arguments.ra <= 360):
        raise Invalid("--ra and --dec are degrees, --dec between -90 and 90.")
    if arguments.radius is not None and not 0 < arguments.radius <= 180:
        raise Invalid("--radius is more than 0 and at most 180 degrees.")
    if all(v is None for v in (low, high, arguments.ra, arguments.parity)):
        return []
    placed = arguments.ra is not None
    return [
        Hints(
            scale_low=low,
            scale_high=high,
            ra=arguments.ra % 360.0 if placed else None,
            dec=arguments.dec,
            radius=(arguments.radius or 10.0) if placed else None,
            parity=arguments.parity,
        )
    ]


def _answer(subject: Frame | SourceList, result: SolveResult, seconds: float) -> dict[str, Any]:
    """Return the figures of one file."""
    from hven.science.frames.frame import Frame
    from hven.science.frames.orientation import picture_orientation

    solution = result.solution
    if solution is None:
        return {"solved": False, "seconds": seconds, "reason": result.reason}
    wcs = solution.wcs
    ra, dec = wcs.centre
    kind = subject.format if isinstance(subject, Frame) else "xy list"
    return {
        "solved": True,
        "ra": ra,
        "dec": dec,
        "scale_arcsec": wcs.scale_arcsec,
        "orientation_deg": picture_orientation(wcs.orientation_deg, kind),
        "parity": wcs.parity,
        "width_deg": wcs.scale_arcsec * wcs.width / 3600,
        "height_deg": wcs.scale_arcsec * wcs.height / 3600,
        "stars_matched": len(solution.matches),
        "rms_arcsec": solution.rms_arcsec,
        "log_odds": solution.log_odds,
        "rung": solution.rung,
        "seconds": seconds,
        "reason": "",
    }


_KEYS = (
    "file", "solved", "ra", "dec", "scale_arcsec", "orientation_deg", "parity", "width_deg", "height_deg",
    "stars_matched", "rms_arcsec", "log_odds", "rung", "seconds", "reason",
)  # fmt: skip


def _print(arguments: argparse.Namespace, path: Path, answer: dict[str, Any]) -> None:
    if arguments.json:
        print(json.dumps({key: (str(path) if key == "file" else answer.get(key)) for key in _KEYS}), flush=True)
        return
    if not answer["solved"]:
        print(f"{path}: {answer['reason']}", flush=True)
        return
    print(
        f"{path}: RA {answer['ra']:.5f} Dec {answer['dec']:+.5f}, {answer['scale_arcsec']:.4f} arcsec/px,"
        f" {answer['width_deg']:.3f} x {answer['height_deg']:.3f} deg, orientation {answer['orientation_deg']:.2f},"
        f" parity {answer['parity']:+d}; {answer['stars_matched']} stars, rms {answer['rms_arcsec']:.2f} arcsec;"
        f" by {answer['rung']}, {answer['seconds']:.2f} s",
        flush=True,
    )


def _write(folder: Path, name: str, result: SolveResult) -> None:
    """Write the tables beside each other."""
    from hven.science.stars import tables

    tables.write_sources(folder / f"{name}.axy", result.sources)
    if result.solution is not None:
        notes = (f"Found by {result.solution.rung}", f"Log-odds {result.solution.log_odds:.1f}")
        tables.write_wcs(folder / f"{name}.wcs", result.solution.wcs, notes)
        tables.write_matches(folder / f"{name}.corr", result)
        tables.write_reference(folder / f"{name}.rdls", result.solution)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 4)


def _show(path: Path, number: int, count: int, message: str) -> None:
    """Show progress: a line that changes on a terminal, a line a file elsewhere."""
    place = f"[{number + 1}/{count}] " if count > 1 else ""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{place}{path.name}: {message}", end="", file=sys.stderr, flush=True)
    elif message == "reading":
        print(f"{place}{path.name}", file=sys.stderr, flush=True)


def _tell(path: Path, number: int, count: int, _fraction: float, message: str) -> None:
    _show(path, number, count, message)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
