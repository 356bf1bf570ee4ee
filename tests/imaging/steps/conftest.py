"""A folder with a simulated frame and a reference catalogue on this machine, for the steps of photometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.imaging.services import catalogues
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.workspace import Workspace
from tests.science.photometry.scenes import Scene


@pytest.fixture(scope="session")
def scene() -> Scene:
    return Scene(size=640, stars=220, seed=5)


@pytest.fixture
def context(tmp_path: Path, scene: Scene) -> Iterator[Callable[..., StepContext]]:
    """Make a context with the scene as image.fits, and its stars as the catalogue ps1 on this machine."""
    table = tmp_path / "stars.ecsv"
    scene.catalogue.write(table)
    catalogues.add_catalogue("ps1", table, replace_old=True, family="none")

    def make(data: np.ndarray | None = None, cards: dict[str, Any] | None = None, **config: Any) -> StepContext:
        workspace = Workspace({}, tmp_path)
        hdu = fits.PrimaryHDU(scene.data if data is None else data)
        hdu.header.update({k: v for k, v in scene.cards.items() if k not in {"IMAGEW", "IMAGEH"}} | (cards or {}))
        hdu.writeto(workspace.write("image.fits"), overwrite=True)
        return StepContext(config=config, scratch=tmp_path, workspace=workspace)

    yield make
    catalogues.remove_catalogue("ps1")
