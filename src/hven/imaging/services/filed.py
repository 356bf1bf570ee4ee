"""What filing a frame starts, by the rule of its dataset, or of its telescope."""

from __future__ import annotations

from django.db import transaction

from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.imaging.models import Reduction, Run
from hven.imaging.services import reductions
from hven.imaging.services.runs import SOLVE, queue_run
from hven.sites.models import Rule

STEPS = ("inspect", "photometry")


@transaction.atomic
def begin_filed(data_file_id: int, rule: str) -> Run | None:
    """Ask for the runs that a rule names for a filed frame; None where the frame is gone or has a reduction already."""
    data_file = DataFile.objects.select_related("owner", "submission").filter(pk=data_file_id).first()
    if data_file is None or data_file.reductions.exists():
        return None
    reduction = Reduction.objects.create(
        owner=data_file.owner,
        observatory=data_file.observatory,
        visibility=data_file.visibility,
        name=data_file.name,
        submission=data_file.submission,
        data_file=data_file,
    )
    actor = Actor.of(data_file.owner)
    if rule == Rule.PHOTOMETRY:
        # not counted against what may wait: who files a night of thousands wants all of it done
        return reductions.queue_steps(actor, reduction, STEPS)
    return queue_run(reduction, SOLVE, {}, actor)
