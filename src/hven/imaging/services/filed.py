"""What filing a frame starts, by the rule of its dataset, or of its telescope."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.archive.services.reading import BEGIN
from hven.imaging.models import Reduction, Run
from hven.imaging.services import reductions
from hven.imaging.services.runs import SOLVE, queue_run
from hven.jobs import services as jobs
from hven.sites.models import Rule

STEPS = ("inspect", "photometry")
_AGAIN = timedelta(seconds=20)  # looked at again, while another run of the frame is under way


@transaction.atomic
def begin_filed(data_file_id: int, rule: str) -> Run | None:
    """Ask for the runs that a rule names for a filed frame.

    Where it has a reduction, that one is calibrated if the rule wants it and nobody did, once it is idle; else, or
    where the frame is gone, None.
    """
    data_file = DataFile.objects.select_related("owner", "submission").filter(pk=data_file_id).first()
    if data_file is None:
        return None
    actor = Actor.of(data_file.owner)
    present = data_file.reductions.select_related("latest_run__job").order_by("-id").first()
    if present is not None:
        if rule != Rule.PHOTOMETRY or "zp" in present.config or "photometry" in _steps_under_way(present):
            return None
        if present.latest_run is not None and not present.latest_run.ended:
            again = {"data_file_id": data_file_id, "rule": rule}
            jobs.enqueue(BEGIN, again, created_by=data_file.owner, delay=_AGAIN)
            return None
        return reductions.queue_steps(actor, present, STEPS)
    reduction = Reduction.objects.create(
        owner=data_file.owner,
        observatory=data_file.observatory,
        visibility=data_file.visibility,
        name=data_file.name,
        submission=data_file.submission,
        data_file=data_file,
    )
    if rule == Rule.PHOTOMETRY:
        # not counted against what may wait: who files a night of thousands wants all of it done
        return reductions.queue_steps(actor, reduction, STEPS)
    return queue_run(reduction, SOLVE, {}, actor)


def _steps_under_way(reduction: Reduction) -> list[str]:
    run = reduction.latest_run
    return list(run.steps) if run is not None and not run.ended else []
