"""Frames of the real sky, beside the checkout: each where expected.json says, and none where nothing can be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.imaging import services as imaging
from hven.imaging.models import Run, RunState
from hven.imaging.services.runs import Request
from hven.jobs import services as jobs
from hven.science.sky.sphere import separation
from hven.storage import services as storage

pytestmark = [pytest.mark.shared, pytest.mark.tycho2, pytest.mark.django_db(transaction=True)]


def _solved(user: Any, path: Path) -> Run:
    with path.open("rb") as file:
        blob = storage.put(file)
    submission = imaging.submit_file(Actor.of(user), blob, Request(origin="web", name=path.name))
    run = Run.objects.get(reduction__submission=submission)
    assert run.job is not None
    jobs.run_here(run.job)
    return Run.objects.get(pk=run.pk)


@pytest.mark.parametrize(
    "name",
    [
        "apod2.jpg", "apod3.jpg", "m44-1975-01-18.jpg", "stellarsolver_pleiades.jpg", "jusas_ngc7331.jpg",
        "tetra3_Alt60_Azi45.tiff",
    ],
)  # fmt: skip
def test_each_frame_is_found_within_a_hundredth_of_its_width_and_scale(
    user: Any, shared_data: Path, tycho2: Path, solver_folder: Path, name: str
) -> None:
    expected = next(
        one for one in json.loads((shared_data / "images" / "expected.json").read_text()) if one["file"] == name
    )
    run = _solved(user, shared_data / "images" / name)
    assert run.state is RunState.DONE, run.why
    off = float(separation(run.solution.ra, run.solution.dec, expected["ra"], expected["dec"]))
    assert off < 0.01 * expected["field_deg"][0]
    assert run.solution.scale_arcsec == pytest.approx(expected["pixscale"], rel=0.01)
    assert run.solution.parity == expected["parity"]


def test_a_field_narrower_than_the_indexes_fails_and_says_so(
    user: Any, shared_data: Path, tycho2: Path, solver_folder: Path, settings: Any
) -> None:
    settings.HVEN_SOLVE_TIME_LIMIT = 10.0
    run = _solved(user, shared_data / "images" / "sdss.jpg")
    assert run.state is RunState.NO_SOLUTION
    assert run.why.endswith(".")
