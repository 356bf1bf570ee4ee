import pytest

from hven.science.changes.planes import Difference
from hven.science.changes.subtract import subtract_from

from .scenes import Scene, scene


@pytest.fixture(scope="session")
def pair() -> Scene:
    return scene()


@pytest.fixture(scope="session")
def difference(pair: Scene) -> Difference:
    return subtract_from(pair.frame, pair.template)
