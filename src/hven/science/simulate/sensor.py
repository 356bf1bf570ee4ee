"""What every frame of one camera has in common: vignetting, dust, unequal pixels, dark current, hot pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit


@dataclass(frozen=True, slots=True)
class Sensor:
    """A camera behind its telescope; arrays of shape (height, width)."""

    response: NDArray[np.float64]  # share of the light that is counted, about 1 in the middle: a perfect flat
    dark_e_s: NDArray[np.float64]  # electrons per second that come without light, those of hot pixels included

    def dark_e(self, exposure_s: float) -> NDArray[np.float64]:
        """Return the electrons expected without light in an exposure, (height, width)."""
        return self.dark_e_s * exposure_s


def draw_sensor(
    width: int,
    height: int,
    *,
    vignetting: float,
    dust: int,
    uneven: float,
    dark_e_s: float,
    hot_pixels: int,
    seed: int | tuple[int, ...],
) -> Sensor:
    """Draw a camera; the same arguments give the same one.

    Parameters
    ----------
    width, height
        Pixels.
    vignetting
        Light lost in the corners, as a fraction.
    dust
        Number of specks on the window before the sensor. Out of focus, each throws the telescope's pupil as its shadow:
        a ring.
    uneven
        Scatter of the pixels' sensitivities, as a fraction.
    dark_e_s
        Dark current of an ordinary pixel, electrons per second; single pixels scatter by a tenth around it.
    hot_pixels
        Pixels with a hundred times that and more.
    seed
        Of the drawing.
    """
    rng = np.random.default_rng(seed)
    v, u = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    response = 1 - vignetting * (u**2 + v**2) / 2
    rows, columns = np.indices((height, width))
    size = max(width, height)
    for _ in range(dust):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        radius, depth = rng.uniform(0.02, 0.045) * size, rng.uniform(0.03, 0.08)
        away = np.hypot(columns - x, rows - y) / radius
        response = response * (1 - depth * _ring(away))
    response = response * (1 + uneven * rng.standard_normal((height, width)))
    dark = dark_e_s * np.maximum(1 + 0.1 * rng.standard_normal((height, width)), 0)
    hot = rng.integers(0, height, hot_pixels), rng.integers(0, width, hot_pixels)
    dark[hot] += 300 * dark_e_s * rng.lognormal(0.0, 1.0, hot_pixels)
    return Sensor(np.clip(response, 0, None), dark)


def _ring(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the depth of a ring's shadow, 0 to 1, by the distance from its middle in radii; its edges are soft."""
    return np.asarray(expit((1 - away) / 0.06) - 0.9 * expit((0.4 - away) / 0.06))
