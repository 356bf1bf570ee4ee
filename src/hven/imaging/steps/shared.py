"""Configuration keys that several steps read. Angles in degrees, brightness in ADU unless the unit says otherwise."""

from __future__ import annotations

from hven.imaging.steps.registry import Key

TIME = Key("time", "text", "The middle of the exposure, UTC; by default what the header says.")
GAIN = Key(
    "gain", "float", "Electrons for one ADU; by default what the header says, else 1.", "e-/ADU", low=0, high=1e30
)
SATURATION = Key(
    "saturation", "float", "The level from which pixels are full; by default what the header or the frame says.", "ADU",
    low=-1e30, high=1e30,
)  # fmt: skip
FILTER = Key("filter", "text", "The filter; by default what the header says, else r.")
BACKGROUND_SIZE = Key(
    "bg_size",
    "int",
    "The side of the background's mesh cells; by default 256, less for small frames.",
    "px",
    low=4,
    high=8192,
)
CATALOGUE = Key("cat_name", "text", "The reference catalogue; by default one that has the filter and covers the field.")
SN = Key(
    "sn", "float", "The signal-to-noise ratio from which sources are kept, and of limits.", "", 5.0, low=0.1, high=1e4
)
APERTURE = Key(
    "initial_aper",
    "float",
    "The first aperture's radius, before the width of stars is known.",
    "px",
    3.0,
    low=0.5,
    high=200,
)
LEAST_AREA = Key("minarea", "int", "The least area of a source.", "px", 5, low=1, high=10_000)
RELATIVE_APERTURE = Key("rel_aper", "float", "The radius of the aperture.", "FWHM", 1.0, low=0.1, high=20)
RELATIVE_INNER = Key("rel_bg1", "float", "The inner radius of the sky's annulus.", "FWHM", 5.0, low=0.5, high=100)
RELATIVE_OUTER = Key("rel_bg2", "float", "The outer radius of the sky's annulus.", "FWHM", 7.0, low=0.5, high=100)
CENTROID_TARGETS = Key("centroid_targets", "bool", "Whether targets are measured where their light is centred.",
                       default=False)  # fmt: skip
CUTOUT_SIZE = Key(
    "cutout_size", "int", "Half the side of cutouts: they have 2 n + 1 pixels.", "px", 30, low=3, high=500
)
TIMING = Key("timing", "bool", "Whether the log says how long each part took.", default=False)
