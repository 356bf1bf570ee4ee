"""A frame's photometric calibration as a record: evaluated anywhere in the frame, written as JSON and read back."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.errors import Invalid

Floats = NDArray[np.float64]
_POGSON = 2.5 / np.log(10)
_FORMAT = 1
_HIGHEST_ORDER = 6  # of polynomials that are read back
_TURNS = 3


@dataclass(frozen=True, slots=True)
class Calibrators:
    """Measured stars with their catalogue magnitudes; arrays of one length n, magnitudes where no unit is said."""

    x: Floats  # 0-based pixels
    y: Floats
    mag: Floats  # instrumental
    magerr: Floats
    catalogue_mag: Floats
    catalogue_err: Floats
    colour: Floats  # NaN where it is not known
    colour_err: Floats
    covariance: Floats  # of the errors of colour and catalogue magnitude, mag^2
    usable: NDArray[np.bool_]  # unflagged, not blended


@dataclass(frozen=True, slots=True)
class ZeroPoint:
    """m = m_instr + zp(x, y) + colour_term x colour; an additive flux and a slope in m_instr where they were fitted.

    Polynomials are in u = (x - middle) / half the longer side, and v likewise; coefficients in the order of
    `exponents`.
    """

    zp: float  # magnitudes, in the frame's middle
    zp_err: float
    colour_term: float
    colour_term_err: float
    spatial: tuple[float, ...]  # coefficients of zp(x, y), magnitudes
    spatial_order: int
    background: tuple[float, ...]  # of the additive flux, ADU
    background_order: int | None
    nonlinearity: float  # magnitudes per magnitude of m_instr beyond pivot_mag
    pivot_mag: float
    covariance: tuple[tuple[float, ...], ...]  # of spatial, background, nonlinearity, colour term, as far as fitted
    width: int  # pixels
    height: int
    intrinsic_mag: float  # scatter beyond the errors
    scatter_mag: float  # of the residuals of the stars used, root mean square
    stars_used: int
    stars_matched: int
    band: str = ""  # the catalogue's column
    colour: tuple[str, str] | None = None  # the columns whose difference is the colour
    warnings: tuple[str, ...] = ()  # sentences

    def at(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Return the zero point at 0-based pixels, magnitudes."""
        return self._polynomial(np.asarray(self.spatial), self.spatial_order, x, y)

    def error_at(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Return the standard error of the zero point at 0-based pixels, magnitudes."""
        x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
        design = design_matrix(x.ravel(), y.ravel(), self.width, self.height, self.spatial_order)
        size = design.shape[1]
        covariance = np.asarray(self.covariance)[:size, :size]
        return np.asarray(np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", design, covariance, design), 0)), np.float64)

    def calibrated(self, mag: ArrayLike, x: ArrayLike, y: ArrayLike) -> Floats:
        """Return magnitudes in the instrument's own band: the term of the colour is left out."""
        mag = np.asarray(mag, float)
        value = mag + self.at(x, y)
        if self.background_order is not None:
            # the fitted flux is that of the catalogue, so the measured one is brought to it in a few turns
            extra = self._polynomial(np.asarray(self.background), self.background_order, x, y)
            flux = 10 ** (-0.4 * mag)
            light = flux
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                for _ in range(_TURNS):
                    light = flux * 10 ** (0.4 * _POGSON * extra / np.where(light > 0, light, np.nan))
                value = value - _POGSON * extra / light
        if self.nonlinearity:
            value = value + self.nonlinearity * (mag - self.pivot_mag) / (1 - self.nonlinearity)
        return np.asarray(value, np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ZeroPoint":
        """Read what `to_json` gave; Invalid where it is something else."""
        try:
            if values["format"] != _FORMAT:
                raise Invalid("The file's zero point was written by another version of hven; run photometry again.")
            given = {name: values[name] for name in cls.__slots__}
            for name in ("spatial", "background", "warnings"):
                given[name] = tuple(given[name])
            given["covariance"] = tuple(tuple(map(float, row)) for row in given["covariance"])
            if given["colour"] is not None:
                given["colour"] = (str(given["colour"][0]), str(given["colour"][1]))
            found = cls(**given)
            found.check()
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise Invalid("The file does not hold a zero point; run photometry again.") from error
        return found

    def check(self) -> None:
        """Raise ValueError or TypeError where a part is no number, or parts do not fit together."""
        orders = (self.spatial_order, 0 if self.background_order is None else self.background_order)
        if not all(isinstance(order, int) and 0 <= order <= _HIGHEST_ORDER for order in orders):
            raise ValueError("orders")
        terms = len(exponents(self.spatial_order))
        more = 0 if self.background_order is None else len(exponents(self.background_order))
        numbers = [
            self.zp, self.zp_err, self.colour_term, self.colour_term_err, self.nonlinearity, self.pivot_mag,
            self.intrinsic_mag, self.scatter_mag, *self.spatial, *self.background,
        ]  # fmt: skip
        covariance = np.asarray(self.covariance, float)
        fits = (len(self.spatial), len(self.background)) == (terms, more) and covariance.ndim == 2
        if not fits or covariance.shape[0] != covariance.shape[1] or covariance.shape[0] < terms:
            raise ValueError("shapes")
        if not (np.isfinite(np.array(numbers, np.float64)).all() and np.isfinite(covariance).all()):
            raise ValueError("numbers")
        if not all(isinstance(side, int) and side > 0 for side in (self.width, self.height)):
            raise ValueError("sides")

    def _polynomial(self, coefficients: Floats, order: int, x: ArrayLike, y: ArrayLike) -> Floats:
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        design = design_matrix(x.ravel(), y.ravel(), self.width, self.height, order)
        return np.asarray((design @ coefficients).reshape(x.shape), np.float64)


def exponents(order: int) -> list[tuple[int, int]]:
    """Return the powers (p, q) of u and v with p + q <= order, the constant first."""
    return [(total - q, q) for total in range(order + 1) for q in range(total + 1)]


def design_matrix(x: Floats, y: Floats, width: int, height: int, order: int) -> Floats:
    """Return the polynomials' terms at 0-based pixels (n,), shape (n, terms)."""
    half = 0.5 * max(width, height)
    u, v = (x - 0.5 * (width - 1)) / half, (y - 0.5 * (height - 1)) / half
    return np.stack([u**p * v**q for p, q in exponents(order)], axis=1)
