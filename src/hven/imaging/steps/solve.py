"""The step that finds a frame's place in the sky."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from django.conf import settings

from hven.imaging.services.solver_data import solver_data
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Key, Outcome, Product, Step, register
from hven.science.frames.frame import Frame
from hven.science.stars.solution import Hints, SolveResult

FITS = "application/fits"


def run(context: StepContext) -> Outcome:
    """Solve the frame or the source list, and write the solution's tables."""
    from hven.science.stars import tables  # noqa: PLC0415 - astropy, which the web process need not load
    from hven.science.stars.ladder import solve  # noqa: PLC0415 - OpenCV and the solvers, likewise

    subject = context.frame if context.frame is not None else context.sources
    if isinstance(subject, Frame) and context.value("invert"):
        subject = _inverted(subject)
        context.log("Detected on the negative.")
    if subject is None:
        raise ValueError("a run has a frame or a list of sources")
    limit = context.value("solve_time_limit") or settings.HVEN_SOLVE_TIME_LIMIT
    result = solve(
        subject,
        [*_user_hints(context, subject.width), *context.camera_hints],
        solver_data(context.tell),
        time_limit=limit,
        use_header=context.value("use_header"),
        progress=context.tell,
        cancelled=context.cancelled,
        sip_order=context.value("sip_order"),
        bin_by=context.value("bin_by"),
        segmentation=context.value("segmentation"),
    )
    context.solved = result
    _log(context, result)
    products = []
    names = tables.SEGMENTED if context.value("segmentation") else tables.DETECTED
    tables.write_sources(context.path("axy.fits"), result.sources, names=names)
    products.append(Product("axy.fits", context.path("axy.fits"), FITS))
    if result.solution is None:
        return Outcome(_results(result), tuple(products), no_solution=result.reason)
    notes = (f"Found by {result.solution.rung}", f"Log-odds {result.solution.log_odds:.1f}")
    tables.write_wcs(context.path("wcs.fits"), result.solution.wcs, notes)
    tables.write_matches(context.path("corr.fits"), result)
    tables.write_reference(context.path("rdls.fits"), result.solution)
    products += [Product(name, context.path(name), FITS) for name in ("wcs.fits", "corr.fits", "rdls.fits")]
    return Outcome(_results(result), tuple(products))


def _inverted(frame: Frame) -> Frame:
    """Return the negative of a frame, for pictures in which stars are dark."""
    data = frame.data
    top = np.iinfo(data.dtype).max if np.issubdtype(data.dtype, np.integer) else 0
    meaning = replace(frame.meaning, saturation=None)
    return replace(frame, data=(top - data).astype(data.dtype), rgb=None, meaning=meaning)


def _user_hints(context: StepContext, width: int) -> list[Hints]:
    """Return what the user said, with a width in degrees turned into a scale now that the pixels are known."""
    names = ("scale_low", "scale_high", "ra", "dec", "radius", "parity")
    said: dict[str, Any] = {name: context.value(name) for name in names}
    for end in ("low", "high"):
        degrees = context.value(f"width_{end}")
        if degrees is not None and said[f"scale_{end}"] is None:
            said[f"scale_{end}"] = _scale_of_width(degrees, width)
    if said["ra"] is None or said["dec"] is None:
        said["ra"] = said["dec"] = said["radius"] = None
    if all(value is None for value in said.values()):
        return []
    return [Hints(**said, positional_error_px=context.value("positional_error"), source="user")]


def _scale_of_width(degrees: float, pixels: int) -> float:
    """Return the arcseconds per pixel in the middle of a gnomonic picture so many degrees wide."""
    if degrees >= 170:
        return degrees * 3600 / pixels
    return math.degrees(2 * math.tan(math.radians(degrees) / 2)) * 3600 / pixels


def _log(context: StepContext, result: SolveResult) -> None:
    if context.frame is not None:
        for note in context.frame.notes:
            context.log(note)
    fwhm = result.sources.fwhm_px
    context.log(f"{len(result.sources)} sources" + (f", typically {fwhm:.1f} pixels wide." if fwhm else "."))
    for attempt in result.attempts:
        context.log(f"{attempt.rung}: {attempt.outcome} ({attempt.seconds:.2f} s)")
    if result.solution is None:
        context.log(result.reason)
        return
    ra, dec = result.solution.wcs.centre
    context.log(
        f"Centre {ra:.5f} {dec:+.5f}, {result.solution.wcs.scale_arcsec:.4f} arcsec/px,"
        f" {len(result.solution.matches)} stars matched, rms {result.solution.rms_arcsec:.2f} arcsec."
    )


def _results(result: SolveResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "solved": result.solution is not None,
        "sources": len(result.sources),
        "fwhm_px": result.sources.fwhm_px,
        "seconds": result.seconds,
        "reason": result.reason,
        "attempts": [asdict(attempt) for attempt in result.attempts],
    }
    if result.solution is not None:
        found |= {"rung": result.solution.rung, "stars_matched": len(result.solution.matches)}
    return found


register(
    Step(
        key="solve",
        title="Solve",
        doc="Finds the frame's place in the sky by a ladder of hints, pattern tables and indexes, and verifies it.",
        function=run,
        keys=(
            Key("scale_low", "float", "The smallest scale that the frame may have.", "arcsec/px", low=1e-4, high=1e5),
            Key("scale_high", "float", "The largest scale that the frame may have.", "arcsec/px", low=1e-4, high=1e5),
            Key("width_low", "float", "The smallest width that the frame may have.", "deg", low=1e-4, high=360),
            Key("width_high", "float", "The largest width that the frame may have.", "deg", low=1e-4, high=360),
            Key("ra", "float", "Right ascension near the frame's centre.", "deg", low=0, high=360),
            Key("dec", "float", "Declination near the frame's centre.", "deg", low=-90, high=90),
            Key("radius", "float", "How far from there the centre may be.", "deg", 10.0, low=1e-4, high=180),
            Key("parity", "int", "The sign of the projection's determinant, where it is known.", choices=(-1, 1)),
            Key("positional_error", "float", "How well sources are placed.", "px", low=1e-3, high=100),
            Key("sip_order", "int", "The highest order of the distortion; 0 or 1 for none, empty for what the stars"
                " warrant.", low=0, high=9),
            Key("bin_by", "int", "Detect sources on the frame binned so many times.", low=1, high=64),
            Key("segmentation", "bool", "Whether sources are detected by segmentation, as SExtractor does.",
                default=False),
            Key("invert", "bool", "Whether stars are dark on a bright sky.", default=False),
            Key("plane", "text", "Which plane of several: its number or name, with :n for the n-th of a cube."),
            Key("list_width", "int", "The width of the frame that a list of sources was measured on.", "px",
                low=1, high=1_000_000),
            Key("list_height", "int", "The height of that frame.", "px", low=1, high=1_000_000),
            Key("use_header", "bool", "Whether the file's own header may give hints.", default=True),
            Key("solve_time_limit", "float", "When to give up; empty for the server's setting.", "s", low=1, high=3600),
        ),
        writes=("axy.fits", "wcs.fits", "corr.fits", "rdls.fits"),
    )
)  # fmt: skip
