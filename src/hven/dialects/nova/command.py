"""The solve-field command that asks what a run asked: for people who compare the two."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

_NUMBERS = {
    "ra": "--ra",
    "dec": "--dec",
    "radius": "--radius",
    "positional_error": "--pixel-error",
    "bin_by": "--downsample",
    "list_width": "--width",
    "list_height": "--height",
}


def solve_field(config: Mapping[str, Any], name: str) -> str:
    """Return the command for a run's configuration (hven's keys) and the name of its file.

    solve-field calls a negative determinant of the projection the positive parity, and tweaks to order 2 unless told.
    """
    words = ["solve-field"]
    for low, high, units in (("scale_low", "scale_high", "arcsecperpix"), ("width_low", "width_high", "degwidth")):
        if low in config or high in config:
            words += ["--scale-units", units]
            words += ["--scale-low", f"{config[low]:g}"] if low in config else []
            words += ["--scale-high", f"{config[high]:g}"] if high in config else []
            break
    position = "ra" in config and "dec" in config
    for key, option in _NUMBERS.items():
        if config.get(key) is not None and (position or key not in {"ra", "dec", "radius"}):
            words += [option, f"{config[key]:g}"]
    if config.get("parity") is not None:
        words += ["--parity", "neg" if config["parity"] > 0 else "pos"]
    order = config.get("sip_order")
    if order is not None:
        words += ["--no-tweak"] if order == 0 else ["--tweak-order", str(order)]
    words += ["--use-source-extractor"] if config.get("segmentation") else []
    words += ["--invert"] if config.get("invert") else []
    return shlex.join([*words, "--crpix-center", name or "frame"])
