"""The convolution that turns one frame's star images into another's, varying over the frame.

Alard & Lupton 1998, ApJ 503, 325, with the spatial variation of Alard 2000, A&AS 144, 363: a sum of Gaussians times
polynomials, all but the first of zero sum, so that the photometric scale varies by itself. What order the variation
takes is decided by the Bayesian information criterion (Schwarz 1978, Ann. Stat. 6, 461) unless it is given.
"""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.stamps import cut

Floats = NDArray[np.float64]
_ROUNDS = 5
_CLIP = 4.0  # standard deviations of the stamps' residuals
_MOST_MASKED = 0.25  # of a stamp
_FEWEST = 3  # stamps
_RIDGE = 1e-7
_FULL_FROM = 12  # stamps, from which a plain kernel, without wings and so of a wrong scale, is not tried
_EXPLAINED = 0.5  # share of the bright stars' light that a kernel must account for


@dataclass(frozen=True, slots=True)
class SpatialKernel:
    """A convolution kernel whose pixels are polynomials of the place in the frame."""

    planes: Floats  # (terms, size, size): by which each polynomial term is multiplied
    order: int  # of the polynomial
    width: int  # of the frame, pixels
    height: int

    @property
    def half(self) -> int:
        """Pixels on each side of the middle one."""
        return int(self.planes.shape[1] // 2)

    def at(self, x: float, y: float) -> Floats:
        """Return the kernel (size, size) at a 0-based place."""
        terms = polynomial_terms(np.array([x]), np.array([y]), self.order, self.width, self.height)[0]
        return np.asarray(np.tensordot(terms, self.planes, 1), np.float64)

    def scale(self, x: Floats, y: Floats) -> Floats:
        """Return the kernel's sum, which is the ratio of the frames' photometric scales, at places (n,)."""
        terms = polynomial_terms(x, y, self.order, self.width, self.height)
        return np.asarray(terms @ self.planes.sum(axis=(1, 2)), np.float64)

    def convolve(self, image: NDArray[np.float32], top: int = 0) -> NDArray[np.float32]:
        """Return the image (rows, width) convolved; `top` is the frame's row in which it begins."""
        rows = np.arange(top, top + image.shape[0], dtype=float)
        columns = np.arange(image.shape[1], dtype=float)
        v = polynomial_axis(rows, self.height)
        u = polynomial_axis(columns, self.width)
        total: NDArray[np.float32] | None = None
        for (p, q), plane in zip(exponents(self.order), self.planes, strict=True):
            # OpenCV correlates; a convolution turns the kernel round
            part = cv2.filter2D(image, -1, plane[::-1, ::-1].astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
            if p:
                part *= (u**p).astype(np.float32)[None, :]
            if q:
                part *= (v**q).astype(np.float32)[:, None]
            total = part if total is None else cv2.add(total, part, dst=total)
        return np.asarray(total, np.float32)


@dataclass(frozen=True, slots=True)
class KernelFit:
    """A fitted kernel, and how well it fits."""

    kernel: SpatialKernel
    used: NDArray[np.bool_]  # (n,), which stamps were kept
    chi2: float  # per degree of freedom, of the stamps kept
    flux_order: int  # of the photometric scale's variation


def exponents(order: int) -> list[tuple[int, int]]:
    """Return the powers (of x, of y) of a polynomial's terms."""
    return [(total - q, q) for total in range(order + 1) for q in range(total + 1)]


def polynomial_axis(places: Floats, size: int) -> Floats:
    """Return places along an axis as numbers from -1 to 1."""
    return np.asarray((places - 0.5 * (size - 1)) / max(0.5 * size, 1.0), np.float64)


def polynomial_terms(x: Floats, y: Floats, order: int, width: int, height: int) -> Floats:
    """Return the terms (n, count) of a polynomial at places."""
    u, v = polynomial_axis(np.asarray(x, float), width), polynomial_axis(np.asarray(y, float), height)
    return np.stack([u**p * v**q for p, q in exponents(order)], axis=-1)


@dataclass(frozen=True, slots=True)
class Basis:
    """Gaussians times polynomials as products of profiles along the axes."""

    lines: Floats  # (profiles, size)
    pairs: tuple[tuple[int, int], ...]  # profile along x and along y of each function
    even: NDArray[np.bool_]  # which functions have a sum; all but the first have the first taken off
    half: int
    small: int  # how many functions, from the first, make a plain description

    @property
    def images(self) -> Floats:
        """All functions as images, (functions, size, size)."""
        raw = np.stack([np.outer(self.lines[j], self.lines[i]) for i, j in self.pairs])
        raw[1:][self.even[1:]] -= raw[0]
        return raw


def gaussian_basis(sigmas_px: tuple[float, ...], degrees: tuple[int, ...], half: int) -> Basis:
    """Return the basis for Gaussians of these widths, each with polynomials up to its degree."""
    axis = np.arange(-half, half + 1.0)
    fine = (np.arange(5) - 2) / 5
    lines: list[Floats] = []
    pairs: list[tuple[int, int]] = []
    even: list[bool] = []
    for sigma, degree in zip(sigmas_px, degrees, strict=True):
        first = len(lines)
        place = (axis[:, None] + fine) / sigma
        raw = [(np.exp(-0.5 * place**2) * place**power).mean(axis=1) for power in range(degree + 1)]
        lines += [line / (np.abs(line).sum() if power % 2 else line.sum()) for power, line in enumerate(raw)]
        powers = [(p, q) for p, q in sorted(product(range(degree + 1), repeat=2), key=sum) if p + q <= degree]
        pairs += [(first + p, first + q) for p, q in powers]
        even += [p % 2 == 0 and q % 2 == 0 for p, q in powers]
    return Basis(np.stack(lines), tuple(pairs), np.array(even), half, small=min(6, len(pairs)))


@dataclass(frozen=True, slots=True)
class _Normal:
    """Normal equations of every stamp: (n, m, m), (n, m) and (n,); the last function is the background."""

    matrix: Floats
    vector: Floats
    square: Floats
    count: Floats  # pixels


def fit_kernel(
    target: NDArray[np.float32],
    source: NDArray[np.float32],
    variance: NDArray[np.float32],
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    *,
    basis: Basis,
    half: int,
    mask: NDArray[np.bool_] | None = None,
    order: int | None = None,
    flux_order: int | None = None,
) -> KernelFit:
    """Fit the kernel that turns `source` into `target` on stamps about stars.

    Parameters
    ----------
    target, source : (height, width) float32
        Background-subtracted frames on one grid, ADU.
    variance : (height, width) float32
        Of the target (and what the source adds), ADU^2.
    column, row : (n,)
        Middle pixels of the stamps, at least `half` + basis.half from the edges.
    half : int
        Pixels on each side of a stamp's middle.
    mask : (height, width) bool, optional
        True where either frame has no value.
    order, flux_order : int, optional
        Orders of the kernel's and the photometric scale's variation over the frame; chosen where not given.

    Raises
    ------
    Invalid
        Fewer than three stamps can be used.

    """
    height, width = target.shape
    weight = 1.0 / np.maximum(cut(variance, column, row, half).astype(np.float64), 1e-12)
    goal = cut(target, column, row, half).astype(np.float64)
    usable = np.ones(column.size, np.bool_)
    if mask is not None:
        bad = cut(mask, column, row, half).astype(np.bool_)
        weight[bad] = 0.0
        usable &= bad.mean(axis=(1, 2)) < _MOST_MASKED
    normal = _normal_equations(goal, cut(source, column, row, half + basis.half), weight, basis)
    if np.count_nonzero(usable) < _FEWEST:
        raise Invalid(
            "Fewer than three unsaturated stars are seen on both frames; their star images cannot be matched."
        )
    best: tuple[_Solution, KernelFit] | None = None
    for small, shape_order, scale_order in _models(int(np.count_nonzero(usable)), order, flux_order):
        functions = basis.small if small else len(basis.pairs)
        fitted = _solved(
            normal, usable, column, row, functions=functions, orders=(shape_order, scale_order), size=(width, height)
        )
        if fitted is None:
            continue
        if best is None or fitted.criterion < best[0].criterion:
            planes = np.tensordot(fitted.coefficients, basis.images[:functions], 1)
            kernel = SpatialKernel(planes, max(shape_order, scale_order), width, height)
            best = fitted, KernelFit(kernel, fitted.used, fitted.chi2, scale_order)
    upright = best is not None and best[1].kernel.scale(np.array([width / 2]), np.array([height / 2]))[0] > 0
    if best is None or not upright or best[0].explained < _EXPLAINED:
        raise Invalid(
            "The template's stars are not those of the frame; check that it is of the same field, and both projections."
        )
    return best[1]


def _models(stamps: int, order: int | None, flux_order: int | None) -> list[tuple[bool, int, int]]:
    """Return what to try: plain description or full, order of the kernel, order of the scale."""
    tried = [
        (small, shape, scale)
        for small, shape in ((True, 0), (False, 0), (True, 1), (False, 1), (False, 2))
        if (order is None or shape == order) and not (small and stamps >= _FULL_FROM)
        for scale in ({shape, max(shape, 1)} if flux_order is None else {flux_order})
        # each term needs some stars to be told by
        if stamps >= 4 * len(exponents(max(shape, scale))) or (shape == 0 and scale == 0)
    ]
    return tried or [(True, order or 0, flux_order or 0)]


def _normal_equations(goal: Floats, wide: NDArray[np.generic], weight: Floats, basis: Basis) -> _Normal:
    n, size = goal.shape[0], goal.shape[1]
    full = wide.shape[1]
    light = wide.astype(np.float32)
    bands = np.stack([_band(line, size, full) for line in basis.lines]).astype(np.float32)
    # one large product per direction: (n rows, full) by (full, profiles x size)
    along = light.reshape(n * full, full) @ bands.transpose(2, 0, 1).reshape(full, -1)
    along = along.reshape(n, full, len(bands), size)
    functions = np.empty((n, len(basis.pairs) + 1, size * size), np.float32)
    for i in sorted({i for i, _ in basis.pairs}):
        turned = np.ascontiguousarray(along[:, :, i].transpose(0, 2, 1)).reshape(n * size, full)
        for number, (first, j) in enumerate(basis.pairs):
            if first == i:
                image = (turned @ bands[j].T).reshape(n, size, size)
                functions[:, number] = image.transpose(0, 2, 1).reshape(n, -1)
    for number in np.flatnonzero(basis.even)[1:]:
        functions[:, number] -= functions[:, 0]
    functions[:, -1] = 1.0
    w = weight.reshape(n, 1, -1).astype(np.float32)
    weighted = functions * w
    flat = goal.reshape(n, -1)
    return _Normal(
        matrix=np.matmul(weighted, functions.transpose(0, 2, 1)).astype(np.float64),
        vector=np.matmul(weighted, flat.astype(np.float32)[:, :, None])[:, :, 0].astype(np.float64),
        square=np.einsum("nk,nk->n", weight.reshape(n, -1), flat**2),
        count=np.count_nonzero(weight.reshape(n, -1), axis=1).astype(float),
    )


def _band(line: Floats, size: int, full: int) -> Floats:
    """Return the matrix (size, full) that convolves a row with a profile, keeping what is whole."""
    matrix = np.zeros((size, full))
    for k in range(size):
        matrix[k, k : k + line.size] = line[::-1]
    return matrix


@dataclass(frozen=True, slots=True)
class _Solution:
    """One model's answer."""

    coefficients: Floats  # (terms, functions)
    used: NDArray[np.bool_]
    chi2: float  # per degree of freedom
    criterion: float  # the lower, the better the model
    explained: float  # share of the bright stars' light above the noise


def _solved(
    normal: _Normal,
    usable: NDArray[np.bool_],
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    *,
    functions: int,
    orders: tuple[int, int],
    size: tuple[int, int],
) -> _Solution | None:
    """Solve with clipping of stamps."""
    shape_order, scale_order = orders
    width, height = size
    top = max(shape_order, scale_order, 1)
    powers = exponents(top)
    place_x, place_y = column.astype(float), row.astype(float)
    terms = polynomial_terms(place_x, place_y, top, width, height)
    # products of two terms are monomials of twice the order: few sums over the stamps make the whole matrix
    double = exponents(2 * top)
    products = polynomial_terms(place_x, place_y, 2 * top, width, height)
    which = np.array([[double.index((p + r, q + s)) for r, s in powers] for p, q in powers])
    index = [(0, t) for t in range(len(exponents(scale_order)))]
    index += [(f, t) for f in range(1, functions) for t in range(len(exponents(shape_order)))]
    index += [(-1, t) for t in range(3)]  # the background slopes
    f = np.array([i for i, _ in index])
    t = np.array([i for _, i in index])
    chosen = [*range(functions), -1]
    small, goal = normal.matrix[:, chosen][:, :, chosen], normal.vector[:, chosen]
    used = usable.copy()
    solution = np.zeros(f.size)
    reduced = np.zeros(used.size)
    for _ in range(_ROUNDS):
        if np.count_nonzero(used) < _FEWEST:
            return None
        sums = np.tensordot(products[used].T, small[used], 1)
        matrix = sums[which[t[:, None], t[None, :]], f[:, None], f[None, :]]
        vector = (terms[used].T @ goal[used])[t, f]
        scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
        matrix = matrix / scale[:, None] / scale[None, :]
        matrix[np.diag_indices_from(matrix)] += _RIDGE
        solution = np.linalg.solve(matrix, vector / scale) / scale
        by_term = np.zeros((terms.shape[1], functions + 1))
        by_term[t, f] = solution
        local = terms @ by_term
        chi2 = (
            normal.square - 2 * (goal * local).sum(axis=1) + ((small @ local[:, :, None])[:, :, 0] * local).sum(axis=1)
        )
        reduced = chi2 / np.maximum(normal.count, 1.0)
        typical = float(np.median(reduced[used]))
        scatter = 1.4826 * float(np.median(np.abs(reduced[used] - typical)))
        now = usable & (reduced < typical + _CLIP * max(scatter, 0.1 * typical))
        if (now == used).all():
            break
        used = now
    if np.count_nonzero(used) < _FEWEST:
        return None
    typical = max(float(np.median(reduced[used])), 1e-12)
    # stamps that one model clips and another explains must count against the first: a bounded sum over all
    total = float((np.minimum(reduced[usable], 25.0 * typical) * normal.count[usable]).sum())
    pixels = float(normal.count[usable].sum())
    criterion = pixels * np.log(total / pixels) + f.size * np.log(pixels)
    coefficients = np.zeros((len(exponents(max(shape_order, scale_order))), functions))
    for value, (i, k) in zip(solution, index, strict=True):
        if i >= 0:
            coefficients[k, i] = value
    return _Solution(coefficients, used, typical, criterion, _explained(normal, usable, reduced))


def _explained(normal: _Normal, usable: NDArray[np.bool_], reduced: Floats) -> float:
    """Return the share of the bright stars' light that a model with these residuals accounts for."""
    strong = usable & (normal.square >= np.median(normal.square[usable]))
    # what the faintest stamps leave is noise, whatever the variance says of it
    noise = max(float(np.percentile(reduced[usable], 10)), 1.0) * normal.count[strong]
    left = np.maximum(reduced[strong] * normal.count[strong] - noise, 0.0)
    light = np.maximum(normal.square[strong] - noise, 1.0)
    return float(np.median(1 - left / light))
