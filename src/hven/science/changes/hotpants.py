"""The subtraction by the program hotpants (A. Becker), where it is installed.

It is started with a list of arguments, never through a shell, on files of a scratch folder; what a user may switch
are numbers of its own options, by name. Its difference then takes hven's own noise, score and vetting.
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.errors import Invalid, Unavailable

# switches that take one number, and in which range it makes sense
SWITCHES: dict[str, tuple[float, float]] = {
    "ko": (0, 6),
    "bgo": (0, 6),
    "r": (1, 100),
    "rss": (1, 200),
    "ft": (0, 1e6),
    "sft": (0.01, 10),
    "nft": (0.01, 1),
    "nsx": (1, 200),
    "nsy": (1, 200),
    "nss": (1, 50),
    "nrx": (1, 20),
    "nry": (1, 20),
    "ssig": (0.1, 100),
    "ks": (0.1, 100),
    "kfm": (0.1, 1),
    "mins": (0.1, 20),
    "tu": (-1e9, 1e9),
    "tuk": (-1e9, 1e9),
    "tl": (-1e9, 1e9),
    "iu": (-1e9, 1e9),
    "iuk": (-1e9, 1e9),
    "il": (-1e9, 1e9),
    "okn": (0, 1),
    "fin": (-1e9, 1e9),
}
_WHOLE = {"ko", "bgo", "nsx", "nsy", "nss", "nrx", "nry"}
_SECONDS = 600


def switches(extra: Mapping[str, object]) -> list[str]:
    """Return a user's switches as arguments.

    Raises
    ------
    Invalid
        A switch is not known, or its value is no number in its range.

    """
    arguments: list[str] = []
    for name, value in extra.items():
        if name not in SWITCHES:
            raise Invalid(f"hotpants_extra takes {', '.join(SWITCHES)}, not {str(name)!r:.40}.")
        low, high = SWITCHES[name]
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high or (name in _WHOLE and number != int(number)):
            raise Invalid(f"hotpants_extra: {name} is a number between {low:g} and {high:g}, not {str(value)!r:.40}.")
        arguments += [f"-{name}", f"{int(number)}" if name in _WHOLE else f"{number:g}"]
    return arguments


@dataclass(frozen=True, slots=True)
class Input:
    """One frame for the program: arrays (height, width)."""

    data: NDArray[np.float32]  # above its background, ADU
    mask: NDArray[np.bool_]  # True where a pixel has no value
    noise: NDArray[np.float32]  # standard deviations, ADU


def hotpants(
    frame: Input, template: Input, *, scratch: Path, fwhm_px: float, extra: Mapping[str, object]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the difference and the convolved template, (height, width) float32 each, in the frame's counts.

    Parameters
    ----------
    frame, template : Input
        On one grid.
    scratch : path
        A folder for its files.
    fwhm_px : float
        Of the frame's stars.
    extra : mapping
        Switches by name, without the dash.

    Raises
    ------
    Unavailable
        The program is not installed.
    Invalid
        A switch is refused, or the program found no way to match the frames.

    """
    given = switches(extra)
    program = shutil.which("hotpants")
    if program is None:
        raise Unavailable(
            "The program hotpants is not installed on this server; set subtraction_engine to hven, or ask for it."
        )
    inputs = {
        "inim": frame.data, "tmplim": template.data, "ini": frame.noise, "tni": template.noise,
        "imi": frame.mask.astype(np.uint16), "tmi": template.mask.astype(np.uint16),
    }  # fmt: skip
    for name, plane in inputs.items():
        fits.writeto(scratch / f"hotpants_{name}.fits", plane, overwrite=True)
    outputs = [scratch / f"hotpants_{name}.fits" for name in ("outim", "oci")]
    arguments = [program]
    for name in (*inputs, "outim", "oci"):
        arguments += [f"-{name}", str(scratch / f"hotpants_{name}.fits")]
    arguments += _limits(frame, template, fwhm_px, extra)
    try:
        done = subprocess.run(
            [*arguments, "-n", "i", "-c", "t", "-v", "0", *given],
            capture_output=True, timeout=_SECONDS, check=False, cwd=scratch,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Invalid(f"hotpants did not finish within {_SECONDS} seconds.") from error
    except OSError as error:
        raise Unavailable("The program hotpants cannot be started on this server.") from error
    if done.returncode or not all(path.exists() for path in outputs):
        raise Invalid("hotpants found no way to match the template with the frame.")
    diff, matched = (np.asarray(fits.getdata(path), np.float32) for path in outputs)
    if diff.shape != frame.data.shape or matched.shape != frame.data.shape:
        raise Invalid("hotpants wrote a difference of another size.")
    return diff, matched


def _limits(frame: Input, template: Input, fwhm_px: float, extra: Mapping[str, object]) -> list[str]:
    """Return the valid ranges of both frames and the radii of kernel and stamps, where the user names none."""
    sky, other = (float(np.median(each.noise)) for each in (frame, template))
    chosen = {
        "il": -20 * sky, "tl": -20 * other, "iu": float(frame.data.max()) + 1, "tu": float(template.data.max()) + 1,
        "r": max(round(2.5 * fwhm_px), 5), "rss": max(round(4.0 * fwhm_px), 12),
    }  # fmt: skip
    arguments: list[str] = []
    for name, value in chosen.items():
        if name not in extra:
            arguments += [f"-{name}", f"{value:g}"]
    return arguments
