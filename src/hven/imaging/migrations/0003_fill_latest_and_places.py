"""Give reductions their latest run and solution, and solutions their places for searches."""

from __future__ import annotations

import math
from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery

from hven.science.sky.cells import cell_of
from hven.science.sky.sphere import unit_vectors

_AT_ONCE = 500
_PLACE = ["x", "y", "z", "cos_radius", "sin_radius", "cell"]


def fill(apps: Any, _editor: Any) -> None:
    """Compute what models keep since this version."""
    solution, run = apps.get_model("imaging", "Solution"), apps.get_model("imaging", "Run")
    batch = []
    for one in solution.objects.only("id", "ra", "dec", "radius_deg").iterator(_AT_ONCE):
        radius = min(one.radius_deg, 180.0)
        one.x, one.y, one.z = (float(part) for part in unit_vectors(one.ra, one.dec))
        one.cos_radius, one.sin_radius = math.cos(math.radians(radius)), math.sin(math.radians(radius))
        one.cell = cell_of(one.ra, one.dec, radius)
        batch.append(one)
        if len(batch) == _AT_ONCE:
            solution.objects.bulk_update(batch, _PLACE)
            batch = []
    solution.objects.bulk_update(batch, _PLACE)
    runs = run.objects.filter(reduction=OuterRef("pk")).order_by("-id")
    solutions = solution.objects.filter(run__reduction=OuterRef("pk")).order_by("-run_id")
    apps.get_model("imaging", "Reduction").objects.update(
        latest_run=Subquery(runs.values("pk")[:1]), solution=Subquery(solutions.values("pk")[:1])
    )


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("imaging", "0002_latest_and_places")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
