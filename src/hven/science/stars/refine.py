"""From a rough place in the sky to a verified and measured one.

Reference stars are paired with sources within a circle that shrinks as the fit improves: linear first, then with
the distortion that the stars themselves ask for.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.science.catalogues.reference import CATALOGUE_NAMES, ReferenceStars
from hven.science.sky.wcs import Wcs
from hven.science.stars.fit import MOST_ORDER, best_order, fit_projection, recentred
from hven.science.stars.solution import Matches, Solution, SourceList
from hven.science.stars.uniform import uniform_order
from hven.science.stars.verify import LEAST_MATCHES, Evidence, weigh

Floats = NDArray[np.float64]
_ROUGH_STARS = 150
_ALL_STARS = 3000
_FEW = 40
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class References:
    """Reference stars around a frame, brightest first; arrays of one length n."""

    ra: Floats  # ICRS degrees at the epoch
    dec: Floats
    mag: Floats
    catalogue: NDArray[np.str_]

    def __len__(self) -> int:
        return int(self.ra.size)

    def chosen(self, which: NDArray[np.generic] | slice) -> "References":
        """Return a selection."""
        return References(self.ra[which], self.dec[which], self.mag[which], self.catalogue[which])


@dataclass(frozen=True, slots=True)
class Pairs:
    """Indices of sources and of reference stars that lie at one place; arrays of one length n."""

    source: NDArray[np.intp]
    reference: NDArray[np.intp]
    distance: Floats  # pixels


def references_around(
    stars: ReferenceStars, wcs: Wcs, epoch: float | None, limit: int = _ALL_STARS, reach: float = 1.15
) -> References:
    """Return the reference stars in a circle `reach` times as wide as the frame's diagonal."""
    ra, dec = wcs.centre
    rows = stars.cone(ra, dec, min(reach * wcs.radius_deg + 0.02, 89.0), epoch=epoch, limit=limit)
    return References(np.asarray(rows.ra, float), np.asarray(rows.dec, float), np.asarray(rows.mag, float), rows.names)


def listed(ra: Floats, dec: Floats, mag: Floats, name: str) -> References:
    """Return reference stars of another list, such as an index file's."""
    order = np.argsort(np.nan_to_num(mag, nan=99.0), kind="stable")
    return References(ra[order], dec[order], mag[order], np.full(ra.size, name))


def examine(
    rough: Wcs,
    sources: SourceList,
    references: References,
    *,
    tolerance_px: float,
    error_px: float | None = None,
) -> tuple[Wcs, Evidence] | None:
    """Check a rough projection on all stars; return an improved linear one with the evidence, or None.

    Parameters
    ----------
    rough : Wcs
        What a search or a hint proposes.
    sources, references
        The frame's and the sky's stars.
    tolerance_px : float
        How far off the proposal may be at the frame's edge.
    error_px : float, optional
        Expected error of a source's place along one axis.

    """
    if len(sources) < LEAST_MATCHES or len(references) < LEAST_MATCHES:
        return None
    wcs = recentred(rough)
    inside = np.flatnonzero(wcs.contains(references.ra, references.dec, margin=tolerance_px))
    if inside.size < LEAST_MATCHES:
        return None
    bright = references.chosen(inside[:_ROUGH_STARS])
    head = uniform_order(sources.x, sources.y, sources.width, sources.height)
    head = head[: max(2 * len(bright), 40)]
    x, y = sources.x[head], sources.y[head]
    floor = error_px or max(0.35 * (sources.fwhm_px or 3.0) / 2.355, 0.3)
    radius = tolerance_px
    sigma = np.full(len(bright), 1.0)
    for _ in range(_ROUNDS):
        pairs = pair_up(wcs, x, y, bright, radius)
        if pairs.source.size < LEAST_MATCHES - 1:
            return None
        better = fit_projection(
            wcs,
            (x[pairs.source], y[pairs.source]),
            (bright.ra[pairs.reference], bright.dec[pairs.reference]),
            sigma=sigma[: pairs.source.size],
        )  # fmt: skip
        if not _is_sane(better, wcs):
            return None
        wcs = better
        again = pair_up(wcs, x, y, bright, radius)
        spread = float(np.median(again.distance)) / 1.18 if again.source.size else radius
        smaller = max(4.0 * max(spread, floor), 1.5 * floor)
        if smaller >= 0.95 * radius:
            break
        radius = smaller
    pairs = pair_up(wcs, x, y, bright, max(radius, 3 * floor))
    if pairs.source.size < LEAST_MATCHES - 1:
        return None
    rms = float(np.sqrt(np.median(pairs.distance**2) / 1.386))
    # a linear fit of a distorted field leaves errors larger than the stars'; they may not grow without bound
    sigma_px = float(np.clip(1.2 * rms, floor, max(tolerance_px / 2, floor)))
    px, py = wcs.to_pixel(bright.ra, bright.dec)
    evidence = weigh(x, y, px, py, width=sources.width, height=sources.height, sigma_px=sigma_px)
    if not evidence.accepted and len(bright) < _FEW:
        # of few stars each counts, and evenly spread sources leave out the second of a pair
        evidence = _better(evidence, _by_brightness(sources, (px, py), sigma_px, 3 * len(bright)))
    return wcs, evidence


def _by_brightness(sources: SourceList, places: tuple[Floats, Floats], sigma_px: float, count: int) -> Evidence:
    """Weigh the brightest sources, wherever they lie."""
    x, y = sources.x[:count], sources.y[:count]
    return weigh(x, y, *places, width=sources.width, height=sources.height, sigma_px=sigma_px)


def _better(one: Evidence, other: Evidence) -> Evidence:
    """Return the stronger of two kinds of evidence; that there were two to choose from costs a factor of two."""
    best = one if one.log_odds >= other.log_odds else other
    return replace(best, log_odds=best.log_odds - float(np.log(2.0)))


def refine(
    wcs: Wcs,
    sources: SourceList,
    references: References,
    evidence: Evidence,
    rung: str,
    *,
    epoch: float | None,
    most_order: int = MOST_ORDER,
) -> Solution | None:
    """Measure a verified projection with all stars, distortion included where they warrant it."""
    sigma_source = source_errors(sources)
    # blends are placed between their stars
    alone = isolated(sources)
    order = 1
    spread = 1.0
    pairs = pair_up(wcs, sources.x, sources.y, references, 3.0 * _first_radius(wcs, sources, references))
    for turn in range(_ROUNDS):
        if pairs.source.size < LEAST_MATCHES:
            return None
        good = brightness_agrees(sources, references, pairs) & alone[pairs.source]
        if np.count_nonzero(good) < max(0.5 * pairs.source.size, LEAST_MATCHES):
            good = brightness_agrees(sources, references, pairs)
        if np.count_nonzero(good) < LEAST_MATCHES:
            good[:] = True
        s, r = pairs.source[good], pairs.reference[good]
        x, y, ra, dec, sigma = sources.x[s], sources.y[s], references.ra[r], references.dec[r], sigma_source[s]
        if turn and most_order > 1:
            order = max(order, best_order(wcs, (x, y), (ra, dec), sigma=np.hypot(sigma, 0.3 * spread), most=most_order))
        better = fit_projection(wcs, (x, y), (ra, dec), sigma=np.hypot(sigma, 0.3 * spread), order=order)
        if not _is_sane(better, wcs):
            break
        wcs = better
        px, py = wcs.to_pixel(ra, dec)
        miss = np.hypot(px - x, py - y)
        spread = float(np.sqrt(np.median(miss**2) / 1.386))
        radius = max(4.0 * spread, 3 * float(np.median(sigma)), 0.5)
        before = pairs.source.size
        pairs = pair_up(wcs, sources.x, sources.y, references, radius)
        if turn > 2 and pairs.source.size == before:
            break
    if pairs.source.size < LEAST_MATCHES:
        return None
    return described(wcs, sources, references, pairs, evidence=evidence, rung=rung, epoch=epoch, spread=spread)


def described(
    wcs: Wcs,
    sources: SourceList,
    references: References,
    pairs: Pairs,
    *,
    evidence: Evidence,
    rung: str,
    epoch: float | None,
    spread: float,
) -> Solution:
    """Return a measured projection as a solution; `spread` is its pairs' scatter along one axis, pixels."""
    inside = wcs.contains(references.ra, references.dec)
    s, r = pairs.source, pairs.reference
    px, py = wcs.to_pixel(references.ra[r], references.dec[r])
    sigma = max(spread, 0.05)
    density = sources.width * sources.height / (max(int(inside.sum()), 1) * 2 * np.pi * sigma**2)
    gain = density * np.exp(-0.5 * (pairs.distance / sigma) ** 2)
    weight = gain / (1.0 + gain)
    order = np.argsort(s, kind="stable")
    s, r, px, py, weight = s[order], r[order], px[order], py[order], weight[order]
    residual = np.hypot(px - sources.x[s], py - sources.y[s])
    counted = residual[weight > 0.5] if np.any(weight > 0.5) else residual
    full_odds = max(evidence.log_odds, _final_odds(wcs, sources, references, sigma))
    names = sorted({str(n) for n in references.catalogue[r]})
    words = {"gaia": "Gaia DR3", "tycho2": "Tycho-2"}
    return Solution(
        wcs=wcs,
        matches=Matches(
            x=sources.x[s],
            y=sources.y[s],
            source=s.astype(np.int64),
            ra=references.ra[r],
            dec=references.dec[r],
            mag=references.mag[r],
            catalogue=references.catalogue[r],
            x_reference=px,
            y_reference=py,
            weight=weight,
        ),
        log_odds=full_odds,
        rms_arcsec=float(np.sqrt(np.mean(counted**2))) * wcs.scale_arcsec,
        rung=rung,
        reference_ra=references.ra[inside],
        reference_dec=references.dec[inside],
        reference_mag=references.mag[inside],
        catalogue=" and ".join(words.get(n, n) for n in names),
        epoch=epoch if set(names) & set(CATALOGUE_NAMES) else None,
    )


def _final_odds(wcs: Wcs, sources: SourceList, references: References, sigma: float) -> float:
    inside = np.flatnonzero(wcs.contains(references.ra, references.dec))
    bright = references.chosen(inside[: 2 * _ROUGH_STARS])
    head = uniform_order(sources.x, sources.y, sources.width, sources.height)[: max(2 * len(bright), 40)]
    px, py = wcs.to_pixel(bright.ra, bright.dec)
    return weigh(
        sources.x[head], sources.y[head], px, py,
        width=sources.width, height=sources.height, sigma_px=max(1.2 * sigma, 0.3),
        freedom=3 if wcs.sip_a is None else 3 + wcs.sip_a.shape[0] ** 2 // 2,
    ).log_odds  # fmt: skip


def pair_up(wcs: Wcs, x: Floats, y: Floats, references: References, radius: float) -> Pairs:
    """Pair sources and reference stars that are each other's nearest within `radius` pixels."""
    px, py = wcs.to_pixel(references.ra, references.dec)
    known = np.flatnonzero(np.isfinite(px) & np.isfinite(py))
    near = known[
        (px[known] > -radius)
        & (px[known] < wcs.width + radius)
        & (py[known] > -radius)
        & (py[known] < wcs.height + radius)
    ]
    none = np.zeros(0, np.intp)
    if not near.size or not x.size:
        return Pairs(none, none, np.zeros(0))
    here, there = np.column_stack([x, y]), np.column_stack([px[near], py[near]])
    distance, source = cKDTree(here).query(there, distance_upper_bound=radius)
    hit = np.flatnonzero(np.isfinite(distance))
    # of several reference stars at one source the nearest stays; the brighter wins a tie
    order = hit[np.argsort(distance[hit], kind="stable")]
    _, first = np.unique(source[order], return_index=True)
    kept = np.sort(order[first])
    return Pairs(source[kept].astype(np.intp), near[kept].astype(np.intp), distance[kept])


def _first_radius(wcs: Wcs, sources: SourceList, references: References) -> float:
    """Return the scatter of a linear projection in pixels, from its brightest pairs."""
    inside = np.flatnonzero(wcs.contains(references.ra, references.dec))[:_ROUGH_STARS]
    reach = max(0.01 * max(sources.width, sources.height), 4.0)
    pairs = pair_up(wcs, sources.x[: 3 * _ROUGH_STARS], sources.y[: 3 * _ROUGH_STARS], references.chosen(inside), reach)
    if not pairs.source.size:
        return reach / 3
    return float(np.clip(np.median(pairs.distance), 0.7, reach / 3))


def source_errors(sources: SourceList) -> Floats:
    """Return the expected error of each place along one axis, pixels (King 1983, PASP 95, 163)."""
    fwhm = sources.fwhm_px or 3.0
    return np.asarray(np.hypot(0.6 * fwhm / np.maximum(sources.snr, 3.0), 0.02 * fwhm + 0.03), np.float64)


def isolated(sources: SourceList) -> NDArray[np.bool_]:
    """Say which sources have no other within three times their width that is a tenth as bright or brighter."""
    keep = np.ones(len(sources), np.bool_)
    if len(sources) < 2:
        return keep
    reach = 3.0 * max(sources.fwhm_px or 3.0, 1.5)
    pairs = cKDTree(np.column_stack([sources.x, sources.y])).query_pairs(reach, output_type="ndarray")
    if pairs.size:
        one, two = pairs[:, 0], pairs[:, 1]
        keep[one[sources.flux[two] > 0.1 * sources.flux[one]]] = False
        keep[two[sources.flux[one] > 0.1 * sources.flux[two]]] = False
    return keep


def brightness_agrees(sources: SourceList, references: References, pairs: Pairs) -> NDArray[np.bool_]:
    """Say which pairs' brightness agrees with that of the others, within 2.5 magnitudes or 4 deviations."""
    flux, mag = sources.flux[pairs.source], references.mag[pairs.reference]
    known = (flux > 0) & np.isfinite(mag)
    if np.count_nonzero(known) < 8:
        return np.ones(pairs.source.size, np.bool_)
    zero = np.where(known, mag + 2.5 * np.log10(np.maximum(flux, 1e-30)), np.nan)
    middle = np.nanmedian(zero)
    spread = 1.48 * np.nanmedian(np.abs(zero - middle))
    return np.asarray(~known | (np.abs(zero - middle) < max(4 * spread, 2.5)), np.bool_)


def _is_sane(new: Wcs, old: Wcs) -> bool:
    """Say whether a fit stayed near what it started from: same parity, scale within 10 %, pixels still square."""
    numbers = np.array([*new.crval, *new.cd[0], *new.cd[1]])
    if not np.all(np.isfinite(numbers)) or new.parity != old.parity:
        return False
    if not 0.9 < new.scale_arcsec / old.scale_arcsec < 1.1:
        return False
    stretch = np.linalg.svd(np.asarray(new.cd), compute_uv=False)
    return bool(stretch[0] < 1.1 * stretch[1])
