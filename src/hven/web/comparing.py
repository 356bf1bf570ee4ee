"""Two solutions side by side: their numbers, their pictures on each other, their residuals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hven.imaging import services as imaging
from hven.imaging.models import Run, Solution
from hven.science.sky.agreement import Agreement, agreement
from hven.web import words

_VECTOR = 0.04  # of the plot's width, for a residual of the larger rms
_EXACT_PX = 0.001  # below, numbers say nothing
PLOT = 600  # units of the plot's width


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both, with its difference."""

    name: str
    a: str
    b: str
    difference: str = ""


def compare_runs(a: Run, b: Run) -> dict[str, Any]:
    """Return what the page says of two runs that have solutions."""
    first, second = a.solution, b.solution
    same = a.reduction.data_file_id is not None and a.reduction.data_file_id == b.reduction.data_file_id
    same = same and (first.width, first.height) == (second.width, second.height)
    same = same and a.config.get("plane") == b.config.get("plane")
    found = agreement(first.wcs, second.wcs)
    return {
        "same": same,
        "rows": rows(first, second, found, same=same),
        "verdict": verdict(found, same=same),
        "overlay": overlay(a, b, found),
        "plot": plot(a, b),
    }


def verdict(found: Agreement, *, same: bool) -> str:
    """Return in a sentence how far the two agree."""
    if not same:
        apart = words.angle(found.centres_deg)
        if found.overlap == 0:
            return f"These are different frames, {apart} apart: they have no sky in common."
        covered = "all" if found.overlap == 1 else f"{100 * found.overlap:.0f} %"
        return f"These are different frames, {apart} apart: {covered} of the first lies on the second."
    if not math.isfinite(found.max_px) or found.max_px > 0.5 * np.hypot(found.x.max(), found.y.max()):
        return f"These do not agree: they put the frame at places {words.angle(found.centres_deg)} apart."
    rms = f" ({_pixels(found.rms_px)} rms)" if found.max_px >= _EXACT_PX else ""
    return f"These agree to {_pixels(found.max_px)} over the frame{rms}."


def rows(a: Solution, b: Solution, found: Agreement, *, same: bool) -> list[Row]:
    """Return the numbers of both with their differences."""
    apart = found.centres_deg * 3600
    centre = f"{words.angle(found.centres_deg)} apart"
    if same:
        centre = f"{apart:.2f}″, {apart / a.scale_arcsec:.2f} px"
    turn = (b.orientation_deg - a.orientation_deg + 180) % 360 - 180
    return [
        Row("Centre", _position(a), _position(b), centre),
        Row("Field", _field(a), _field(b)),
        Row("Scale", f"{a.scale_arcsec:.4f}″/px", f"{b.scale_arcsec:.4f}″/px",
            f"{_signed(100 * (b.scale_arcsec / a.scale_arcsec - 1), 4)} %"),
        Row("Orientation", f"{a.orientation_deg:.3f}°", f"{b.orientation_deg:.3f}°", f"{_signed(turn, 3)}°"),
        Row("Parity", _signed(a.parity, 0), _signed(b.parity, 0), "the same" if a.parity == b.parity else "mirrored"),
        Row("Stars", str(a.stars_matched), str(b.stars_matched), _signed(b.stars_matched - a.stars_matched, 0)),
        Row("Residual, rms", _rms(a), _rms(b), f"{_signed(b.rms_arcsec - a.rms_arcsec, 2)}″"),
        Row("Log-odds", f"{a.log_odds:.0f}", f"{b.log_odds:.0f}", _signed(b.log_odds - a.log_odds, 0)),
        Row("Found by", a.rung, b.rung),
        Row("Reference stars", a.catalogue, b.catalogue),
        Row("Time", f"{a.seconds:.2f} s", f"{b.seconds:.2f} s", f"{_signed(b.seconds - a.seconds, 2)} s"),
    ]  # fmt: skip


def overlay(a: Run, b: Run, found: Agreement) -> dict[str, Any] | None:
    """Return how the second picture lies on the first: the matrix of an SVG transformation; None where it does not."""
    affine = found.affine
    if affine is None or found.overlap == 0:
        return None
    shown = _shown(a) @ np.vstack([affine, [0, 0, 1]]) @ np.linalg.inv(_shown(b))
    (p, q, u), (r, s, v) = shown[:2]
    numbers = (p, r, q, s, u, v)
    if not np.all(np.isfinite(numbers)):
        return None
    return {
        "width": a.solution.width,
        "height": a.solution.height,
        "other_width": b.solution.width,
        "other_height": b.solution.height,
        "matrix": " ".join(f"{number:.6g}" for number in numbers),
    }


def plot(a: Run, b: Run) -> dict[str, Any] | None:
    """Return the residuals of both as paths on one plot, each in its own frame; None where neither left any."""
    both = [imaging.residuals(run) for run in (a, b)]
    lengths = [math.hypot(dx, dy) for each in both for _, _, dx, dy in each]
    if not lengths:
        return None
    height = round(PLOT * max(run.solution.height / run.solution.width for run in (a, b)))
    rms = max(_rms_of(each) for each in both) or 1.0
    stretch = _VECTOR * PLOT / rms
    paths = [_vectors(run, each, stretch) for run, each in zip((a, b), both, strict=True)]
    return {
        "width": PLOT,
        "height": height,
        "paths": paths,
        "unit": round(stretch * rms, 1),
        "unit_px": f"{rms:.2g}",
        "counts": [len(each) for each in both],
    }


def _vectors(run: Run, found: list[tuple[float, float, float, float]], stretch: float) -> str:
    scale = PLOT / run.solution.width
    sign = -1 if rises(run) else 1
    top = run.solution.height - 1 if rises(run) else 0
    parts = []
    for x, y, dx, dy in found:
        down = top + sign * y
        parts.append(f"M{x * scale:.1f} {down * scale:.1f}l{dx * stretch:.1f} {sign * dy * stretch:.1f}")
    return "".join(parts)


def rises(run: Run) -> bool:
    """Say whether the frame's first row is at the bottom of its picture."""
    file = run.reduction.data_file
    return file is None or file.format in {"fits", "xisf"}


def _shown(run: Run) -> Any:
    """Return the matrix from pixels of the file (middle of the first at 0, 0) to places in its picture."""
    if rises(run):
        return np.array([[1, 0, 0.5], [0, -1, run.solution.height - 0.5], [0, 0, 1.0]])
    return np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])


def _rms_of(found: list[tuple[float, float, float, float]]) -> float:
    return math.sqrt(sum(dx * dx + dy * dy for _, _, dx, dy in found) / len(found)) if found else 0.0


def _position(each: Solution) -> str:
    return f"{words.sexagesimal(each.ra, hours=True)} {words.sexagesimal(each.dec, hours=False)}"


def _field(each: Solution) -> str:
    scale = each.scale_arcsec / 3600
    return f"{words.angle(each.width * scale)} × {words.angle(each.height * scale)}"  # noqa: RUF001 - times


def _rms(each: Solution) -> str:
    return f"{each.rms_arcsec:.2f}″, {each.rms_arcsec / each.scale_arcsec:.2f} px"


def _pixels(value: float) -> str:
    if value < _EXACT_PX:
        return f"better than {_EXACT_PX} px"
    return f"{value:.3f} px" if value < 0.1 else f"{value:.2g} px" if value < 10 else f"{value:.0f} px"


def _signed(value: float, digits: int) -> str:
    shown = f"{value:+.{digits}f}".replace("-", "−")
    return shown[1:] if float(f"{value:.{digits}f}") == 0 else shown
