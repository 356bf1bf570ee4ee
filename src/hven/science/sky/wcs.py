"""The projection of the sky onto a frame: TAN with SIP distortion, or ZPN for fisheye lenses.

Conventions: FITS WCS papers I and II (Greisen & Calabretta 2002, A&A 395, 1061; Calabretta & Greisen 2002,
A&A 395, 1077) and SIP (Shupe et al. 2005, ASP Conf. 347, 491). Pixel coordinates here are 0-based, x along
columns, y along rows, in the order in which the file stores its rows; cards are written 1-based.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.science.sky import zenithal
from hven.science.sky.sphere import angles, tangent_basis, unit_vectors

_MOST_RADIAL = 30  # of the standard
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Wcs:
    """A gnomonic projection with SIP polynomials where the field warrants them, or a fisheye's zenithal one."""

    crval: tuple[float, float]  # ICRS, degrees
    crpix: tuple[float, float]  # 0-based pixel of crval
    cd: tuple[tuple[float, float], tuple[float, float]]  # degrees per pixel
    width: int  # pixels
    height: int
    sip_a: NDArray[np.float64] | None = None  # (n+1, n+1), coefficient [p, q] of u^p v^q, pixels
    sip_b: NDArray[np.float64] | None = None
    sip_ap: NDArray[np.float64] | None = None  # the inverse, as written to cards; not used for computing
    sip_bp: NDArray[np.float64] | None = None
    radial: tuple[float, ...] | None = None  # P_0, P_1, ... of ZPN: the radius by the distance from the axis, radians

    # --- numbers of the linear part, as nova's API defines them -------------------------------------------

    @property
    def determinant(self) -> float:
        """Determinant of the CD matrix, degrees^2 per pixel^2."""
        (a, b), (c, d) = self.cd
        return a * d - b * c

    @property
    def parity(self) -> int:
        """+1 where det(CD) >= 0 (a picture with rows from the top, not mirrored), else -1."""
        return 1 if self.determinant >= 0 else -1

    @property
    def scale_arcsec(self) -> float:
        """Arcseconds per pixel: the root of the pixel's area at the reference point."""
        return float(3600 * np.sqrt(abs(self.determinant)))

    @property
    def orientation_deg(self) -> float:
        """Degrees east of north of the direction of rising rows, in (-180, 180]."""
        (cd11, cd12), (cd21, cd22) = self.cd
        p = self.parity
        angle = -np.degrees(np.arctan2(p * cd21 - cd12, p * cd11 + cd22))
        return 180.0 if angle == -180.0 else float(angle)

    @property
    def centre_pixel(self) -> tuple[float, float]:
        """The middle of the frame, 0-based."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    @property
    def centre(self) -> tuple[float, float]:
        """ICRS degrees of the middle of the frame, by the full projection."""
        ra, dec = self.to_sky(*self.centre_pixel)
        return float(ra), float(dec)

    @property
    def radius_deg(self) -> float:
        """Half the diagonal at the nominal scale, degrees."""
        return self.scale_arcsec * float(np.hypot(self.width, self.height)) / 7200

    def linear(self) -> "Wcs":
        """Return the projection without its distortion."""
        return replace(self, sip_a=None, sip_b=None, sip_ap=None, sip_bp=None)

    # --- transformations ------------------------------------------------------------------------------------

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> Pair:
        """Return ICRS degrees of 0-based pixel coordinates (any shape)."""
        u, v = np.asarray(x, float) - self.crpix[0], np.asarray(y, float) - self.crpix[1]
        if self.sip_a is not None and self.sip_b is not None:
            u, v = u + polynomial(self.sip_a, u, v), v + polynomial(self.sip_b, u, v)
        (cd11, cd12), (cd21, cd22) = self.cd
        xi, eta = np.radians(cd11 * u + cd12 * v), np.radians(cd21 * u + cd22 * v)
        east, north, outward = tangent_basis(*self.crval)
        if self.radial is not None:
            r = np.hypot(xi, eta)
            z = zenithal.distance(self.radial, r)
            slope = np.where(r > 0, np.sin(z) / np.where(r > 0, r, 1.0), 1.0)[..., None]
            return angles(slope * (xi[..., None] * east + eta[..., None] * north) + np.cos(z)[..., None] * outward)
        return angles(xi[..., None] * east + eta[..., None] * north + outward)

    def to_pixel(self, ra: ArrayLike, dec: ArrayLike) -> Pair:
        """Return 0-based pixel coordinates; NaN for positions that the projection does not reach.

        A gnomonic one ends 90 degrees from its reference, a zenithal one where its radius stops growing.
        """
        vectors = unit_vectors(ra, dec)
        east, north, outward = tangent_basis(*self.crval)
        cosine = vectors @ outward
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.radial is not None:
                sine = np.hypot(vectors @ east, vectors @ north)
                r = zenithal.radius(self.radial, np.arctan2(sine, cosine))
                stretch = np.degrees(np.where(sine > 0, r / np.where(sine > 0, sine, 1.0), 1.0))
            else:
                stretch = np.degrees(np.where(cosine > 0, 1.0 / cosine, np.nan))
            xi, eta = stretch * (vectors @ east), stretch * (vectors @ north)
        inverse = np.linalg.inv(np.asarray(self.cd))
        u = inverse[0, 0] * xi + inverse[0, 1] * eta
        v = inverse[1, 0] * xi + inverse[1, 1] * eta
        if self.sip_a is not None and self.sip_b is not None:
            u, v = _undistort(self.sip_a, self.sip_b, u, v, reach=2.0 * max(self.width, self.height))
        return u + self.crpix[0], v + self.crpix[1]

    def contains(self, ra: ArrayLike, dec: ArrayLike, margin: float = 0.0) -> NDArray[np.bool_]:
        """Say which positions fall on the frame, widened by `margin` pixels."""
        x, y = self.to_pixel(ra, dec)
        with np.errstate(invalid="ignore"):
            inside = (x >= -0.5 - margin) & (x <= self.width - 0.5 + margin)
            return inside & (y >= -0.5 - margin) & (y <= self.height - 0.5 + margin)

    def binned_to(self, factor: float) -> "Wcs":
        """Return the same projection for a frame whose pixels are 1/factor of these (factor 2: unbin by 2)."""
        (cd11, cd12), (cd21, cd22) = self.cd
        cd = (cd11 / factor, cd12 / factor), (cd21 / factor, cd22 / factor)
        crpix = (self.crpix[0] + 0.5) * factor - 0.5, (self.crpix[1] + 0.5) * factor - 0.5
        scaled = {}
        for name in ("sip_a", "sip_b", "sip_ap", "sip_bp"):
            matrix = getattr(self, name)
            if matrix is not None:
                p, q = np.indices(matrix.shape)
                matrix = matrix * factor ** (1.0 - p - q)
            scaled[name] = matrix
        return replace(
            self, crpix=crpix, cd=cd, width=round(self.width * factor), height=round(self.height * factor),
            **scaled,
        )  # fmt: skip

    # --- cards ----------------------------------------------------------------------------------------------

    def to_cards(self) -> dict[str, Any]:
        """Return the FITS cards of the projection (1-based CRPIX, IMAGEW and IMAGEH included)."""
        sip = "-SIP" if self.sip_a is not None else ""
        kind = "TAN" if self.radial is None else "ZPN"
        cards: dict[str, Any] = {
            "WCSAXES": 2,
            "CTYPE1": f"RA---{kind}{sip}",
            "CTYPE2": f"DEC--{kind}{sip}",
            "EQUINOX": 2000.0,
            "RADESYS": "ICRS",
            "LONPOLE": 180.0,
            "LATPOLE": 0.0,
            "CRVAL1": self.crval[0],
            "CRVAL2": self.crval[1],
            "CRPIX1": self.crpix[0] + 1,
            "CRPIX2": self.crpix[1] + 1,
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CD1_1": self.cd[0][0],
            "CD1_2": self.cd[0][1],
            "CD2_1": self.cd[1][0],
            "CD2_2": self.cd[1][1],
            "IMAGEW": self.width,
            "IMAGEH": self.height,
        }
        names = (("A", self.sip_a), ("B", self.sip_b), ("AP", self.sip_ap), ("BP", self.sip_bp))
        for name, matrix in names:
            if matrix is not None:
                order = matrix.shape[0] - 1
                cards[f"{name}_ORDER"] = order
                for p in range(order + 1):
                    for q in range(order + 1 - p):
                        cards[f"{name}_{p}_{q}"] = float(matrix[p, q])
        for m, coefficient in enumerate(self.radial or ()):
            cards[f"PV2_{m}"] = float(coefficient)
        return cards

    @classmethod
    def from_cards(cls, cards: Mapping[str, Any], width: int, height: int) -> "Wcs | None":
        """Read a TAN, ARC or ZPN projection, with SIP or without (CD, PC or CDELT and CROTA2); None where none is."""
        try:
            ctype = str(cards.get("CTYPE1", "")), str(cards.get("CTYPE2", ""))
            kind = ctype[0][5:8]
            if kind not in {"TAN", "ARC", "ZPN"} or not ctype[0].startswith("RA---") or ctype[1][:8] != f"DEC--{kind}":
                return None
            radial = {"TAN": None, "ARC": zenithal.EQUIDISTANT, "ZPN": _radial(cards)}[kind]
            cd = _cd_matrix(cards)
            crval = float(cards["CRVAL1"]), float(cards["CRVAL2"])
            crpix = float(cards["CRPIX1"]) - 1, float(cards["CRPIX2"]) - 1
            matrices = {
                f"sip_{name.lower()}": _sip_matrix(cards, name) if ctype[0].endswith("SIP") else None
                for name in ("A", "B", "AP", "BP")
            }
        except (KeyError, TypeError, ValueError, ArithmeticError):  # a CDELT1 of 0, an order beyond all numbers
            return None
        if kind == "ZPN" and radial is None:
            return None
        wcs = cls(crval, crpix, cd, width, height, **matrices, radial=radial)
        numbers = np.array([*crval, *crpix, *cd[0], *cd[1], *(radial or ())])
        if not np.all(np.isfinite(numbers)) or abs(crval[1]) > 90 or wcs.determinant == 0:
            return None
        sips = [matrix for matrix in (wcs.sip_a, wcs.sip_b) if matrix is not None]
        if len(sips) == 1 or not all(np.all(np.isfinite(matrix)) for matrix in sips):
            return wcs.linear()
        return wcs


def polynomial(matrix: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate sum of matrix[p, q] u^p v^q (Horner's rule in both)."""
    total = np.zeros(np.broadcast(u, v).shape)
    for p in range(matrix.shape[0] - 1, -1, -1):
        inner = np.zeros_like(total)
        for q in range(matrix.shape[1] - 1, -1, -1):
            inner = inner * v + matrix[p, q]
        total = total * u + inner
    return total


def _undistort(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    reach: float,
) -> Pair:
    """Invert u' = u + A(u, v), v' = v + B(u, v) by fixed-point steps; NaN beyond `reach` pixels.

    Far outside the frame the polynomials mean nothing and may fold the sky back onto it, so such points are
    dropped rather than inverted.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        near = (np.abs(u) < reach) & (np.abs(v) < reach)
        target_u, target_v = np.where(near, u, np.nan), np.where(near, v, np.nan)
        u, v = target_u, target_v
        for _ in range(20):
            next_u, next_v = target_u - polynomial(a, u, v), target_v - polynomial(b, u, v)
            step = np.max(np.nan_to_num(np.abs(next_u - u) + np.abs(next_v - v)), initial=0.0)
            u, v = next_u, next_v
            if step < 1e-7:
                break
        off = np.abs(u + polynomial(a, u, v) - target_u) + np.abs(v + polynomial(b, u, v) - target_v)
        bad = ~(off < 0.01)
        return np.where(bad, np.nan, u), np.where(bad, np.nan, v)


def _cd_matrix(cards: Mapping[str, Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    if any(f"CD{i}_{j}" in cards for i in (1, 2) for j in (1, 2)):
        get = [[float(cards.get(f"CD{i}_{j}", 0.0)) for j in (1, 2)] for i in (1, 2)]
        return (get[0][0], get[0][1]), (get[1][0], get[1][1])
    delta = float(cards["CDELT1"]), float(cards["CDELT2"])
    if any(f"PC{i}_{j}" in cards for i in (1, 2) for j in (1, 2)):
        pc = [[float(cards.get(f"PC{i}_{j}", float(i == j))) for j in (1, 2)] for i in (1, 2)]
    else:
        rotation = np.radians(float(cards.get("CROTA2", 0.0)))
        cosine, sine = np.cos(rotation), np.sin(rotation)
        if 0.0 in delta:
            raise ValueError("pixels without a size")
        ratio = delta[1] / delta[0]
        pc = [[cosine, -sine * ratio], [sine / ratio, cosine]]
    return (
        (delta[0] * pc[0][0], delta[0] * pc[0][1]),
        (delta[1] * pc[1][0], delta[1] * pc[1][1]),
    )


def _radial(cards: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return P_0, P_1, ... of ZPN; None where they mean nothing here."""
    given = {m: float(cards[f"PV2_{m}"]) for m in range(_MOST_RADIAL) if f"PV2_{m}" in cards}
    found = tuple(given.get(m, 0.0) for m in range(max(given, default=0) + 1))
    # another offset or slope at the axis would make the scale there another than the matrix says
    return found if len(found) > 1 and found[0] == 0.0 and found[1] == 1.0 else None


def _sip_matrix(cards: Mapping[str, Any], name: str) -> NDArray[np.float64] | None:
    order = int(cards.get(f"{name}_ORDER", 0))
    if not 1 <= order <= 9:
        return None
    matrix = np.zeros((order + 1, order + 1))
    for p in range(order + 1):
        for q in range(order + 1 - p):
            matrix[p, q] = float(cards.get(f"{name}_{p}_{q}", 0.0))
    return matrix
