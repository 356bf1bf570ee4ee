"""Reading the header of a file that was taken in, and filing it by what it says."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from hven.archive.models import DataFile
from hven.archive.services.datasets import rule_of
from hven.archive.services.files import note_header
from hven.jobs import services as jobs
from hven.science.frames.headers import Headers, read_headers
from hven.science.frames.limits import Limits
from hven.storage import services as storage

BEGIN = "imaging.begin"  # a kind of job that a higher room registers: what filing a frame starts


def read_headers_of(data_file_id: int) -> tuple[DataFile, Headers] | None:
    """Read a file's header, outside of any transaction; None where the file is gone."""
    data_file = DataFile.objects.select_related("blob", "dataset", "owner").filter(pk=data_file_id).first()
    if data_file is None:
        return None
    with storage.local(data_file.blob) as path:
        return data_file, read_headers(path, limits=Limits(max_pixels=settings.HVEN_MAX_PIXELS))


@transaction.atomic
def note_read(data_file: DataFile, headers: Headers) -> bool:
    """File a file into its night by its header and start what the rule says; return False where it is gone."""
    if not DataFile.objects.select_for_update().filter(pk=data_file.pk).exists():
        return False
    note_header(data_file, headers, says_why=True)
    rule = rule_of(data_file.dataset)
    if rule and headers.width and headers.height and not _is_calibration(data_file):
        jobs.enqueue(
            BEGIN,
            {"data_file_id": data_file.pk, "rule": rule},
            created_by=data_file.owner,
            idempotency_key=f"begin-{data_file.uuid}-{rule}",
        )
    return True


def read_file(data_file_id: int) -> DataFile | None:
    """Read a file's header and file it; None where it is gone."""
    found = read_headers_of(data_file_id)
    return found[0] if found is not None and note_read(*found) else None


def _is_calibration(data_file: DataFile) -> bool:
    return DataFile.objects.filter(pk=data_file.pk, calibration__isnull=False).exists()
