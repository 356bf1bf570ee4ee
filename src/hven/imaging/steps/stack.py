"""The step that stacks frames of this machine into the task's frame."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.errors import HvenError, Invalid
from hven.imaging.services import local_files
from hven.imaging.services.limits import frame_limits
from hven.imaging.steps import inspect as first
from hven.imaging.steps.change_inputs import begin_timing, say
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.given import MASK, gain_of
from hven.imaging.steps.registry import Key, Outcome, Step, register
from hven.imaging.steps.shared import GAIN, SATURATION, TIMING
from hven.imaging.steps.workspace import IMAGE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hven.science.changes.stack import StackFrame
    from hven.science.frames.frame import Frame

_MOST = 500
_PROJECTION = ("CTYPE", "CRVAL", "CRPIX", "CD1_", "CD2_", "PC1_", "PC2_", "CDELT", "CROTA", "CUNIT", "A_", "B_", "AP_",
               "BP_", "PV", "LONPOLE", "LATPOLE", "WCSAXES", "RADESYS", "EQUINOX")  # fmt: skip


def run(context: StepContext) -> Outcome:
    """Stack the named frames onto the grid of the first, and make the stack the task's frame."""
    from hven.science.changes.stack import stack  # noqa: PLC0415 - OpenCV, for workers

    begin_timing(context)
    names = _names(context)
    paths = [local_files.find_file(name) for name in names]
    method = context.value("stack_method")
    stacked = stack(
        [partial(_frame, context, path, name) for path, name in zip(paths, names, strict=True)],
        method,
        subtract_background=context.value("stack_subtract_bg"),
        bad_pixels=partial(_cosmics, context) if context.value("stack_mask_cosmics") else None,
        scratch=context.scratch,
        progress=lambda fraction, words: context.tell(0.9 * fraction, words),
    )
    for note in stacked.notes:
        say(context, f"{note[0].upper()}{note[1:]}")
    _write(context, paths[0], stacked.data, stacked.mask, stacked.cards)
    context.files.remove(first.WCS, MASK)
    for key in ("saturation", "time", *(("gain",) if method != "sum" else ())):
        # said or found for a single frame; the stack's header has its own
        if context.config.get(key) is not None:
            context.set(key, None)
    unseen = float(stacked.mask.mean())
    say(
        context, f"{len(names)} frames are stacked by {method}; {100 * unseen:.1f} % of the pixels are on none of them."
    )
    return Outcome({"frames": len(names), "method": method, "unseen_share": unseen})


def _names(context: StepContext) -> list[str]:
    names = context.value("stack_filenames") or []
    if not all(isinstance(name, str) and name for name in names):
        raise Invalid("stack_filenames is a list of the frames' paths.")
    if not 2 <= len(names) <= _MOST:
        raise Invalid(f"A stack takes 2 to {_MOST} frames; stack_filenames names {len(names)}.")
    return list(names)


def _frame(context: StepContext, path: Path, name: str) -> StackFrame:
    """Read one frame for the stack."""
    from hven.science.changes.stack import StackFrame  # noqa: PLC0415 - as above
    from hven.science.frames.header import wcs_from  # noqa: PLC0415 - as above
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    short = Path(name).name
    try:
        frame = read_frame(path, limits=frame_limits())
    except HvenError as error:
        raise type(error)(f"{short}: {error}") from error
    meaning = frame.meaning
    return StackFrame(
        frame.data, frame.mask, wcs_from(frame), meaning.exposure_s, meaning.start, meaning.end,
        context.value("saturation") or meaning.saturation, gain_of(context) or meaning.gain, short,
    )  # fmt: skip


def _cosmics(context: StepContext, frame: StackFrame) -> NDArray[np.bool_]:
    """Return where cosmic rays hit a frame."""
    from hven.science.frames.frame import Meaning  # noqa: PLC0415 - as above
    from hven.science.photometry.inspection import InspectSettings, inspect  # noqa: PLC0415 - as above
    from hven.science.photometry.masks import MaskBit  # noqa: PLC0415 - as above

    found = inspect(
        frame.data, Meaning(gain=frame.gain, saturation=frame.saturation), InspectSettings(), missing=frame.mask
    )
    say(context, f"{frame.name}: {found.cosmic_px} pixels are hit by cosmic rays or hot.")
    hit: NDArray[np.bool_] = (found.bits & MaskBit.COSMIC) > 0
    return hit


def _write(
    context: StepContext,
    path: Path,
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    cards: dict[str, tuple[Any, str]],
) -> None:
    """Write the stack with the header of the first frame, brought up to date."""
    from hven.science.frames.frame import Card  # noqa: PLC0415 - as above
    from hven.science.frames.header import wcs_from  # noqa: PLC0415 - as above
    from hven.science.frames.mend import write_plane  # noqa: PLC0415 - as above
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    frame: Frame = read_frame(path, limits=frame_limits())
    wcs = wcs_from(frame)
    stale = set(cards) | {"MJD-OBS", "MJD-AVG", "MJD-END", "TIME-OBS", "EXPOSURE"}
    kept = [card for card in frame.cards if card.keyword not in stale]
    own = [Card(key, value, comment) for key, (value, comment) in cards.items()]
    if wcs is not None:
        kept = [card for card in kept if not card.keyword.startswith(_PROJECTION)]
        own += [Card(key, value) for key, value in wcs.to_cards().items() if key not in {"IMAGEW", "IMAGEH"}]
    write_plane(replace(frame, data=data, mask=mask, stored=None, cards=(*kept, *own)), context.files.write(IMAGE))


register(
    Step(
        key="stack",
        title="Stack",
        doc="Stacks frames of the server's own folder onto the grid of the first; the stack becomes the task's frame.",
        function=run,
        keys=(
            GAIN, SATURATION, TIMING,
            Key("stack_filenames", "list", "Paths of at least two frames in the folder for local files; the first gives"
                " the grid."),
            Key("stack_method", "text", "How pixels are combined.", default="sum",
                choices=("sum", "clipped_mean", "median")),
            Key("stack_subtract_bg", "bool", "Whether each frame's background is taken off first.", default=True),
            Key("stack_mask_cosmics", "bool", "Whether cosmic rays are masked on each frame.", default=False),
        ),
        writes=("image.fits",),
        stem="stacking",
    )
)  # fmt: skip
