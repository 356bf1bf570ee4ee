"""New sources by comparison with catalogues: objects of a frame that no reference catalogue lists.

Objects are dropped by what is wrong with them, by a catalogue's star at their place (unless they outshine it), by
pairs of stars that the frame blends into one, by minor planets, and where another frame does not show them too. Each
group is counted, so that an empty answer can be understood.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.matching import pairs_within

Floats = NDArray[np.float64]
DEBLENDED, MASKED_NEARBY, SHAPE = 0x2, 0x100, 0x800
MOST = 100
_FEWEST_FOR_OFFSET = 5  # matches, from which a catalogue's magnitudes are brought onto the frame's
_FEWEST_FOR_DEPTH = 20  # stars that tell how deep a catalogue is
_DEPTH_PERCENTILE = 98
_DEPTH_SIGMA = 2.0
_BLEND_FWHM = 2.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows of a reference catalogue; arrays of one length n."""

    name: str  # for people: "Gaia eDR3"
    ra: Floats  # ICRS degrees at the frame's epoch
    dec: Floats
    mag: Floats  # in the band closest to the frame's; NaN where it has none


@dataclass(frozen=True, slots=True)
class MovingBodies:
    """Minor planets at the frame's time; arrays of one length n."""

    name: NDArray[np.str_]
    ra: Floats  # ICRS degrees
    dec: Floats
    error_arcsec: Floats  # of the ephemeris


@dataclass(frozen=True, slots=True)
class Criteria:
    """What makes an object a candidate."""

    radius_deg: float  # of a match: half the stars' FWHM
    fwhm_deg: float
    mag_diff: float = 2.0  # an object brighter than its match by more than this stays; 0: every match drops it
    prefilter: bool = True  # drop what has not the shape of a star
    blends: bool = True  # drop pairs that the frame blends
    cone: tuple[float, float, float] | None = None  # ra, dec, radius in degrees: only there
    most: int = MOST
    beyond_depth: bool = False  # keep what is fainter than every catalogue reaches, too


@dataclass(frozen=True, slots=True)
class Catalogued:
    """The candidates, and how many objects went for which reason."""

    table: Table  # rows of the object list, most significant first
    rejected: dict[str, int]
    matched: dict[str, str]  # name of a minor planet by NUMBER, for the log


def search_catalogued(
    objects: Table,
    references: Sequence[Reference],
    criteria: Criteria,
    *,
    others: Sequence[Table] = (),
    bodies: MovingBodies | None = None,
) -> Catalogued:
    """Return the objects that no catalogue explains.

    Parameters
    ----------
    objects : Table
        With columns ra, dec (degrees), flags, flux, fluxerr and mag_calib (or mag).
    references : sequence of Reference
        Around the frame.
    others : sequence of Table
        Object lists of other frames, each of which must show a candidate within the radius.
    bodies : MovingBodies, optional
        Minor planets near the frame.

    Raises
    ------
    Invalid
        The list lacks positions on the sky, or the radius is not positive.

    """
    _check(objects, criteria)
    ra, dec = _floats(objects, "ra"), _floats(objects, "dec")
    keep = np.isfinite(ra) & np.isfinite(dec)
    rejected: dict[str, int] = {"no position": int(np.count_nonzero(~keep))}

    def drop(bad: NDArray[np.bool_], reason: str) -> None:
        rejected[reason] = rejected.get(reason, 0) + int(np.count_nonzero(keep & bad))
        keep[bad] = False

    if criteria.cone is not None:
        centre_ra, centre_dec, radius = criteria.cone
        inside, _, _ = pairs_within(ra, dec, [centre_ra], [centre_dec], radius)
        drop(~_among(inside, ra.size), "outside the cone")
    for other in others:
        seen, _, _ = pairs_within(ra, dec, _floats(other, "ra"), _floats(other, "dec"), criteria.radius_deg)
        drop(~_among(seen, ra.size), "not on the other frames")
    flags = np.asarray(objects["flags"], np.int64)
    allowed = DEBLENDED | MASKED_NEARBY | (0 if criteria.prefilter else SHAPE)
    drop((flags & ~(allowed | SHAPE)) != 0, "flagged")
    drop((flags & ~allowed & SHAPE) != 0, "not of the shape of a star")
    mag = _floats(objects, "mag_calib" if "mag_calib" in objects.colnames else "mag")
    for reference in references:
        drop(_explained(ra, dec, mag, reference, criteria), f"in {reference.name}")
    if not criteria.beyond_depth:
        drop(
            _too_faint(objects, ra, dec, mag, references=references, radius_deg=criteria.radius_deg),
            "fainter than the catalogues reach",
        )
    moving, bodily = _moving(objects, ra, dec, bodies, criteria.radius_deg)
    moving = {number: name for number, name in moving.items() if keep[bodily[number]]}
    drop(_among(np.array(sorted(bodily.values()), np.int64), ra.size), "minor planets")
    if criteria.blends:
        for reference in references:
            drop(_blended(ra, dec, mag, flags=flags, reference=reference, criteria=criteria), "blended stars")
    snr = _floats(objects, "flux") / np.maximum(_floats(objects, "fluxerr"), 1e-30)
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(-np.nan_to_num(snr[chosen]), kind="stable")]
    if chosen.size > criteria.most:
        rejected[f"beyond the first {criteria.most}"] = int(chosen.size - criteria.most)
        chosen = chosen[: criteria.most]
    return Catalogued(objects[chosen], {reason: n for reason, n in rejected.items() if n}, moving)


def _check(objects: Table, criteria: Criteria) -> None:
    missing = [name for name in ("ra", "dec", "flags", "flux", "fluxerr") if name not in objects.colnames]
    if missing:
        raise Invalid(f"The object list has no column {missing[0]}; run photometry, with a solved frame, first.")
    if not criteria.radius_deg > 0:
        raise Invalid("The radius of a match with a catalogue is a positive angle.")


def _moving(
    objects: Table, ra: Floats, dec: Floats, bodies: MovingBodies | None, radius_deg: float
) -> tuple[dict[str, str], dict[str, int]]:
    """Return names of minor planets and rows of the objects at their places, both by the objects' NUMBER."""
    if bodies is None or not bodies.ra.size:
        return {}, {}
    error_deg = np.nan_to_num(np.asarray(bodies.error_arcsec, float)) / 3600
    i, j, distance = pairs_within(ra, dec, bodies.ra, bodies.dec, radius_deg + float(error_deg.max()))
    close = distance <= radius_deg + error_deg[j]
    numbers = objects["NUMBER"] if "NUMBER" in objects.colnames else np.arange(1, ra.size + 1)
    pairs = [(str(numbers[a]), int(a), str(bodies.name[b])) for a, b in zip(i[close], j[close], strict=True)]
    return {number: name for number, _, name in pairs}, {number: row for number, row, _ in pairs}


def _too_faint(
    objects: Table, ra: Floats, dec: Floats, mag: Floats, *, references: Sequence[Reference], radius_deg: float
) -> NDArray[np.bool_]:
    """Say which objects may be fainter than the faintest stars of every catalogue: none can say that they are new."""
    depths = []
    for reference in references:
        known = reference.mag[np.isfinite(reference.mag)]
        if known.size >= _FEWEST_FOR_DEPTH:
            i, j, _ = pairs_within(ra, dec, reference.ra, reference.dec, radius_deg)
            depths.append(float(np.percentile(known, _DEPTH_PERCENTILE)) + _offset(mag[i] - reference.mag[j]))
    if not depths:
        return np.zeros(ra.size, np.bool_)
    name = "mag_calib_err" if "mag_calib_err" in objects.colnames else "magerr"
    error = _floats(objects, name) if name in objects.colnames else np.zeros(ra.size)
    return np.asarray(mag + _DEPTH_SIGMA * np.nan_to_num(error) > max(depths), np.bool_)


def _explained(ra: Floats, dec: Floats, mag: Floats, reference: Reference, criteria: Criteria) -> NDArray[np.bool_]:
    """Say which objects lie on a catalogue's star that is not much fainter."""
    i, j, _ = pairs_within(ra, dec, reference.ra, reference.dec, criteria.radius_deg)
    if criteria.mag_diff <= 0:
        return _among(i, ra.size)
    fainter = reference.mag[j] + _offset(mag[i] - reference.mag[j]) - mag[i]
    # a match without a magnitude explains the object as it is
    return _among(i[~(fainter > criteria.mag_diff)], ra.size)


def _blended(
    ra: Floats, dec: Floats, mag: Floats, *, flags: NDArray[np.int64], reference: Reference, criteria: Criteria
) -> NDArray[np.bool_]:
    """Say which objects several stars within two FWHM make up together, or are parts of a brighter one."""
    near_i, near_j, _ = pairs_within(ra, dec, reference.ra, reference.dec, criteria.radius_deg)
    offset = _offset(mag[near_i] - reference.mag[near_j])
    i, j, _ = pairs_within(ra, dec, reference.ra, reference.dec, _BLEND_FWHM * criteria.fwhm_deg)
    bad = np.zeros(ra.size, np.bool_)
    if not i.size:
        return bad
    light = 10 ** (-0.4 * np.nan_to_num(reference.mag[j] + offset, nan=99.0))
    total = np.bincount(i, light, ra.size)
    count = np.bincount(i, minlength=ra.size)
    cosine = np.cos(np.radians(dec[i]))
    turn = (reference.ra[j] - ra[i] + 180) % 360 - 180
    east, north = (
        np.bincount(i, light * turn * cosine, ra.size),
        np.bincount(i, light * (reference.dec[j] - dec[i]), ra.size),
    )
    away = np.hypot(east, north) / np.maximum(total, 1e-300)
    own = 10 ** (-0.4 * np.nan_to_num(mag, nan=99.0))
    enough = total > own * 10 ** (-0.4 * max(criteria.mag_diff, 0.5))
    bad |= (count >= 2) & enough & (away < criteria.fwhm_deg)
    bad |= (flags & DEBLENDED > 0) & (count >= 1) & enough
    return bad


def _offset(difference: Floats) -> float:
    """Return the median offset between two systems of magnitudes, 0 where too few tell it."""
    good = difference[np.isfinite(difference)]
    return float(np.median(good)) if good.size >= _FEWEST_FOR_OFFSET else 0.0


def _among(indices: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    found = np.zeros(size, np.bool_)
    found[indices] = True
    return found


def _floats(table: Table, name: str) -> Floats:
    """Return a column as plain numbers, masked ones as NaN."""
    column = table[name]
    filled = column.filled(np.nan) if hasattr(column, "filled") else column
    return np.asarray(filled, np.float64)
