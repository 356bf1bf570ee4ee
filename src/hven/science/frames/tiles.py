"""A pyramid of a frame for a viewer: binned levels in a folder, tiles rendered when they are asked for.

Levels are .npy files that are mapped, not read: a tile touches the rows it shows and no more. They lie as they are
shown, first row on top, so that the viewer's grid of tiles and the bins agree. Level 0 is the smallest and fits one
tile; the last is the full frame.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid, NotFound
from hven.science.frames.bin import halved
from hven.science.frames.frame import Frame
from hven.science.frames.preview import apply_all, encode
from hven.science.frames.stretch import AUTOMATIC, Curve, Statistics, Stretch, settle, statistics

TILE = 512  # pixels; a 4k frame has 64 of them
INDEX = "pyramid.json"
VERSION = 1
SAMPLED_SIDE = 1024  # limits are found on the level of about this size, the one people see first


@dataclass(frozen=True, slots=True)
class Pyramid:
    """An open pyramid. Sizes are those of the full frame."""

    folder: Path
    width: int
    height: int
    tile: int
    levels: int
    colour: bool
    flipped: bool  # shown with the frame's first row at the bottom
    masked: bool
    numbers: tuple[Statistics, ...]  # of the grey plane, or of the three colours

    @property
    def max_level(self) -> int:
        """The level of full resolution."""
        return self.levels - 1

    def size_of(self, level: int) -> tuple[int, int]:
        """Return width and height of a level."""
        if not 0 <= level < self.levels:
            raise NotFound(f"There is no level {level}; levels run from 0 to {self.max_level}.")
        factor = 2 ** (self.max_level - level)
        return -(-self.width // factor), -(-self.height // factor)

    def tiles_of(self, level: int) -> tuple[int, int]:
        """Return how many tiles a level has across and down."""
        width, height = self.size_of(level)
        return -(-width // self.tile), -(-height // self.tile)

    def curves(self, stretch: Stretch) -> tuple[Curve, ...]:
        """Settle a stretch for the whole frame, so that all tiles agree."""
        if self.colour and not self.flipped:  # a finished picture keeps its colours
            return (settle(stretch, self.numbers[1]),) * 3
        return tuple(settle(stretch, numbers) for numbers in self.numbers)

    def render(
        self,
        level: int,
        x: int,
        y: int,
        stretch: Stretch = AUTOMATIC,
        *,
        form: str = "jpeg",
        quality: int = 85,
    ) -> bytes:
        """Return the encoded tile in column x and row y of a level; the last of a row may be narrower."""
        across, down = self.tiles_of(level)
        if not (0 <= x < across and 0 <= y < down):
            raise NotFound(f"Level {level} has {across} x {down} tiles; there is none at ({x}, {y}).")
        part = slice(y * self.tile, (y + 1) * self.tile), slice(x * self.tile, (x + 1) * self.tile)
        shown = apply_all(self.curves(stretch), np.asarray(self._map(f"level_{level}")[part]))
        if self.masked:
            gaps = np.asarray(self._map(f"mask_{level}")[part]) > 127
            if gaps.any():
                shown[gaps] = 255 if stretch.invert else 0
        return encode(shown, form, quality)

    def value_at(self, x: int, y: int) -> float | tuple[float, float, float] | None:
        """Return the number (colours: three) of a pixel of the frame, 0-based in the file's order; None: no value."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            raise NotFound(f"There is no pixel ({x}, {y}) in a frame of {self.width} x {self.height}.")
        row = self.height - 1 - y if self.flipped else y
        if self.masked and self._map(f"mask_{self.max_level}")[row, x]:
            return None
        value = self._map(f"level_{self.max_level}")[row, x]
        if self.colour:
            return float(value[0]), float(value[1]), float(value[2])
        return float(value)

    def _map(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise NotFound("The tiles of this frame are gone; they are made again with its next run.") from error


def build_pyramid(frame: Frame, folder: Path, tile: int = TILE) -> Pyramid:
    """Write the levels of a frame into a folder (made if need be) and return the pyramid.

    The index is written last, under another name first: a folder without it is not yet a pyramid.
    """
    if not 64 <= tile <= 4096:
        raise Invalid("Tiles are between 64 and 4096 pixels wide.")
    folder.mkdir(parents=True, exist_ok=True)
    plane = frame.data if frame.rgb is None else frame.rgb
    mask = None if frame.mask is None else frame.mask.astype(np.uint8) * 255
    if not frame.top_down:
        # turned in memory: np.save writes a view backwards many times slower
        plane = np.ascontiguousarray(plane[::-1])
        mask = None if mask is None else np.ascontiguousarray(mask[::-1])
    levels = 1
    while -(-max(frame.width, frame.height) // 2 ** (levels - 1)) > tile:
        levels += 1
    numbers: tuple[Statistics, ...] | None = None
    for level in range(levels - 1, -1, -1):
        np.save(folder / f"level_{level}.npy", plane, allow_pickle=False)
        if mask is not None:
            np.save(folder / f"mask_{level}.npy", mask, allow_pickle=False)
        if numbers is None and (max(plane.shape[:2]) < 2 * SAMPLED_SIDE or level == 0):
            numbers = _numbers(plane, mask)
        if level:
            plane, mask = halved(plane), None if mask is None else halved(mask)
    pyramid = Pyramid(
        folder, frame.width, frame.height, tile, levels, frame.rgb is not None, not frame.top_down,
        mask is not None, numbers or (),
    )  # fmt: skip
    fields = {k: v for k, v in asdict(pyramid).items() if k != "folder"}
    waiting = folder / f"{INDEX}.part"
    waiting.write_text(json.dumps({"version": VERSION, **fields}), encoding="utf-8")
    os.replace(waiting, folder / INDEX)  # noqa: PTH105  # atomic, and says so
    return pyramid


def _numbers(plane: NDArray[Any], mask: NDArray[np.uint8] | None) -> tuple[Statistics, ...]:
    gaps = None if mask is None else mask > 127
    if plane.ndim == 2:
        return (statistics(plane, gaps),)
    return tuple(statistics(plane[..., c], gaps) for c in range(3))


def open_pyramid(folder: Path) -> Pyramid:
    """Open what `build_pyramid` wrote; NotFound where it did not, or in an earlier version's form."""
    try:
        fields = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if fields.pop("version") != VERSION:
            raise NotFound("The tiles of this frame are of an earlier version.")
        numbers = tuple(Statistics(**n) for n in fields.pop("numbers"))
        return Pyramid(folder=folder, numbers=numbers, **fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound("This frame has no tiles yet.") from error
