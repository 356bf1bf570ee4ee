"""What a list is asked for: the words of the search box and the fields of its panel, understood as one search."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import Dataset
from hven.errors import Unavailable
from hven.imaging.services.search import ORDERS, Cone, Wanted
from hven.web.positions import find_place, read_position
from hven.web.private import tells_place

STATES = {"queued": "queued", "running": "running", "solved": "done", "no solution": "no solution",
          "failed": "failed", "cancelled": "cancelled"}  # fmt: skip
LOOKS = ("grid", "table", "map")
LONGEST = 200  # letters of one field
PART = re.compile(r'(?:([A-Za-z][A-Za-z0-9_-]{0,19})([:=]))?"([^"]*)"|(\S+)')
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,19})(=|:)(.+)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DAYS = re.compile(rf"({_DAY.pattern})(?:\.\.({_DAY.pattern}))?")
_DATES = {"from", "since", "to", "until", "date", "on"}
_FIELDS = ("tag", "album", "near", "radius", "from", "to", "keyword", "value")


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that was asked for, in words, with the rest of the address without it."""

    words: str
    without: dict[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a list says."""

    text: str = ""
    state: str = ""
    solved: str = ""  # yes or no
    whose: str = "mine"  # or "all" that the actor may see
    order: str = "newest"
    look: str = ""  # one of LOOKS; empty: as last time
    fields: dict[str, str] = field(default_factory=dict)  # of the panel, by _FIELDS

    @classmethod
    def of(cls, query: Any) -> Asked:
        """Read the address; what makes no sense counts as not said."""

        def said(name: str) -> str:
            return str(query.get(name, "")).strip().replace("\0", "")[:LONGEST]

        return cls(
            text=said("q"),
            state=said("state") if said("state") in STATES else "",
            solved=said("solved") if said("solved") in {"yes", "no"} else "",
            whose="all" if said("whose") == "all" else "mine",
            order=said("order") if said("order") in ORDERS else "newest",
            look=said("look") if said("look") in LOOKS else "",
            fields={name: said(name) for name in _FIELDS if said(name)},
        )

    @property
    def address(self) -> dict[str, str]:
        """What an address says for this, without the look and the page."""
        found = {"q": self.text, "state": self.state, "solved": self.solved, **self.fields}
        found["whose"] = "all" if self.whose == "all" else ""
        found["order"] = self.order if self.order != "newest" else ""
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Understood:
    """What was asked for, as a search; `nothing` where nothing can fit."""

    wanted: Wanted
    chips: tuple[Chip, ...] = ()
    notes: tuple[str, ...] = ()  # sentences on what was not understood
    nothing: bool = False
    narrowed: bool = False


def understand(actor: Actor, asked: Asked, base: Wanted) -> Understood:
    """Return the search for what was asked, within a base such as "mine" or "public"."""
    reader = _Reader(actor, asked, replace(base, order=asked.order))
    reader.read_text()
    reader.read_panel()
    return Understood(
        reader.wanted,
        tuple(reader.chips),
        tuple(reader.notes),
        nothing=reader.nothing,
        narrowed=bool(reader.chips or reader.notes or asked.whose == "all"),
    )


class _Reader:
    """Collects the search part by part."""

    def __init__(self, actor: Actor, asked: Asked, wanted: Wanted) -> None:
        self.actor, self.asked, self.wanted = actor, asked, wanted
        self.chips: list[Chip] = []
        self.notes: list[str] = []
        self.nothing = False
        self.without: dict[str, str] = {}  # the address without what is being read

    def read_text(self) -> None:
        """Read the search box: parts with a name, then what is left over as one text or place."""
        parts = [part_of(found) for found in PART.finditer(self.asked.text)]
        if read_position(self.asked.text):
            parts = [("", "", self.asked.text)]
        free = [index for index, (name, _, _) in enumerate(parts) if not name]
        radius = ""
        for index, (name, mark, value) in enumerate(parts):
            if name.lower() in {"r", "radius"}:
                radius = value
            elif name:
                self.without = self._text_of(parts, {index})
                self._named(name, mark, value)
        left = " ".join(parts[index][2] for index in free)
        self.without = self._text_of([part for part in parts if part[0].lower() not in {"r", "radius"}], set(), free)
        span = DAYS.fullmatch(left)
        if span:
            self._taken(span[1], span[2] or span[1])
        elif left:
            self._free(left, radius)

    def read_panel(self) -> None:
        """Read the fields beside the box."""
        said = self.asked.fields
        whole = self.asked.address
        if self.asked.state:
            self.without = _less(whole, "state")
            self._named("state", ":", self.asked.state)
        if self.asked.solved:
            self.without = _less(whole, "solved")
            self.wanted = replace(self.wanted, solved=self.asked.solved == "yes")
            self._chip("solved" if self.asked.solved == "yes" else "not solved")
        if tag := said.get("tag"):
            self.without = _less(whole, "tag")
            self._named("tag", ":", tag)
        if album := said.get("album"):
            self.without = _less(whole, "album")
            self._album(album)
        if near := said.get("near"):
            self.without = _less(whole, "near", "radius")
            self._near(near, said.get("radius", ""))
        if said.get("from") or said.get("to"):
            self.without = _less(whole, "from", "to")
            self._taken(said.get("from", ""), said.get("to", ""))
        if keyword := said.get("keyword"):
            self.without = _less(whole, "keyword", "value")
            self._named(keyword, "=", said.get("value", ""))

    def _named(self, name: str, mark: str, value: str) -> None:
        kind = name.lower()
        if kind in {"tag", "name", "album", "dataset", "state"} or (mark == ":" and kind in {"near", *_DATES}):
            getattr(self, f"_{'date' if kind in _DATES else kind}")(*((kind, value) if kind in _DATES else (value,)))
        elif mark == "=":
            self._header(name, value)
        else:
            self._free(f"{name}:{value}", "")

    def _tag(self, text: str) -> None:
        if self.wanted.tag:
            self.notes.append(f"One tag at a time: “{text}” was left out.")
            return
        self.wanted = replace(self.wanted, tag=text)
        self._chip(f"tag {text}")

    def _name(self, text: str) -> None:
        self.wanted = replace(self.wanted, name=text)
        self._chip(f"name {text}")

    def _state(self, word: str) -> None:
        if word not in STATES:
            self.notes.append(f"There is no state “{word}”: {', '.join(STATES)}.")
            return
        self.wanted = replace(self.wanted, state=STATES[word])
        self._chip(f"state {word}")

    def _date(self, kind: str, day: str) -> None:
        self._taken("" if kind in {"to", "until"} else day, "" if kind in {"from", "since"} else day)

    def _header(self, keyword: str, value: str) -> None:
        keyword = keyword.upper()
        if not value:
            self.notes.append(f"Say which value of {keyword} you look for.")
            return
        if tells_place(keyword):
            # Strangers do not read it in a header, so they do not find it either.
            self.wanted = replace(self.wanted, owner=self.actor.user)
            self.nothing = self.nothing or self.actor.anonymous
            self.notes.append(f"{keyword} tells where on the ground a frame was taken: only yours are searched.")
        self.wanted = replace(self.wanted, header=(*self.wanted.header, (keyword, value)))
        self._chip(f"{keyword} = {value}")

    def _free(self, text: str, radius: str) -> None:
        place = place_named(text)
        position = read_position(text)
        if position is not None or (place is not None and radius):
            self._near(text, radius)
            return
        if self.wanted.text:
            text = f"{self.wanted.text} {text}"
        self.wanted = replace(self.wanted, text=text, place=Cone(*place) if place else None)
        self._chip(f"“{text}”, and frames of its place" if place else f"“{text}”")

    def _near(self, text: str, radius: str = "") -> None:
        found = circle(text, radius)
        self.notes += found.notes
        if found.cone is None:
            self.nothing = True
            return
        self.wanted = replace(self.wanted, cone=found.cone)
        self._chip(found.words)

    def _album(self, said: str) -> None:
        albums = archive.visible_albums(self.actor)
        try:
            found = albums.filter(uuid=UUID(said)).first()
        except ValueError:
            found = _own_first(albums.filter(name__iexact=said), self.actor)
        if found is None:
            self.nothing = True
            self.notes.append("There is no dataset of that name, or you may not see it.")
            self._chip("dataset")
            return
        self.wanted = replace(self.wanted, album=found)
        self._chip(f"dataset {found.name}")

    def _taken(self, first: str, last: str) -> None:
        found = days(first, last)
        self.notes += found.notes
        if found.start is not None:
            self.wanted = replace(self.wanted, exposed_from=found.start)
        if found.end is not None:
            self.wanted = replace(self.wanted, exposed_to=found.end)
        if found.words:
            self._chip(found.words)

    def _chip(self, words: str) -> None:
        self.chips.append(Chip(words, self.without))

    def _text_of(
        self, parts: list[tuple[str, str, str]], leave: set[int], free: list[int] | None = None
    ) -> dict[str, str]:
        kept = [part for index, part in enumerate(parts) if index not in leave and not (free and not part[0])]
        text = " ".join(_written(*part) for part in kept)
        return {**_less(self.asked.address, "q"), **({"q": text} if text else {})}


@dataclass(frozen=True, slots=True)
class Circle:
    """A place that was asked for; no cone where nobody knows it."""

    cone: Cone | None
    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days (UTC) that were asked for; no words where none was understood."""

    start: datetime | None  # both ends included
    end: datetime | None
    words: str
    notes: tuple[str, ...] = ()


def circle(text: str, radius: str = "") -> Circle:
    """Return the circle around a position or a named object; without a radius what holds the place itself."""
    place = place_named(text)
    if place is None:
        return Circle(None, "", (f"“{text}” is neither a position nor an object of the catalogue.",))
    degrees = degrees_of(radius)
    notes = (f"“{radius}” is no radius in degrees; what holds the place itself is shown.",) if degrees is None else ()
    words = f"within {degrees:g}° of {text}" if degrees else f"at {text}"
    return Circle(Cone(*place, degrees or 0.0), words, notes)


def days(first: str, last: str) -> Days:
    """Return the time from the beginning of one day to the end of another; either may be empty."""
    start, end = day_of(first), day_of(last)
    notes = tuple(
        f"“{said}” is no day: write it as 2026-03-01."
        for said, read in ((first, start), (last, end))
        if said and read is None
    )
    if start and end:
        words = f"taken on {first}" if first == last else f"taken {first} to {last}"
    elif start or end:
        words = f"taken since {first}" if start else f"taken until {last}"
    else:
        words = ""
    return Days(start, None if end is None else end + timedelta(days=1) - timedelta(microseconds=1), words, notes)


def part_of(found: re.Match[str]) -> tuple[str, str, str]:
    """Return a part of the text as its name (or none), the mark after it, and its value."""
    if found[3] is not None:
        return found[1] or "", found[2] or "", found[3]
    named = _NAMED.fullmatch(found[4])
    return (named[1], named[2], named[3]) if named else ("", "", found[4])


def _written(name: str, mark: str, value: str) -> str:
    quoted = f'"{value}"' if " " in value and name else value
    return f"{name}{mark}{quoted}"


def _less(address: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in address.items() if name not in names}


def place_named(text: str) -> tuple[float, float] | None:
    """Return where a position or a named object lies; None where nobody knows."""
    try:
        return find_place(text)
    except Unavailable:  # without the catalogue a name is only a name
        return None


def degrees_of(text: str) -> float | None:
    """Return a radius in degrees, 0 where none is said, None where it makes no sense."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(d|deg|°|'|′|m|arcmin)?", text.strip().lower() or "0")
    if found is None:
        return None
    degrees = float(found[1]) / (60 if found[2] in {"'", "′", "m", "arcmin"} else 1)
    return degrees if degrees <= 180 else None


def day_of(text: str) -> datetime | None:
    """Return the beginning of a day (UTC); None where the text is none."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return found if found is not None and 1 < found.year < 9999 else None  # a day more or less must be one, too


def _own_first(albums: Any, actor: Actor) -> Dataset | None:
    found: list[Dataset] = list(albums[:20])
    return next((album for album in found if album.owner == actor.user), found[0] if found else None)
