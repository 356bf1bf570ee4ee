"""The reference catalogues and the surveys of templates that hven knows by name, and what each covers.

Identifiers of VizieR, HiPS and archives are those of the services; see docs/catalogues.md. Where a catalogue comes
with magnitudes of one system, `family` names it, so that others can be derived (`transformations`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class KnownCatalogue:
    """A public catalogue of photometric reference stars."""

    key: str
    name: str
    filters: tuple[str, ...]  # keys, those by transformation included
    limit_column: str  # VizieR's name of the magnitude that a limit refers to
    limit_filter: str  # the same magnitude by the key of its filter
    vizier: str
    columns: Mapping[str, str]  # VizieR's names by the key of the filter, of what it has itself
    family: str  # whose magnitudes they are: ps1, gaia, sdss, skymapper, synthetic, 2mass
    south: float = -90.0  # declinations between which it covers the sky, degrees
    north: float = 90.0
    epoch: float = 2000.0  # Julian year of its positions
    licence: str = "See the catalogue's page at VizieR."

    def covers(self, dec: float) -> bool:
        """Say whether a declination lies within the survey."""
        return self.south <= dec <= self.north


def _mags(keys: str, form: str = "{}mag") -> dict[str, str]:
    return {key: form.format(key) for key in keys.split()}


_CATALOGUES = (
    KnownCatalogue(
        "gaiadr3syn", "Gaia DR3 synphot", tuple("UBVRIugrizy"), "rmag", "r", "I/360/syntphot",
        _mags("U B V R I u g r i z y"), "synthetic", epoch=2016.0, licence="CC BY-SA 3.0 IGO (ESA/Gaia/DPAC)",
    ),
    KnownCatalogue(
        "ps1", "Pan-STARRS DR1", tuple("BVRIgrizy"), "rmag", "r", "II/349/ps1", _mags("g r i z y"), "ps1",
        south=-30.0, epoch=2012.0,
    ),
    KnownCatalogue(
        "skymapper", "SkyMapper DR4", tuple("BVRIgrizy"), "rPSF", "r", "II/379/smssdr4", _mags("u g r i z", "{}PSF"),
        "skymapper", north=16.0, epoch=2016.0,
    ),
    KnownCatalogue("sdss", "SDSS DR16", tuple("ugriz"), "rmag", "r", "V/154/sdss16", _mags("u g r i z"), "sdss"),
    KnownCatalogue(
        "atlas", "ATLAS-REFCAT2", tuple("BVRIgriz"), "rmag", "r", "J/ApJ/867/105/refcat2", _mags("g r i z"), "ps1",
        epoch=2015.5,
    ),
    KnownCatalogue(
        "gaiaedr3", "Gaia eDR3", ("G", "BP", "RP"), "Gmag", "G", "I/350/gaiaedr3", _mags("G BP RP"), "gaia",
        epoch=2016.0, licence="CC BY-SA 3.0 IGO (ESA/Gaia/DPAC)",
    ),
    KnownCatalogue(
        "2mass", "2MASS PSC", ("J", "H", "Ks"), "Jmag", "J", "II/246/out", {"J": "Jmag", "H": "Hmag", "Ks": "Kmag"},
        "2mass",
    ),
    KnownCatalogue(
        "vhs", "VHS DR5", ("J", "H", "Ks"), "Jap3", "J", "II/367/vhs_dr5", _mags("J H Ks", "{}ap3"), "2mass",
        north=5.0, epoch=2012.0,
    ),
)  # fmt: skip
CATALOGUES: Mapping[str, KnownCatalogue] = MappingProxyType({one.key: one for one in _CATALOGUES})

# Asked for neighbours only, when transients are looked for; never calibrated against.
NEIGHBOURS: Mapping[str, KnownCatalogue] = MappingProxyType(
    {
        **{key: CATALOGUES[key] for key in ("gaiaedr3", "ps1", "skymapper")},
        "des": KnownCatalogue(
            "des",
            "DES DR2",
            tuple("grizy"),
            "rmag",
            "r",
            "II/371/des_dr2",
            _mags("g r i z") | {"y": "Ymag"},
            "des",
            south=-70.0,
            north=6.0,
            epoch=2016.0,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class KnownTemplate:
    """A public survey whose images serve as templates."""

    key: str
    name: str
    sources: Mapping[str, str]  # of each filter the HiPS; empty strings where the survey's own archive is asked
    own_archive: bool = False
    south: float = -90.0
    north: float = 90.0

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters that it has, in order."""
        return tuple(self.sources)

    def covers(self, dec: float) -> bool:
        """Say whether a declination lies within the survey; its edge in right ascension is not known here."""
        return self.south <= dec <= self.north


def _hips(keys: str, form: str) -> dict[str, str]:
    return {key: form.format(key) for key in keys.split()}


_TEMPLATES = (
    KnownTemplate("custom", "Custom template", {}),
    KnownTemplate("ps1", "Pan-STARRS DR2", _hips("g r i z", ""), own_archive=True, south=-30.0),
    KnownTemplate("ls", "Legacy Survey DR10", _hips("g r i z", ""), own_archive=True, north=85.0),
    KnownTemplate(
        "skymapper", "SkyMapper DR4 (HiPS)",
        {"u": "CDS/P/skymapper-U", **_hips("g r i", "CDS/P/Skymapper/DR4/{}"), "z": "CDS/P/skymapper-Z"}, north=16.0,
    ),
    KnownTemplate("des", "Dark Energy Survey DR2 (HiPS)", _hips("g r i z", "CDS/P/DES-DR2/{}"), south=-70.0, north=6.0),
    KnownTemplate("decaps", "DECaPS DR2 (HiPS)", _hips("g r i z", "CDS/P/DECaPS/DR2/{}"), north=0.0),
    KnownTemplate("ztf", "ZTF DR7 (HiPS)", _hips("g r i", "CDS/P/ZTF/DR7/{}"), south=-31.0),
    KnownTemplate(
        "2mass", "2MASS (HiPS)", {"J": "CDS/P/2MASS/J", "H": "CDS/P/2MASS/H", "Ks": "CDS/P/2MASS/K"},
    ),
)  # fmt: skip
TEMPLATES: Mapping[str, KnownTemplate] = MappingProxyType({one.key: one for one in _TEMPLATES})

SOUTHERN = -30.0  # degrees: from here southwards Pan-STARRS ends and SkyMapper takes its place


def catalogue_for(key: str, dec: float | None) -> str:
    """Return the catalogue that calibrates a filter best at a declination (None: not known), where nobody named one."""
    south = 0.0 if dec is None else dec
    if key in {"U", "B", "V", "R", "I"}:
        return "gaiadr3syn"
    if key in {"G", "BP", "RP"}:
        return "gaiaedr3"
    if key in {"J", "H", "Ks"}:
        return "vhs" if south < 0 else "2mass"
    return "skymapper" if south < SOUTHERN else "ps1"


def templates_for(key: str, dec: float) -> tuple[str, ...]:
    """Return the surveys to ask for a template of a filter at a declination, in order, where nobody named one.

    The Legacy Survey is asked after Pan-STARRS and knows itself where it ends.
    """
    if key in {"J", "H", "Ks"}:
        return ("2mass",)
    order = ("ls", "skymapper", "ps1") if dec < SOUTHERN else ("ps1", "ls")
    band = survey_filter(key)
    return tuple(name for name in order if band in TEMPLATES[name].sources and TEMPLATES[name].covers(dec)) or ("ps1",)


def survey_filter(key: str) -> str:
    """Return the survey filter whose images stand in best for a filter's, itself where surveys have it."""
    return {"U": "u", "B": "g", "V": "g", "R": "r", "I": "i", "G": "r", "BP": "g", "RP": "i", "y": "z"}.get(key, key)


def reference_answers() -> dict[str, dict[str, dict[str, object]]]:
    """Return filters, catalogues and templates as plain objects by name, in their order, for whoever lists them."""
    from hven.science.catalogues.photometric.filters import FILTERS  # noqa: PLC0415 - filters know nothing of this

    templates: dict[str, dict[str, object]] = {}
    for one in TEMPLATES.values():
        templates[one.key] = {"name": one.name}
        if one.own_archive:
            templates[one.key]["filters"] = list(one.filters)
        elif one.sources:
            templates[one.key]["filters"] = dict(one.sources)
    return {
        "filters": {one.key: {"name": one.name, "aliases": list(one.aliases)} for one in FILTERS.values()},
        "catalogs": {
            one.key: {"name": one.name, "filters": list(one.filters), "limit": one.limit_column}
            for one in CATALOGUES.values()
        },
        "templates": templates,
    }
