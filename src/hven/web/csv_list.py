"""Lists of frames as tables of text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from hven.archive.models import Tag
from hven.imaging.models import Reduction
from hven.web.listing import MOST_COUNTED, fill, with_rows
from hven.web.words import state_of

COLUMNS = (
    "name", "state", "ra_deg", "dec_deg", "width_px", "height_px", "scale_arcsec_px", "orientation_deg", "parity",
    "stars", "rms_arcsec", "taken_utc", "exposure_s", "filter", "object", "camera", "tags", "visibility", "owner",
    "uploaded_utc", "id",
)  # fmt: skip
_AT_ONCE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would calculate


def lines(found: QuerySet[Reduction]) -> Iterator[str]:
    """Yield the rows of a list, its heads first; at most 10,000 frames."""
    yield csv_line(COLUMNS)
    rows = with_rows(found)
    for first in range(0, MOST_COUNTED, _AT_ONCE):
        part: list[Any] = list(rows[first : min(first + _AT_ONCE, MOST_COUNTED)])
        fill(part)
        tags: dict[int, list[str]] = {}
        of_part = Tag.objects.filter(data_file__in=[row.data_file_id for row in part if row.data_file_id])
        for file, text in of_part.order_by("id").values_list("data_file", "text"):
            tags.setdefault(file, []).append(text)
        yield from (csv_line(_cells(row, tags.get(row.data_file_id, []))) for row in part)
        if len(part) < _AT_ONCE:
            return


def _cells(row: Any, tags: list[str]) -> list[Any]:
    place, file = row.solution, row.data_file
    solved = (
        [f"{place.ra:.7f}", f"{place.dec:.7f}", place.width, place.height, f"{place.scale_arcsec:.6g}",
         f"{place.orientation_deg:.4f}", place.parity, place.stars_matched, f"{place.rms_arcsec:.4g}"]
        if place else [""] * 9
    )  # fmt: skip
    taken = [file.middle.isoformat() if file.middle else "", file.exposure_s or ""] if file else ["", ""]
    words = [file.filter, file.object_name, file.camera] if file else ["", "", ""]
    texts = [harmless(word) for word in (*words, "; ".join(tags))]
    who = [row.visibility, harmless(row.owner.username), row.created.isoformat(), row.uuid]
    return [harmless(row.name), state_of(row.run)[0], *solved, *taken, *texts, *who]


def harmless(value: Any) -> Any:
    """Return a cell in which no spreadsheet sees a formula: a text that begins like one gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_line(cells: Any) -> str:
    """Return one row of a table, with its end."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
