"""Nova's submission arguments in hven's own words: pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hven.errors import Invalid

# What stays out of the kept arguments: the session is a secret, the lists are kept as the file they make.
_NOT_KEPT = {"session", "apikey", "x", "y", "lists"}
# Clients may send anything as a value, lists too, so membership is asked of tuples: sets would hash it.
_LONGEST_KEPT = 500  # characters of a value of an unknown key
_MOST_SOURCES = 100_000
_MOST_BINNED = 64
_LONGEST_PLANE = 80
_YES_NO = {"d": "", "y": "yes", "n": "no"}
_SHARE_ALIKE = {"sa": "share alike"}


def kept(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the client sent, without secrets and without what is kept as a file."""
    return {
        _text(name)[:100]: _text(value)[:_LONGEST_KEPT] if isinstance(value, str) else value
        for name, value in found.items()
        if name not in _NOT_KEPT and isinstance(value, str | int | float) and math.isfinite(_float(value))
    }


def visibility(found: Mapping[str, Any]) -> str | None:
    """Return hven's visibility for "publicly_visible", None where nothing is said."""
    said = found.get("publicly_visible")
    if said in (None, ""):
        return None
    if said not in ("y", "n"):
        raise Invalid('publicly_visible is "y" or "n".')
    return "public" if said == "y" else "private"


def solve_config(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run for nova's arguments.

    Raises
    ------
    Invalid
        A value is of the wrong type or makes no sense; the sentence names the argument.
    """
    config: dict[str, Any] = _scale(found) | _position(found) | _detection(found)
    parity = _whole(found, "parity")
    if parity is not None:
        if parity not in {0, 1, 2}:
            raise Invalid("parity is 0, 1 or 2.")
        # The service does the reverse of what its document says: 0 finds frames whose answer has parity -1.
        if parity != 2:
            config["parity"] = -1 if parity == 0 else 1
    order = _whole(found, "tweak_order")
    if order is not None:
        if not 0 <= order <= 9:
            raise Invalid("tweak_order lies between 0 (no distortion) and 9.")
        config["sip_order"] = order
    error = _number(found, "positional_error")
    if error is not None:
        if error <= 0:
            raise Invalid("positional_error is a number of pixels above 0.")
        config["positional_error"] = min(error, 50.0)
    # Of a list that comes as a file; a frame has its own size.
    sizes = zip(("list_width", "list_height"), frame_size(found), strict=True)
    return config | {name: size for name, size in sizes if size is not None}


def album(found: Mapping[str, Any]) -> str:
    """Return the title of the album that files go into, empty where none is named."""
    title = found.get("album")
    if title is None or title == "":
        return ""
    if not isinstance(title, str):
        raise Invalid(f"album takes a title, not {_shown(title)}.")
    return _text(title).strip()


def licence(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return hven's words for "allow_commercial_use" and "allow_modifications"."""
    said = []
    for name, words in (("allow_commercial_use", _YES_NO), ("allow_modifications", _YES_NO | _SHARE_ALIKE)):
        value = found.get(name)
        if value is None or value == "":
            value = "d"
        if not isinstance(value, str) or value not in words:
            raise Invalid(f"{name} is {', '.join(words)}; not {_shown(value)}.")
        said.append(words[value])
    return said[0], said[1]


def batch(found: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the arguments of each of several lists of sources ("lists"), or None where a call brings no batch.

    What a list does not say holds as the call itself says it.

    Raises
    ------
    Invalid
        It is no list of objects.
    """
    lists = found.get("lists")
    if lists is None:
        return None
    if not isinstance(lists, list) or not lists or not all(isinstance(one, dict) for one in lists):
        raise Invalid('lists takes a list of objects such as {"x": [1, 2], "y": [3, 4]}.')
    shared = {name: value for name, value in found.items() if name not in {"lists", "x", "y", "session"}}
    return [{**shared, **one} for one in lists]


def source_lists(found: Mapping[str, Any]) -> tuple[list[float], list[float]] | None:
    """Return the lists "x" and "y" (1-based pixels, brightest first), or None where there are none.

    Raises
    ------
    Invalid
        They are no lists of numbers, or of unequal length.
    """
    if found.get("x") is None and found.get("y") is None:
        return None
    x, y = _list(found, "x"), _list(found, "y")
    if len(x) != len(y):
        raise Invalid(f"The lists x and y have unequal lengths: {len(x)} and {len(y)}.")
    if not x:
        raise Invalid("The lists x and y are empty.")
    return x, y


def frame_size(found: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return "image_width" and "image_height", which belong to source lists; 0 says nothing."""
    sizes = []
    for name in ("image_width", "image_height"):
        size = _whole(found, name)
        if size is not None and not 0 <= size <= 1_000_000:
            raise Invalid(f"{name} is a number of pixels between 1 and 1,000,000.")
        sizes.append(size or None)
    return sizes[0], sizes[1]


def _detection(found: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    factor = _number(found, "downsample_factor")
    if factor:  # the service drops a 0
        if not 1 <= factor <= _MOST_BINNED:
            raise Invalid(f"downsample_factor lies between 1 and {_MOST_BINNED}.")
        config["bin_by"] = round(factor)
    for name, key in (("use_sextractor", "segmentation"), ("invert", "invert")):
        if _switch(found, name):
            config[key] = True
    _switch(found, "crpix_center")  # the reference pixel always is the centre
    plane = found.get("plane")
    if plane is not None and plane != "":
        if isinstance(plane, bool) or not isinstance(plane, str | int) or len(_text(str(plane))) > _LONGEST_PLANE:
            raise Invalid(f'plane takes a number or a name, such as 2 or "SCI:1", not {_shown(plane)}.')
        config["plane"] = _text(str(plane)).strip()
    return config


def _switch(found: Mapping[str, Any], name: str) -> bool:
    """Return a switch. The service takes any text for true; here the words for "no" are believed."""
    value = found.get(name)
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "n", "no", "f", "false", "off", "none", "null"}
    if value is None or isinstance(value, bool | int | float):
        return bool(value)
    raise Invalid(f"{name} takes true or false, not {_shown(value)}.")


def _scale(found: Mapping[str, Any]) -> dict[str, float]:
    units, kind = found.get("scale_units", "degwidth"), found.get("scale_type", "ul")
    if kind not in ("ul", "ev"):
        raise Invalid('scale_type is "ul" (lower and upper) or "ev" (estimate and error).')
    if kind == "ev":
        estimate, error = _number(found, "scale_est"), _number(found, "scale_err")
        if not estimate:
            return {}
        error = 20.0 if error is None else abs(error)
        low, high = estimate * (1 - min(error, 99.9) / 100), estimate * (1 + error / 100)
    else:
        low, high = _number(found, "scale_lower") or 0.0, _number(found, "scale_upper") or 0.0
    if low < 0 or high < 0:
        raise Invalid("The bounds of the scale are numbers above 0.")
    if low and high and low > high:
        raise Invalid(f"scale_lower ({low:g}) is larger than scale_upper ({high:g}).")
    return _bounds(units, low, high)


def _bounds(units: Any, low: float, high: float) -> dict[str, float]:
    """Return the bounds in hven's keys: arcseconds per pixel, or the frame's width in degrees."""
    if units == "arcsecperpix":
        pair = {"scale_low": low, "scale_high": high}
    elif units in ("degwidth", "arcminwidth"):
        factor = 60.0 if units == "arcminwidth" else 1.0
        pair = {"width_low": low / factor, "width_high": high / factor}
    elif units == "focalmm":
        # The focal length of a 36 mm wide film with the same field; the longer lens has the narrower one.
        widths = [2 * math.degrees(math.atan(18.0 / f)) if f else 0.0 for f in (high, low)]
        pair = {"width_low": widths[0], "width_high": widths[1]}
    else:
        raise Invalid('scale_units is "degwidth", "arcminwidth", "arcsecperpix" or "focalmm".')
    found = {name: value for name, value in pair.items() if value > 0}
    # Bounds beyond all frames bound nothing from outside; from inside they leave no frame at all.
    smallest, largest = (1e-4, 1e5) if units == "arcsecperpix" else (1e-4, 360.0)
    for name, value in list(found.items()):
        if not smallest <= value <= largest:
            if name.endswith("low") == (value > largest):
                raise Invalid(f"The scale cannot be {value:g} {'arcsec/px' if units == 'arcsecperpix' else 'degrees'}.")
            del found[name]
    return found


def _position(found: Mapping[str, Any]) -> dict[str, float]:
    ra, dec, radius = (_number(found, name) for name in ("center_ra", "center_dec", "radius"))
    if ra is None or dec is None:
        return {}
    if not -90 <= dec <= 90:
        raise Invalid("center_dec lies between -90 and 90 degrees.")
    if radius is not None and not 0 < radius <= 180:
        raise Invalid("radius lies between 0 and 180 degrees.")
    # 0 is a position like any other; without a radius the position is a first guess.
    return {"ra": ra % 360.0, "dec": dec, "radius": 10.0 if radius is None else radius}


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise Invalid(f"{name} takes a number, not {_shown(value)}.")
    return number


def _whole(found: Mapping[str, Any], name: str) -> int | None:
    number = _number(found, name)
    if number is None:
        return None
    if number != int(number):
        raise Invalid(f"{name} takes a whole number, not {_shown(found[name])}.")
    return int(number)


def _list(found: Mapping[str, Any], name: str) -> list[float]:
    values = found.get(name)
    if not isinstance(values, list):
        raise Invalid(f"{name} takes a list of numbers.")
    if len(values) > _MOST_SOURCES:
        raise Invalid(f"{name} has more than {_MOST_SOURCES} entries.")
    numbers = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
            raise Invalid(f"{name} takes a list of numbers, not {_shown(value)}.")
        numbers.append(float(value))
    return numbers


def _float(value: float | str) -> float:
    """Return a number as such; text, which is none, as 0."""
    try:
        return 0.0 if isinstance(value, str) else float(value)
    except OverflowError:
        return math.inf


def _text(value: str) -> str:
    """Return text as databases take it: without NUL and halves of characters."""
    return value.encode("utf-8", "replace").decode().replace("\0", "")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
