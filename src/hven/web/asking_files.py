"""What a list of data files is asked for: a line of words and the fields of its panel, understood as one search."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict

from hven.accounts.access import Verb, visible
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import Calibration, DataFile, NightLog, Observation
from hven.archive.services.search import ORDERS, FilesWanted, search_files
from hven.web.asking import DAYS, PART, Chip, circle, days, part_of
from hven.web.positions import read_position
from hven.web.private import tells_place

KINDS = {
    "lights": "frames of the sky",
    "calibrations": "calibrations",
    "unfiled": "without a night",
    "other": "other files",
}
LOOKS = ("table", "grid")
ORDER_WORDS = {
    "newest": "uploaded last first", "oldest": "uploaded first first", "name": "name, A to Z",
    "name backwards": "name, Z to A", "taken": "taken first first", "taken backwards": "taken last first",
}  # fmt: skip
LONGEST = 200  # letters of one field
_FIELDS = ("near", "radius", "from", "to", "keyword", "value", "kind", "night", "observation", "calibration")
_RADIUS = {"r", "radius"}


@dataclass(slots=True)
class FilesAsked:
    """What the address of a list of files says, as a search."""

    wanted: FilesWanted
    text: str
    fields: dict[str, str]
    order: str
    look: str
    chips: list[Chip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    nothing: bool = False
    own_only: bool = False  # a header card that tells where on the ground a file was taken is searched in own ones only

    @property
    def address(self) -> dict[str, str]:
        """What an address says for this, without the look and the page."""
        found = {"q": self.text, **self.fields, "order": self.order if self.order != "newest" else ""}
        return {name: value for name, value in found.items() if value}

    def files(self, actor: Actor) -> QuerySet[DataFile]:
        """Return the files that were asked for."""
        if self.nothing:
            return DataFile.objects.none()
        found = search_files(actor, self.wanted)
        return found.filter(owner=actor.user) if self.own_only else found


def understand_files(actor: Actor, query: QueryDict, base: FilesWanted) -> FilesAsked:
    """Return the search for what an address asks, within a base such as one dataset."""

    def said(name: str) -> str:
        return str(query.get(name, "")).strip().replace("\0", "")[:LONGEST]

    order = said("order") if said("order") in ORDERS else "newest"
    look = said("look") if said("look") in LOOKS else ""
    fields = {name: said(name) for name in _FIELDS if said(name)}
    asked = FilesAsked(replace(base, order=order), said("q"), fields, order, look)
    _read_text(actor, asked)
    _read_fields(actor, asked)
    return asked


def _read_text(actor: Actor, asked: FilesAsked) -> None:
    found = list(PART.finditer(asked.text))
    parts = [part_of(match) for match in found]
    radius = next((value for name, mark, value in parts if mark == "=" and name.lower() in _RADIUS), "")
    free = []
    for number, (name, mark, value) in enumerate(parts):
        rest = " ".join(other.group(0) for at, other in enumerate(found) if at != number)
        without = _less(asked, "q") | ({"q": rest} if rest else {})
        kind = name.lower()
        if mark == "=" and kind in _RADIUS:
            continue
        if mark == "=" and name:
            _header(actor, asked, name, value, without)
        elif mark == ":" and kind == "near":
            _near(asked, value, radius or asked.fields.get("radius", ""), without)
        elif mark == ":" and kind == "tag":
            asked.wanted = replace(asked.wanted, tags=(*asked.wanted.tags, value))
            asked.chips.append(Chip(f"tag {value}", without))
        elif mark == ":" and kind in {"dataset", "album"}:
            _dataset(actor, asked, value, without)
        elif span := DAYS.fullmatch("" if name else value):
            _taken(asked, span[1], span[2] or span[1], without)
        else:
            free.append((value if kind in {"name", "object"} else f"{name}{mark}{value}", without))
    _free(asked, free, radius)


def _free(asked: FilesAsked, free: list[tuple[str, dict[str, str]]], radius: str) -> None:
    """Take words as words, and as a place where they are a position or come with a radius."""
    text = " ".join(words for words, _ in free)
    if radius and not text:
        asked.notes.append(f"Say around what the radius of {radius} is: M31 r={radius}.")
    elif text and (radius or read_position(text) is not None):
        _near(asked, text, radius or asked.fields.get("radius", ""), _less(asked, "q"))
    elif text:
        asked.wanted = replace(asked.wanted, text=text)
        asked.chips += [Chip(f"“{words}”", without) for words, without in free]


def _read_fields(actor: Actor, asked: FilesAsked) -> None:
    said = asked.fields
    if kind := said.get("kind", ""):
        if kind in KINDS:
            asked.wanted = replace(asked.wanted, kind=kind)
            asked.chips.append(Chip(KINDS[kind], _less(asked, "kind")))
        else:
            del said["kind"]
    if near := said.get("near"):
        _near(asked, near, said.get("radius", ""), _less(asked, "near", "radius"))
    if said.get("from") or said.get("to"):
        _taken(asked, said.get("from", ""), said.get("to", ""), _less(asked, "from", "to"))
    if keyword := said.get("keyword"):
        _header(actor, asked, keyword, said.get("value", ""), _less(asked, "keyword", "value"))
    for name in ("night", "observation", "calibration"):
        if said.get(name):
            _part(actor, asked, name)


def _header(actor: Actor, asked: FilesAsked, keyword: str, value: str, without: dict[str, str]) -> None:
    keyword = keyword.upper()
    if not value:
        asked.notes.append(f"Say which value of {keyword} you look for.")
        return
    if tells_place(keyword):
        asked.own_only = True
        asked.nothing = asked.nothing or actor.anonymous
        asked.notes.append(f"{keyword} tells where on the ground a file was taken: only yours are searched.")
    asked.wanted = replace(asked.wanted, header=(*asked.wanted.header, (keyword, value)))
    asked.chips.append(Chip(f"{keyword} = {value}", without))


def _near(asked: FilesAsked, text: str, radius: str, without: dict[str, str]) -> None:
    found = circle(text, radius)
    asked.notes += found.notes
    if found.cone is None:
        asked.nothing = True
        return
    asked.wanted = replace(asked.wanted, cone=found.cone)
    asked.chips.append(Chip(found.words, without))


def _taken(asked: FilesAsked, first: str, last: str, without: dict[str, str]) -> None:
    found = days(first, last)
    asked.notes += found.notes
    asked.wanted = replace(asked.wanted, taken_from=found.start, taken_to=found.end)
    if found.words:
        asked.chips.append(Chip(found.words, without))


_PARTS: dict[str, type[Any]] = {"night": NightLog, "observation": Observation, "calibration": Calibration}


def _part(actor: Actor, asked: FilesAsked, name: str) -> None:
    """Narrow to a night, or to an observation or calibration of one."""
    rows = _PARTS[name].objects.all()
    try:
        found = visible(rows, actor, Verb.SEE).filter(uuid=UUID(asked.fields[name])).first()
    except ValueError:
        found = None
    if found is None:
        asked.nothing = True
        asked.notes.append(f"There is no such {name}, or you may not see it.")
        asked.chips.append(Chip(f"{name}", _less(asked, name)))
        return
    asked.wanted = replace(asked.wanted, **{name: found})
    words = f"night of {found.date}" if name == "night" else f"{name} {found}"
    asked.chips.append(Chip(words, _less(asked, name)))


def _dataset(actor: Actor, asked: FilesAsked, said: str, without: dict[str, str]) -> None:
    found = archive.visible_albums(actor).filter(name__iexact=said).first()
    if found is None or (asked.wanted.dataset is not None and asked.wanted.dataset != found):
        asked.nothing = True
        asked.notes.append("There is no dataset of that name here, or you may not see it.")
    else:
        asked.wanted = replace(asked.wanted, dataset=found)
    asked.chips.append(Chip(f"dataset {said}", without))


def _less(asked: FilesAsked, *names: str) -> dict[str, str]:
    return {name: value for name, value in asked.address.items() if name not in names}
