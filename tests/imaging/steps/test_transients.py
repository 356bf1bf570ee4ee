"""The step transients on a simulated frame with a catalogue of this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from hven.accounts.actor import Actor
from hven.errors import Invalid
from hven.imaging.models import Reduction
from hven.imaging.services import folder, reductions
from hven.imaging.steps import transients
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome
from hven.science.changes.cutout import read_cutout
from hven.storage import services as storage
from tests.imaging.steps.changing import measured, with_new_sources
from tests.science.photometry.scenes import Scene

Make = Callable[..., StepContext]


@pytest.fixture
def ready(context: Make, scene: Scene) -> StepContext:
    return measured(context(data=with_new_sources(scene).frame, cat_limit=22))


def looked(context: StepContext, **config: Any) -> Outcome:
    context.config.update(config)
    context.begin("transients")
    return transients.run(context)


def test_what_no_catalogue_has_is_kept_and_written(ready: StepContext, scene: Scene) -> None:
    new = with_new_sources(scene)
    outcome = looked(ready)
    json.dumps(outcome.results)
    table = Table.read(ready.files.find("candidates_simple.vot"))
    distance = np.hypot(np.subtract.outer(new.x, table["x"]), np.subtract.outer(new.y, table["y"])).min(axis=1)
    assert np.count_nonzero(distance < 1) >= 5
    assert len(table) == outcome.results["candidates"] <= 10
    assert any(reason.startswith("in ps1") for reason in outcome.results["rejected"])
    name = str(table["cutout_name"][0])
    assert name.startswith("candidates_simple/J100")
    cutout = read_cutout(ready.files.find(name))
    assert list(cutout.planes) == ["IMAGE", "MASK", "FILTERED"] and cutout.name in name
    assert ready.files.find("candidates_simple.reg").read_text().count("circle(") == len(table)


def test_a_second_run_replaces_the_first(ready: StepContext) -> None:
    looked(ready)
    looked(ready, simple_center="10 -60", simple_sr0=0.01)
    assert not ready.files.names("candidates_simple")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"simple_others": "1 two"}, "simple_others takes"),
        ({"simple_mag_diff": -1}, "simple_mag_diff lies between"),
        ({"simple_sr0": 0, "simple_center": "150 2"}, "simple_sr0 lies between"),
        ({"simple_center": "x=3 y=4"}, "simple_center is a name or coordinates"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(ready: StepContext, config: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        looked(ready, **config)


def test_without_photometry_the_sentence_says_what_to_do(context: Make) -> None:
    with pytest.raises(Invalid, match="Run photometry first"):
        looked(context())


def test_a_candidate_must_be_on_the_other_tasks_that_its_owner_may_see(
    ready: StepContext, user: Any, other_user: Any, tmp_path: Any
) -> None:
    def task(owner: Any, rows: Table | None = None) -> Reduction:
        wish = reductions.Wish(origin="web", name="a.fits", config={})
        made = reductions.begin_reduction(Actor.of(owner), storage.put(b"SIMPLE  = pixels"), wish)
        if rows is not None:
            rows.write(tmp_path / "rows.parquet", format="parquet", overwrite=True)
            content = storage.put((tmp_path / "rows.parquet").read_bytes())
            folder.put_file(Actor.of(owner), made, "objects.parquet", content)
        return made

    everything = looked(ready).results["candidates"]
    found = Table.read(ready.files.find("candidates_simple.vot"))
    places = Table({"ra": np.asarray(found["ra"][:3], float), "dec": np.asarray(found["dec"][:3], float)})
    seen, hidden, bare = task(user, places), task(other_user, places), task(user)
    with pytest.raises(Invalid, match="no list of objects that this task may see"):
        looked(ready, simple_others=str(seen.pk))
    ready.actor = Actor.of(user)
    assert looked(ready, simple_others=str(seen.pk)).results["candidates"] == 3 < everything
    for other in (hidden.pk, bare.pk, 10**9):
        with pytest.raises(Invalid, match=f"Task {other} has no list of objects that this task may see"):
            looked(ready, simple_others=f"{seen.pk} {other}")
