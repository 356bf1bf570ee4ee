"""The pictures that show whether a frame's photometry can be trusted, as PNG.

matplotlib's objects are used directly: a figure of its own for each picture, no state that threads could share. Axes
with many points are drawn as pixels; text is made once.
"""

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from hven.science.photometry.inspection import Inspection
from hven.science.photometry.limits import model_snr
from hven.science.photometry.objects import Flag
from hven.science.photometry.pipeline import Calibration

Floats = NDArray[np.float64]
_DPI = 100
_GOOD, _FLAGGED, _SHAPE, _MODEL = "#2b6cb0", "#a0aec0", "#dd6b20", "#c53030"
_TITLE = 1.02  # of the axes' height
_WIDEST_MAG = 30.0  # of the axis of magnitudes
_CELLS = 12  # of maps, along the longer side
_MOST_POINTS = 20_000
_LIMITS = (1.0, 99.0)  # percentiles shown


def draw_plots(inspection: Inspection, calibration: Calibration, snr: float) -> dict[str, bytes]:
    """Return all pictures of a calibrated frame, PNG by file name; `snr` is that of the limit."""
    drawn: dict[str, Callable[[], bytes]] = {
        "objects.png": lambda: objects_plot(inspection, calibration),
        "fwhm.png": lambda: fwhm_map(calibration),
        "fwhm_mag.png": lambda: fwhm_by_magnitude(calibration),
        "prefilter.png": lambda: shapes_plot(calibration),
        "photometry.png": lambda: residuals_plot(calibration, everything=False),
        "photometry_unmasked.png": lambda: residuals_plot(calibration, everything=True),
        "photometry_zeropoint.png": lambda: zero_point_map(calibration, "measured"),
        "photometry_model.png": lambda: zero_point_map(calibration, "model"),
        "photometry_residuals.png": lambda: zero_point_map(calibration, "residual"),
        "astrometry_dist.png": lambda: astrometry_plot(calibration),
        "limit_hist.png": lambda: magnitudes_plot(calibration, snr),
        "limit_sn.png": lambda: snr_plot(inspection, calibration, snr),
    }
    return {name: draw() for name, draw in drawn.items()}


def objects_plot(inspection: Inspection, calibration: Calibration) -> bytes:
    """Draw the frame with its objects."""
    figure, axes = new_figure(7.2, 7.2 * min(max(inspection.height / inspection.width, 0.3), 2.0) + 0.4)
    scale = 512 / max(inspection.width, inspection.height)
    size = max(int(inspection.width * scale), 1), max(int(inspection.height * scale), 1)
    # every other row and column is enough to average over, and quicker
    step = 2 if scale < 0.4 else 1
    small = cv2.resize(inspection.residual[::step, ::step], size, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small[::3, ::3], (2, 99.5))
    extent = (-0.5, inspection.width - 0.5, -0.5, inspection.height - 0.5)
    axes.imshow(small, origin="lower", cmap="Greys", vmin=low, vmax=high, extent=extent, interpolation="nearest")
    x, y, flags = _of(calibration, "x"), _of(calibration, "y"), _flags(calibration)
    for which, colour, label in _groups(flags):
        dots(axes, x[which], y[which], colour, f"{label} ({np.count_nonzero(which)})", size=3, hollow=True)
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel="x (px)", ylabel="y (px)")
    axes.set_title("Objects", y=_TITLE)
    return as_png(figure, axes)


def fwhm_map(calibration: Calibration) -> bytes:
    """Draw the width of stars over the frame."""
    good = _flags(calibration) == 0
    return _map(
        calibration, _of(calibration, "x")[good], _of(calibration, "y")[good],
        2 * _of(calibration, "FLUX_RADIUS")[good], title=f"FWHM of stars, median {calibration.measured.fwhm_px:.2f} px",
        label="FWHM (px)", cmap="viridis",
    )  # fmt: skip


def fwhm_by_magnitude(calibration: Calibration) -> bytes:
    """Draw widths against magnitudes."""
    figure, axes = new_figure(7.2, 4.6)
    width, mag, flags = 2 * _of(calibration, "FLUX_RADIUS"), _of(calibration, "mag_calib"), _flags(calibration)
    for which, colour, label in _groups(flags):
        dots(axes, mag[which], width[which], colour, label)
    fwhm = calibration.measured.fwhm_px
    axes.axhline(fwhm, color=_MODEL, lw=1, label=f"median {fwhm:.2f} px")
    axes.set(ylim=(0, 3.5 * fwhm), xlabel=f"{_band(calibration)} (mag)", ylabel="twice the half-light radius (px)")
    axes.set_title("Width and brightness", y=_TITLE)
    return as_png(figure, axes)


def shapes_plot(calibration: Calibration) -> bytes:
    """Draw size and elongation against magnitudes, as the shape filter sees them."""
    figure, (upper, lower) = new_figure(7.2, 6.0, rows=2)
    found, mag, flags = calibration.measured.moments, _of(calibration, "mag_calib"), _flags(calibration)
    size = 0.5 * (found.xx + found.yy)
    stretch = np.hypot(0.5 * (found.xx - found.yy), found.xy) / np.where(size > 0, size, np.nan)
    for which, colour, label in _groups(flags):
        dots(upper, mag[which], size[which], colour, f"{label} ({np.count_nonzero(which)})")
        dots(lower, mag[which], stretch[which], colour, "")
    known = size[(flags == 0) & np.isfinite(size)]
    known = known if known.size else size[np.isfinite(size)]
    typical = float(np.median(known)) if known.size else 1.0
    upper.set(ylim=(0, 2.2 * typical), ylabel="windowed second moment (px²)")
    upper.set_title("Shapes", y=_TITLE)
    lower.set(ylim=(0, 0.6), xlabel=f"{_band(calibration)} (mag)", ylabel="elongation (difference / size)")
    return as_png(figure, upper)


def residuals_plot(calibration: Calibration, *, everything: bool) -> bytes:
    """Draw what is left of the stars' magnitudes, against magnitude and colour."""
    figure, (upper, lower) = new_figure(7.2, 6.0, rows=2)
    stars, fit = calibration.calibrators, calibration.fit
    out = ~fit.used & (stars.usable | everything)
    reach = max(float(np.percentile(np.abs(fit.residual[fit.used]), 98)) * 1.5, 0.02) if fit.used.any() else 1.0
    if everything:
        reach = max(2.0 * reach, 0.5)
    for axes, values in ((upper, stars.catalogue_mag), (lower, stars.colour)):
        dots(axes, values[out], fit.residual[out], _FLAGGED, f"not used ({np.count_nonzero(out)})")
        dots(axes, values[fit.used], fit.residual[fit.used], _GOOD, f"used ({np.count_nonzero(fit.used)})")
        axes.axhline(0, color=_MODEL, lw=1)
        axes.set_ylim(-reach, reach)
        axes.set_ylabel("catalogue - measured (mag)")
    zero_point = fit.zero_point
    upper.set_title(
        f"Zero point {zero_point.zp:.4f} ± {zero_point.zp_err:.4f}, colour term {zero_point.colour_term:+.4f}",
        y=_TITLE,
    )
    upper.set_xlabel(f"{zero_point.band} (mag)")
    lower.set_xlabel(" - ".join(zero_point.colour) + " (mag)" if zero_point.colour else "no colour")
    return as_png(figure, upper)


def zero_point_map(calibration: Calibration, what: str) -> bytes:
    """Draw the zero point over the frame: ``measured``, its ``model``, or the ``residual`` of both."""
    stars, fit = calibration.calibrators, calibration.fit
    zero_point, used = fit.zero_point, fit.used
    x, y = stars.x[used], stars.y[used]
    model = zero_point.at(x, y)
    if what == "model":
        rows, columns = _cells(zero_point.width, zero_point.height)
        grid_x = (np.arange(columns) + 0.5) / columns * zero_point.width - 0.5
        grid_y = (np.arange(rows) + 0.5) / rows * zero_point.height - 0.5
        values = zero_point.at(*np.meshgrid(grid_x, grid_y))
        return _picture(calibration, values, "Zero point, model", label="zero point (mag)", cmap="viridis")
    values = model + fit.residual[used] if what == "measured" else fit.residual[used]
    label, cmap = ("zero point (mag)", "viridis") if what == "measured" else ("residual (mag)", "RdBu_r")
    title = "Zero point, measured" if what == "measured" else "Zero point, residuals"
    return _map(calibration, x, y, values, title=title, label=label, cmap=cmap, even=what == "residual")


def astrometry_plot(calibration: Calibration) -> bytes:
    """Draw how far objects lie from their catalogue stars."""
    figure, axes = new_figure(5.6, 5.4)
    pairs, wcs, catalogue = calibration.pairs, calibration.wcs, calibration.catalogue
    ra = np.asarray(np.ma.filled(catalogue["RAJ2000"], np.nan), float)[pairs.star]
    dec = np.asarray(np.ma.filled(catalogue["DEJ2000"], np.nan), float)[pairs.star]
    own_ra, own_dec = _of(calibration, "ra")[pairs.object], _of(calibration, "dec")[pairs.object]
    east = 3600 * ((own_ra - ra + 180) % 360 - 180) * np.cos(np.radians(dec))
    north = 3600 * (own_dec - dec)
    dots(axes, east, north, _GOOD, f"{len(pairs)} stars")
    distance = np.hypot(east, north)
    middle = float(np.nanmedian(distance))
    turn = np.linspace(0, 2 * np.pi, 73)
    axes.plot(middle * np.cos(turn), middle * np.sin(turn), color=_MODEL, lw=1, label=f'median {middle:.3f}"')
    reach = max(float(np.nanpercentile(distance, 97)) * 1.2, 1e-3)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set(xlabel="to the east (arcsec)", ylabel="to the north (arcsec)")
    axes.set_title(f"Objects less catalogue, {wcs.scale_arcsec:.3f} arcsec/px", y=_TITLE)
    return as_png(figure, axes)


def magnitudes_plot(calibration: Calibration, snr: float) -> bytes:
    """Draw how many objects there are of each magnitude, with the limit."""
    figure, axes = new_figure(7.2, 4.6)
    mag = _of(calibration, "mag_calib")
    star = np.asarray(np.ma.filled(calibration.catalogue[calibration.columns["mag"]], np.nan), float)
    mag, star = mag[np.isfinite(mag)], star[np.isfinite(star)]
    low, high = float(np.min(mag)), float(max(np.max(mag), calibration.limit_mag)) + 0.5
    low = max(low, high - _WIDEST_MAG)
    edges = np.arange(np.floor(low * 2) / 2, high + 0.25, 0.25)
    axes.stairs(np.histogram(mag, edges)[0], edges, fill=True, color=_GOOD, alpha=0.6, label="objects")
    axes.stairs(np.histogram(star, edges)[0], edges, color=_FLAGGED, lw=1.2, label="catalogue")
    axes.axvline(calibration.limit_mag, color=_MODEL, lw=1, label=f"S/N = {snr:g} at {calibration.limit_mag:.2f} mag")
    axes.set(xlabel=f"{_band(calibration)} (mag)", ylabel="number in 0.25 mag")
    axes.set_title("Magnitudes", y=_TITLE)
    return as_png(figure, axes)


def snr_plot(inspection: Inspection, calibration: Calibration, snr: float) -> bytes:
    """Draw signal-to-noise ratios against magnitudes, with the noise model."""
    figure, axes = new_figure(7.2, 4.6)
    mag, error, flags = _of(calibration, "mag_calib"), _of(calibration, "magerr"), _flags(calibration)
    ratio = 1.0857 / np.where(error > 0, error, np.nan)
    for which, colour, label in _groups(flags):
        dots(axes, mag[which], ratio[which], colour, label)
    known = mag[np.isfinite(mag)]
    line = np.linspace(float(known.min()), max(float(known.max()), calibration.limit_mag + 0.3), 100)
    model = model_snr(line, calibration.sky_error, calibration.zero_point.zp, inspection.gain)
    axes.plot(line, model, color=_MODEL, lw=1, label="noise model")
    axes.axhline(snr, color="black", lw=0.8, ls=":")
    axes.axvline(calibration.limit_mag, color="black", lw=0.8, ls=":", label=f"limit {calibration.limit_mag:.2f} mag")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set(xlabel=f"{_band(calibration)} (mag)", ylabel="signal-to-noise ratio")
    axes.set_title("Depth", y=_TITLE)
    return as_png(figure, axes)


def new_figure(width: float, height: float, rows: int = 1) -> tuple[Figure, Any]:
    """Return a figure of so many inches with its axes, one below the other."""
    figure = Figure(figsize=(width, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1)
    for one in figure.axes:
        # each tick is an object that costs a third of a millisecond, and so does looking for room for a title
        one.locator_params(nbins=6)
        one.set_title("", y=_TITLE)
    # fixed margins: working them out costs a second drawing
    figure.subplots_adjust(left=0.8 / width, right=1 - 0.2 / width, bottom=0.55 / height, top=1 - 0.4 / height,
                           hspace=0.3)  # fmt: skip
    return figure, axes


def as_png(figure: Figure, legend: Any) -> bytes:
    """Return a figure as PNG, with a legend of the axes `legend` where they have one."""
    if legend is not None and legend.get_legend_handles_labels()[1]:
        legend.legend(loc="upper right", fontsize=8, framealpha=0.85)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 3})
    return buffer.getvalue()


def dots(axes: Any, x: Floats, y: Floats, colour: str, label: str, *, size: float = 2.2, hollow: bool = False) -> None:
    """Draw points; those that are no numbers are left out, and of very many only some are drawn."""
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if x.size > _MOST_POINTS:
        step = -(-x.size // _MOST_POINTS)
        x, y = x[::step], y[::step]
    face = "none" if hollow else colour
    axes.plot(x, y, "o", ms=size, mec=colour, mfc=face, mew=0.6 if hollow else 0, label=label, rasterized=True)


def _groups(flags: NDArray[np.int64]) -> list[tuple[NDArray[np.bool_], str, str]]:
    shape = (flags & int(Flag.SHAPE)) > 0
    return [
        ((flags != 0) & ~shape, _FLAGGED, "flagged"),
        (shape, _SHAPE, "not a star's shape"),
        (flags == 0, _GOOD, "clean"),
    ]


def _cells(width: int, height: int) -> tuple[int, int]:
    longer = max(width, height)
    return max(round(_CELLS * height / longer), 1), max(round(_CELLS * width / longer), 1)


def _map(
    calibration: Calibration, x: Floats, y: Floats, values: Floats, *, title: str, label: str, cmap: str,
    even: bool = False,
) -> bytes:  # fmt: skip
    """Draw medians in cells over the frame."""
    width, height = calibration.zero_point.width, calibration.zero_point.height
    rows, columns = _cells(width, height)
    good = np.isfinite(values)
    i = np.clip(((x[good] + 0.5) / width * columns).astype(int), 0, columns - 1)
    j = np.clip(((y[good] + 0.5) / height * rows).astype(int), 0, rows - 1)
    cell, own = j * columns + i, values[good]
    order = np.lexsort((own, cell))
    cell, own = cell[order], own[order]
    grid = np.full(rows * columns, np.nan)
    first, count = np.unique(cell, return_index=True)[1], np.bincount(cell, minlength=rows * columns)
    known = np.unique(cell)
    grid[known] = 0.5 * (own[first + (count[known] - 1) // 2] + own[first + count[known] // 2])
    return _picture(calibration, grid.reshape(rows, columns), title, label=label, cmap=cmap, even=even)


def _picture(calibration: Calibration, grid: Floats, title: str, *, label: str, cmap: str, even: bool = False) -> bytes:
    width, height = calibration.zero_point.width, calibration.zero_point.height
    figure, axes = new_figure(6.6, 5.4 * min(max(height / width, 0.4), 1.8) + 0.4)
    known = grid[np.isfinite(grid)]
    low, high = np.percentile(known, _LIMITS) if known.size else (0.0, 1.0)
    if even:
        high = max(abs(low), abs(high))
        low = -high
    shown = axes.imshow(grid, origin="lower", cmap=cmap, vmin=low, vmax=max(high, low + 1e-6),
                        extent=(-0.5, width - 0.5, -0.5, height - 0.5), interpolation="nearest")  # fmt: skip
    figure.subplots_adjust(right=0.79)
    side = figure.add_axes((0.81, 0.12, 0.03, 0.78))
    side.set_title("", y=_TITLE)
    figure.colorbar(shown, cax=side, label=label, ticks=MaxNLocator(6))
    axes.set(xlabel="x (px)", ylabel="y (px)")
    axes.set_title(title, y=_TITLE)
    return as_png(figure, None)


def _of(calibration: Calibration, name: str) -> Floats:
    return np.asarray(calibration.measured.objects[name], float)


def _flags(calibration: Calibration) -> NDArray[np.int64]:
    return np.asarray(calibration.measured.objects["flags"], np.int64)


def _band(calibration: Calibration) -> str:
    return calibration.zero_point.band or calibration.band
