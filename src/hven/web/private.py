"""What strangers do not get with a public picture: where it was taken.

The owner and those who may change a frame see everything. Others get its header without positions on the ground, and
its file with the EXIF parts cut out: byte for byte the same picture otherwise.
"""

from __future__ import annotations

from typing import Any

from hven.archive.models import DataFile
from hven.science.frames.whereabouts import tells_place, without_position


def cards_for(data_file: DataFile, *, may_change: bool) -> list[list[Any]]:
    """Return the header cards that somebody may read."""
    cards: list[list[Any]] = data_file.cards
    return cards if may_change else [card for card in cards if not tells_place(str(card[0]))]


__all__ = ["cards_for", "tells_place", "without_position"]
