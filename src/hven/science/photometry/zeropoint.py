"""From instrumental to standard magnitudes: m_cat = m_instr + ZP(x, y) + C colour, fitted robustly.

Three things would bias such a fit if left alone, and are dealt with here. Catalogue colours have errors, which flatten
the slope, and one of a colour's magnitudes is usually the one that is fitted: the effective-variance solution for
correlated errors is used (York et al. 2004, Am. J. Phys. 72, 367). Faint stars that noise made brighter weigh more and
pass a cut sooner (the bias named after Malmquist): weights and cuts come from the brightness that the catalogue
predicts, not from the one measured. And the mean of a magnitude is not the magnitude of the mean flux: its second-order
term is taken off.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.photometry.solution import Calibrators, ZeroPoint, design_matrix, exponents

Floats = NDArray[np.float64]
LEAST_STARS = 3
_PER_TERM = 4  # stars for each term of a polynomial
_CUT = 5.0  # standard deviations
_ROUNDS = 40
_LEAST_SNR = (10.0, 5.0, 3.0)  # that a star is expected to have, the first that leaves stars enough
_ENOUGH = 20
_POGSON = 2.5 / np.log(10)
_SETTLED = 1e-6
_ODD = 5.0  # deviations of colours
_FIRST = 0.75  # magnitudes about the commonest zero point: more than any flat field or colour term makes
_STEEP = 0.5  # colour terms beyond are rare
_NO_ERROR = 0.02  # magnitudes, where a catalogue gives none
_SCATTERED = 0.15  # magnitudes


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What is fitted."""

    spatial_order: int = 2
    use_colour: bool = True
    colour_term: float | None = None  # fixed to this
    nonlinear: bool = False
    background_order: int | None = None
    faintest: float | None = None  # catalogue magnitudes of the stars used
    brightest: float | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """The zero point with what it was made from; arrays of one length n, the calibrators'."""

    zero_point: ZeroPoint
    residual: Floats  # catalogue less calibrated magnitude
    sigma: Floats  # expected scatter of the residual
    used: NDArray[np.bool_]


def fit_zero_point(
    stars: Calibrators, settings: FitSettings, *, gain: float, width: int, height: int, band: str = "",
    colour: tuple[str, str] | None = None,
) -> Fit:  # fmt: skip
    """Fit the calibration of a frame.

    Parameters
    ----------
    stars : Calibrators
        Matched stars.
    gain : float
        Electrons per ADU.
    width, height : int
        Of the frame, pixels; the zero point is that of its middle.
    band, colour : str and pair of str, optional
        Column names, for the record.

    Raises
    ------
    Invalid
        Fewer than 3 stars are left; the sentence says why.

    """
    usable = _usable(stars, settings)
    if np.count_nonzero(usable) < LEAST_STARS:
        raise Invalid(_too_few(stars, settings, int(np.count_nonzero(usable))))
    notes: list[str] = []
    middle = float(np.median(stars.catalogue_mag[usable] - stars.mag[usable]))
    middle = _peak(stars.catalogue_mag[usable] - stars.mag[usable], middle)
    expected = _expected(stars, middle, gain)
    kept = usable
    for level in _LEAST_SNR:
        kept = usable & (_POGSON / expected >= level)
        if np.count_nonzero(kept) >= _ENOUGH:
            break
    if np.count_nonzero(kept) < LEAST_STARS:
        kept = usable
    with_colour = settings.use_colour and settings.colour_term is None and _spreads(stars, kept)
    if settings.use_colour and settings.colour_term is None and not with_colour:
        notes.append("The stars' colours are too few or too alike for a colour term: it was left at 0.")
    order, background_order = _orders(settings, int(np.count_nonzero(kept)), with_colour, notes)
    pivot = float(np.median(stars.mag[kept]))
    design = design_matrix(stars.x, stars.y, width, height, order)
    columns = [design]
    if background_order is not None:
        light = np.maximum(10 ** (-0.4 * (stars.catalogue_mag - middle)), 1e-30)
        columns.append(-_POGSON * design_matrix(stars.x, stars.y, width, height, background_order) / light[:, None])
    if settings.nonlinear:
        columns.append((stars.catalogue_mag - middle - pivot)[:, None])
    fixed = 0.0 if settings.colour_term is None else settings.colour_term
    found = _solve(stars, np.hstack(columns), kept, expected, with_colour=with_colour, colour_term=fixed)
    count = design.shape[1]
    rest = found.parameters[count:]
    background: tuple[float, ...] = ()
    if background_order is not None:
        size = len(exponents(background_order))
        background, rest = tuple(map(float, rest[:size])), rest[size:]
    slope = float(rest[0]) if settings.nonlinear else 0.0
    term, term_error = fixed, 0.0
    if with_colour:
        term, term_error = float(found.parameters[-1]), float(np.sqrt(max(found.covariance[-1, -1], 0.0)))
    used = found.used
    scatter = float(np.sqrt(np.mean(found.residual[used] ** 2))) if used.any() else float("nan")
    notes += _doubts(stars, found, term, term_error)
    zero_point = ZeroPoint(
        zp=float(found.parameters[0]),
        zp_err=float(np.sqrt(max(found.covariance[0, 0], 0.0))),
        colour_term=term,
        colour_term_err=term_error,
        spatial=tuple(map(float, found.parameters[:count])),
        spatial_order=order,
        background=background,
        background_order=background_order,
        nonlinearity=slope,
        pivot_mag=pivot,
        covariance=tuple(tuple(map(float, row)) for row in found.covariance),
        width=width,
        height=height,
        intrinsic_mag=found.intrinsic,
        scatter_mag=scatter,
        stars_used=int(np.count_nonzero(used)),
        stars_matched=int(stars.mag.size),
        band=band,
        colour=colour,
        warnings=tuple(notes),
    )
    return Fit(zero_point, found.residual, found.sigma, used)


@dataclass(frozen=True, slots=True)
class _Found:
    parameters: Floats  # of the design's columns, and the colour term where it is fitted
    covariance: Floats
    residual: Floats
    sigma: Floats
    intrinsic: float
    used: NDArray[np.bool_]


def _solve(
    stars: Calibrators, design: Floats, kept: NDArray[np.bool_], expected: Floats, *, with_colour: bool,
    colour_term: float,
) -> _Found:  # fmt: skip
    colour = np.where(np.isfinite(stars.colour), stars.colour, 0.0)
    whole = np.column_stack([design, colour]) if with_colour else design
    # the mean of a magnitude lies above that of the flux
    target = stars.catalogue_mag - stars.mag + 0.5 * expected**2 / _POGSON
    if not with_colour:
        target = target - colour_term * colour
    # what is not known weighs nothing, and must not be a NaN that a weight of 0 cannot silence
    known = np.isfinite(target) & np.all(np.isfinite(whole), axis=1) & np.isfinite(expected)
    kept = kept & known
    target, expected = np.where(known, target, 0.0), np.where(known, expected, 1.0)
    whole = np.where(known[:, None], whole, 0.0)
    used, term, intrinsic = kept.copy(), colour_term, 0.0
    parameters = np.zeros(whole.shape[1])
    parameters[0] = _peak(target[kept], float(np.median(target[kept])))
    residual = target - whole @ parameters
    near = kept & (np.abs(residual) < _FIRST + _CUT * expected)
    used = near if np.count_nonzero(near) >= max(0.2 * np.count_nonzero(kept), LEAST_STARS) else used
    goal = np.nan_to_num(target)  # a star without a magnitude has no weight; a NaN would have
    tweak = np.zeros_like(target)
    sigma = np.ones_like(target)
    for turn in range(_ROUNDS):
        variance = expected**2 + stars.catalogue_err**2 + term**2 * stars.colour_err**2 - 2 * term * stars.covariance
        variance = np.maximum(np.nan_to_num(variance), 1e-8)
        intrinsic = _intrinsic(residual[used], variance[used])
        sigma = np.sqrt(variance + intrinsic**2)
        # Huber's weights while outliers are still in, a plain fit of what is left afterwards
        pull = np.abs(residual) / sigma
        weight = np.where(used, np.minimum(1.0, 2.0 / np.maximum(pull, 1e-9)) / sigma**2, 0.0)
        if with_colour:
            # where the errors of colour and magnitude together put the star's true colour
            tweak = np.nan_to_num((stars.covariance - term * stars.colour_err**2) / sigma**2 * residual)
        instruments = whole.copy()
        if with_colour:
            instruments[:, -1] = colour - tweak
        normal = instruments.T @ (weight[:, None] * whole)
        try:
            after = np.linalg.solve(normal, instruments.T @ (weight * goal))
        except np.linalg.LinAlgError:
            after = np.linalg.lstsq(normal, instruments.T @ (weight * goal), rcond=None)[0]
        step = float(np.max(np.abs(after - parameters)))
        parameters = after
        term = float(parameters[-1]) if with_colour else colour_term
        residual = target - whole @ parameters
        before = used
        limit = max(_CUT * (4 - turn), _CUT) if turn < 3 else _CUT
        used = kept & (np.abs(residual) <= limit * sigma)
        if np.count_nonzero(used) < max(LEAST_STARS, whole.shape[1]):
            used = before
        if turn > 4 and step < _SETTLED and np.array_equal(used, before):
            break
    covariance = _covariance(whole, residual, sigma, used)
    return _Found(parameters, covariance, np.where(known, residual, np.nan), sigma, intrinsic, used)


def _covariance(whole: Floats, residual: Floats, sigma: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return the parameters' covariance, widened where the residuals are larger than expected."""
    design, pull = whole[used] / sigma[used, None], residual[used] / sigma[used]
    chi2 = float(np.sum(pull**2)) / max(pull.size - whole.shape[1], 1)
    return np.asarray(np.linalg.pinv(design.T @ design) * max(chi2, 1.0), np.float64)


def _usable(stars: Calibrators, settings: FitSettings) -> NDArray[np.bool_]:
    good = np.isfinite(stars.mag) & np.isfinite(stars.magerr) & (stars.magerr > 0) & np.isfinite(stars.catalogue_mag)
    known = np.isfinite(stars.colour)
    fitted = settings.use_colour and settings.colour_term is None and np.count_nonzero(good & known) > 4
    if fitted or settings.colour_term:
        good &= known
    if fitted and np.count_nonzero(good) > 4:
        # a single odd colour, of a wrong match or a bad magnitude, would turn the whole slope
        middle = np.median(stars.colour[good])
        spread = 1.48 * np.median(np.abs(stars.colour[good] - middle))
        with np.errstate(invalid="ignore"):
            good &= np.abs(stars.colour - middle) < max(_ODD * spread, 0.5)
    with np.errstate(invalid="ignore"):
        if settings.brightest is not None:
            good &= stars.catalogue_mag >= settings.brightest
        if settings.faintest is not None:
            good &= stars.catalogue_mag <= settings.faintest
    return np.asarray(good & stars.usable, np.bool_)


def _too_few(stars: Calibrators, settings: FitSettings, left: int) -> str:
    limits = " within the limits of magnitude" if (settings.brightest, settings.faintest) != (None, None) else ""
    return (
        f"Only {left} of {stars.mag.size} matched stars can be used for a zero point{limits}, and {LEAST_STARS} are "
        "needed; check the projection, the filter, the catalogue and its limits, or leave the shape filter off."
    )


def _peak(zero: Floats, start: float) -> float:
    """Return where zero points crowd most: more than half of the pairs may be wrong."""
    ordered = np.sort(zero)
    span = max(ordered.size // 3, min(3, ordered.size))
    widths = ordered[span - 1 :] - ordered[: ordered.size - span + 1]
    first = int(np.argmin(widths))
    return float(np.median(ordered[first : first + span])) if ordered.size else start


def _expected(stars: Calibrators, zero: float, gain: float) -> Floats:
    """Return the error in magnitudes that a star of its catalogue magnitude has where it stands."""
    flux = 10 ** (-0.4 * stars.mag)
    sky2 = np.maximum((flux * stars.magerr / _POGSON) ** 2 - flux / gain, 0.0)
    predicted = 10 ** (-0.4 * (stars.catalogue_mag - zero))
    # what is much too bright or too faint for its match keeps its own error
    predicted = np.where(np.isfinite(predicted), predicted, flux)
    return np.asarray(_POGSON * np.sqrt(sky2 + predicted / gain) / predicted, np.float64)


def _spreads(stars: Calibrators, kept: NDArray[np.bool_]) -> bool:
    known = kept & np.isfinite(stars.colour)
    if np.count_nonzero(known) < 5:
        return False
    values = stars.colour[known]
    spread = 1.48 * np.median(np.abs(values - np.median(values)))
    return bool(max(spread, 0.5 * np.std(values)) > max(0.02, float(np.sqrt(np.median(stars.colour_err[known] ** 2)))))


def _orders(settings: FitSettings, count: int, with_colour: bool, notes: list[str]) -> tuple[int, int | None]:
    """Return the orders that the stars can carry."""
    background = settings.background_order
    extra = int(with_colour) + int(settings.nonlinear)
    order = settings.spatial_order
    while order > 0 and count < _PER_TERM * (len(exponents(order)) + extra):
        order -= 1
    if order < settings.spatial_order:
        notes.append(
            f"{count} stars are too few for a zero point of order {settings.spatial_order}; order {order} was fitted."
        )
    if background is not None and count < _PER_TERM * (len(exponents(order)) + len(exponents(background)) + extra):
        notes.append("Too few stars for an additive term; it was left out.")
        background = None
    return order, background


def _intrinsic(residual: Floats, variance: Floats) -> float:
    """Return the scatter that brings the median of the squared pulls to that of a normal distribution."""
    if residual.size < 8:
        return 0.0
    goal = 0.4549
    if np.median(residual**2 / variance) <= goal:
        return 0.0
    low, high = 0.0, float(4 * np.sqrt(np.median(residual**2)) + 1e-4)
    for _ in range(40):
        middle = 0.5 * (low + high)
        if np.median(residual**2 / (variance + middle**2)) > goal:
            low = middle
        else:
            high = middle
    return high


def _doubts(stars: Calibrators, found: _Found, term: float, term_error: float) -> list[str]:
    """Return what makes the fit implausible, in sentences."""
    notes = []
    used = found.used
    count = int(np.count_nonzero(used))
    chance = chance_of_no_relation(stars.mag[stars.usable], stars.catalogue_mag[stars.usable])
    if chance > 0.05:
        notes.append(
            f"Measured and catalogue magnitudes hardly go together (by chance with p = {chance:.2f}): "
            "the projection may be wrong."
        )
    if abs(term) > _STEEP and abs(term) > 3 * term_error:
        notes.append(
            f"The colour term {term:+.2f} is steep: the filter, or the catalogue's system, is probably another one."
        )
    if found.intrinsic > _SCATTERED:
        notes.append(f"The stars scatter by {found.intrinsic:.2f} mag beyond their errors.")
    if count < 10:
        notes.append(f"The zero point rests on {count} stars only.")
    elif count < 0.5 * np.count_nonzero(stars.usable):
        notes.append(f"Only {count} of {int(np.count_nonzero(stars.usable))} matched stars agree with the zero point.")
    return notes


def chance_of_no_relation(measured: Floats, catalogue: Floats) -> float:
    """Return the probability that two lists of magnitudes (n,) rise together this well by chance.

    Of Spearman's rank correlation, one-sided (Student's t; Kendall & Stuart 1973, section 31.19); 1 below four.
    """
    from scipy.stats import rankdata, t  # noqa: PLC0415 - slow to import

    good = np.isfinite(measured) & np.isfinite(catalogue)
    count = int(np.count_nonzero(good))
    if count < 4:
        return 1.0
    one, two = rankdata(measured[good]), rankdata(catalogue[good])
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return 1.0
    rho = float(np.corrcoef(one, two)[0, 1])
    if rho >= 1 - 1e-12:
        return 0.0
    return float(t.sf(rho * np.sqrt((count - 2) / max(1 - rho**2, 1e-12)), count - 2))


def calibrators_from(
    *, x: Floats, y: Floats, mag: Floats, magerr: Floats, catalogue_mag: Floats, catalogue_err: Floats,
    first: Floats | None, first_err: Floats | None, second: Floats | None, second_err: Floats | None,
    band_in_colour: int, usable: NDArray[np.bool_],
) -> Calibrators:  # fmt: skip
    """Return calibrators from catalogue columns (n,), with the errors that colour and magnitude share.

    Parameters
    ----------
    first, second
        The magnitudes whose difference is the colour; None where the catalogue lacks one.
    band_in_colour
        +1 where the first is the calibrated magnitude itself, -1 where the second is, else 0.

    """
    own = _known_errors(catalogue_err)
    if first is None or second is None or first_err is None or second_err is None:
        nothing = np.full(x.size, np.nan)
        zero = np.zeros(x.size)
        return Calibrators(x, y, mag, magerr, catalogue_mag, own, nothing, zero, zero, usable)
    one, two = _known_errors(first_err), _known_errors(second_err)
    colour = first - second
    shared = band_in_colour * own**2
    return Calibrators(x, y, mag, magerr, catalogue_mag, own, colour, np.hypot(one, two), shared, usable)


def _known_errors(errors: Floats) -> Floats:
    known = np.isfinite(errors) & (errors >= 0)
    usual = float(np.median(errors[known])) if known.any() else _NO_ERROR
    return np.asarray(np.where(known, np.maximum(errors, 1e-4), max(usual, _NO_ERROR)), np.float64)
