"""Template images for a frame: from this machine's own store, then from the survey that was named.

What comes lies on the frame's own grid, distortion included. Templates of this machine are FITS frames with a
projection, kept whole in a folder each, found by where they lie and by filter. A survey's images are asked for and
kept on the disk. The log says which was used.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from hven.errors import Conflict, HvenError, Invalid, NotFound, Unavailable
from hven.imaging.services import outside
from hven.imaging.services.catalogues import check_name
from hven.imaging.services.template_grid import aligned, coverage
from hven.outside import hips
from hven.outside.surveys import ARCHIVES, ZERO_POINT, SurveyImage, read_image
from hven.science.catalogues.photometric.filters import normalise
from hven.science.catalogues.photometric.known import TEMPLATES, KnownTemplate, survey_filter, templates_for
from hven.science.sky.wcs import Wcs
from hven.storage import services as storage

Log = Callable[[str], None]
Tell = Callable[[float, str], None]
AUTO, CUSTOM = "auto", "custom"
_IMAGE, _WORDS, _WORK_PREFIX = "template.fits", "template.json", ".adding-"
_ENOUGH, _MOST, _ANY = 0.98, 0.5, 0.05  # shares of a frame: as good as all; better than a survey; of any use
_EDGE = 24  # pixels more on each side, asked of surveys, so that a distorted frame's corners are filled


@dataclass(frozen=True, slots=True)
class Template:
    """A template on a frame's grid."""

    data: NDArray[np.float32]  # (height, width), flux by pixel of the frame; 0 where masked
    mask: NDArray[np.bool_]  # true where there is no good pixel
    filter: str  # key of the filter that it was taken in
    source: str  # in words
    fwhm_arcsec: float | None  # of its stars, where known
    zero_point_mag: float | None  # AB magnitude of one unit of flux, where known

    @property
    def covered(self) -> float:
        """The share of the frame with good pixels."""
        return float(1 - self.mask.mean())


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A template frame of this machine."""

    name: str
    filter: str  # a key, or empty where not known
    fwhm_arcsec: float | None
    ra: float  # of its middle, ICRS degrees
    dec: float
    width_deg: float
    height_deg: float
    scale_arcsec: float
    source: str
    added: str  # UTC, ISO 8601
    bytes: int


def _tell_nobody(_fraction: float, _words: str) -> None:
    pass


# --- asking -------------------------------------------------------------------------------------------------------


def template_for(wcs: Wcs, filter_name: str, source: str = AUTO, *, log: Log, tell: Tell = _tell_nobody) -> Template:
    """Return a template for a frame.

    Parameters
    ----------
    wcs
        The frame's projection; gnomonic.
    filter_name
        The frame's filter, a key of `filters.FILTERS` or another way to write it.
    source
        ``auto``, the key of a survey (`known.TEMPLATES`), ``custom`` for this machine's store alone, or the name of a
        template in it.
    log
        Told one sentence for each source that was asked, and which was used.
    tell
        Told how far it is.

    Raises
    ------
    Invalid
        There is no such source, or the frame's projection is a fisheye's.
    Unavailable
        Nobody has a template; the sentence says why each did not.
    """
    if wcs.radial is not None:
        raise Invalid("Templates are made for gnomonic projections; this frame has a fisheye's.")
    key = normalise(filter_name) or filter_name
    if source not in {AUTO, *TEMPLATES}:
        stored = stored_template(source)
        return _from_store(stored, wcs, log)
    reasons: list[str] = []
    for attempt in _attempts(wcs, key, source, log, tell):
        try:
            return attempt()
        except (HvenError, OSError) as error:
            log(str(error))
            reasons.append(str(error))
    raise Unavailable(f"There is no template for this frame. {' '.join(dict.fromkeys(reasons))}")


def _attempts(wcs: Wcs, key: str, source: str, log: Log, tell: Tell) -> Iterator[Callable[[], Template]]:
    yield lambda: _best_stored(wcs, key, _ANY if source == CUSTOM else _MOST, log)
    if source == CUSTOM:
        return
    names = templates_for(key, wcs.centre[1]) if source == AUTO else (source,)
    for number, name in enumerate(names):
        tell(0.1 + 0.8 * number / len(names), f"Asking for a template of {TEMPLATES[name].name}")
        yield partial(_from_survey, TEMPLATES[name], wcs, key, log)


def _best_stored(wcs: Wcs, key: str, least: float, log: Log) -> Template:
    fitting = []
    for stored in stored_templates():
        if stored.filter in {"", key, survey_filter(key)} and (share := _coverage_of(stored, wcs)) > least:
            right = (stored.filter == key, stored.filter != "")
            fitting.append(((round(min(share, _ENOUGH), 1), right, -(stored.fwhm_arcsec or math.inf)), stored))
    if not fitting:
        how = "covers this frame" if least == _ANY else "covers most of this frame"
        raise NotFound(f"No template on this machine {how} in {key}.")
    return _from_store(max(fitting, key=lambda pair: pair[0])[1], wcs, log)


def _coverage_of(stored: StoredTemplate, wcs: Wcs) -> float:
    try:
        return coverage(_wcs_of(folder() / stored.name), wcs)
    except (OSError, ValueError, NotFound):
        return 0.0  # removed meanwhile


def _from_store(stored: StoredTemplate, wcs: Wcs, log: Log) -> Template:
    try:
        data, _, own = read_image(folder() / stored.name / _IMAGE, f"the template {stored.name}")
    except Invalid as error:
        raise NotFound(f"The template {stored.name} was removed, or is damaged; add it again.") from error
    image = SurveyImage(data.astype(np.float32), ~np.isfinite(data), own, stored.name)
    flux, mask = aligned([image], wcs)
    words = f"the template {stored.name} on this machine"
    found = Template(flux, mask, stored.filter, words, stored.fwhm_arcsec, None)
    _check_covered(found)
    log(f"Template: {words}, which covers {100 * found.covered:.0f} % of the frame.")
    return found


def _from_survey(survey: KnownTemplate, wcs: Wcs, key: str, log: Log) -> Template:
    band = survey_filter(key)
    if band not in survey.sources:
        raise NotFound(f"{survey.name} has no images in {band}; it has {', '.join(survey.filters)}.")
    if not survey.covers(wcs.centre[1]):
        raise NotFound(f"{survey.name} does not reach declination {wcs.centre[1]:.1f}.")
    if band != key:
        log(f"{survey.name} has no {key}; {band} stands in.")
    cache = outside.cache("templates")
    zero_point: float | None = None
    if survey.own_archive:
        images = ARCHIVES[survey.key].template(band, wcs, outside.asking(), cache, log)
        flux, mask = aligned(images, wcs)
        zero_point = ZERO_POINT
    else:
        flux, mask = aligned([_hips_image(survey.sources[band], wcs)], wcs)
    found = Template(flux, mask, band, survey.name, None, zero_point)
    _check_covered(found)
    log(f"Template: {survey.name} in {band}, which covers {100 * found.covered:.0f} % of the frame.")
    return found


def _hips_image(name: str, wcs: Wcs) -> SurveyImage:
    grid = _padded(wcs.linear())
    cache = outside.cache("templates")
    shape = json.dumps({k: v if isinstance(v, str) else round(v, 9) for k, v in grid.to_cards().items()})
    path = cache.path("hips", name, shape, suffix=".fits")
    kept = cache.get(path) or cache.put(path, lambda target: hips.cut(name, grid, target, outside.asking()))
    try:
        data, _, own = read_image(kept, name)
    except Invalid:
        path.unlink(missing_ok=True)  # a page of error is no image, and must not be kept
        raise
    return SurveyImage(data.astype(np.float32), ~np.isfinite(data), own, name)


def _padded(wcs: Wcs) -> Wcs:
    crpix = wcs.crpix[0] + _EDGE, wcs.crpix[1] + _EDGE
    return replace(wcs, crpix=crpix, width=wcs.width + 2 * _EDGE, height=wcs.height + 2 * _EDGE)


def _check_covered(found: Template) -> None:
    if found.covered < _ANY:
        raise NotFound(f"{found.source[0].upper() + found.source[1:]} covers too little of this frame.")


# --- the templates of this machine ------------------------------------------------------------------------------------


def folder() -> Path:
    """Return where the templates of this machine lie; all users of the server share them."""
    place: Path = settings.HVEN_FOLDERS.data / "templates"
    return place


def stored_templates() -> list[StoredTemplate]:
    """Return the templates of this machine, by name."""
    found = []
    for path in sorted(folder().glob(f"*/{_WORDS}")):
        if not path.parent.name.startswith("."):
            try:
                found.append(_read(path.parent))
            except NotFound:
                continue
    return found


def stored_template(name: str) -> StoredTemplate:
    """Return a template of this machine by its name.

    Raises
    ------
    Invalid
        There is none; the sentence says what can be asked for.
    """
    try:
        return _read(folder() / check_name(name))
    except NotFound as error:
        own = [stored.name for stored in stored_templates()]
        raise Invalid(
            f"There is no template {name[:60]}; ask for {AUTO}, {', '.join([*TEMPLATES, *own])}. "
            "`hven template add` brings one of your own."
        ) from error


def add_template(
    path: Path, *, name: str = "", filter_name: str = "", fwhm_arcsec: float | None = None
) -> StoredTemplate:
    """Bring a template frame onto this machine; it is there whole or not at all.

    Parameters
    ----------
    path
        A FITS file with an image and a gnomonic projection.
    name
        By default the file's without its ending.
    filter_name
        By default what the header says; without one it serves every filter.
    fwhm_arcsec
        Of its stars, where known.

    Raises
    ------
    Invalid
        It is no such file, the name cannot be one, or hven knows no such filter.
    Conflict
        There is a template of that name.
    Unavailable
        The disk is full.
    """
    if not path.is_file():
        raise Invalid(f"There is no file {path.name}.")
    name = check_name(name or path.name.split(".")[0])
    if name in {AUTO, *TEMPLATES}:
        raise Invalid(f"{name} is the name of a survey; choose another.")
    if fwhm_arcsec is not None and not 0 < fwhm_arcsec < 3600:
        raise Invalid("The width of stars is a number of arcseconds above zero.")
    data, cards, wcs = read_image(path, path.name)
    key = _filter_of(cards, filter_name)
    place = folder() / name
    if place.exists():
        raise Conflict(f"There is a template {name} already; remove it first, or choose another name.")
    storage.check_room(path.stat().st_size)
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=folder()))
    ra, dec = wcs.centre
    try:
        shutil.copyfile(path, work / _IMAGE)
        stored = StoredTemplate(
            name=name,
            filter=key,
            fwhm_arcsec=fwhm_arcsec,
            ra=round(ra, 6),
            dec=round(dec, 6),
            width_deg=wcs.width * wcs.scale_arcsec / 3600,
            height_deg=wcs.height * wcs.scale_arcsec / 3600,
            scale_arcsec=wcs.scale_arcsec,
            source=path.name,
            added=datetime.now(UTC).replace(microsecond=0).isoformat(),
            bytes=(work / _IMAGE).stat().st_size,
        )
        shape = {"width": data.shape[1], "height": data.shape[0]}
        (work / _WORDS).write_text(json.dumps({"stored": asdict(stored), "wcs": wcs.to_cards(), **shape}, indent=1))
        try:
            work.rename(place)
        except OSError as error:
            raise Conflict(f"Somebody else has added a template {name} meanwhile.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return stored


def remove_template(name: str) -> StoredTemplate:
    """Remove a template of this machine; who has it open reads on."""
    stored = _read(folder() / check_name(name))
    gone = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=folder()))
    try:
        (folder() / name).rename(gone / name)
    finally:
        shutil.rmtree(gone, ignore_errors=True)
    return stored


def _filter_of(cards: dict[str, Any], given: str) -> str:
    if given:
        key = normalise(given)
        if key is None:
            raise Invalid(f"hven knows no filter {given[:40]}.")
        return key
    for card in ("FILTER", "FILTERS", "CAMFILT", "FILTNAM"):
        if (key := normalise(str(cards.get(card, "")))) is not None:
            return key
    return ""


def _read(place: Path) -> StoredTemplate:
    try:
        return StoredTemplate(**json.loads((place / _WORDS).read_text())["stored"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(f"There is no template {place.name} on this machine.") from error


def _wcs_of(place: Path) -> Wcs:
    words = json.loads((place / _WORDS).read_text())
    wcs = Wcs.from_cards(words["wcs"], words["width"], words["height"])
    if wcs is None:
        raise NotFound(f"The template {place.name} is damaged; add it again.")
    return wcs
