"""Reading the header of a file that was taken in, and filing it by what it says."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hven.archive.models import DataFile, HeaderValue
from hven.archive.services.files import plain_cards, plain_meaning, plain_text
from hven.archive.services.header_values import searchable
from hven.archive.services.nights import file_into_night
from hven.jobs import services as jobs
from hven.science.frames.headers import Headers, read_headers
from hven.science.frames.limits import Limits
from hven.storage import services as storage

BEGIN = "imaging.begin"  # a kind of job that a higher room registers: what filing a frame starts


def read_file(data_file_id: int) -> DataFile | None:
    """Read a file's header, file it into its night and start what its dataset's rule says; None where it is gone."""
    data_file = DataFile.objects.select_related("blob", "dataset").filter(pk=data_file_id).first()
    if data_file is None:
        return None
    with storage.local(data_file.blob) as path:
        headers = read_headers(path, limits=Limits(max_pixels=settings.HVEN_MAX_PIXELS))
    with transaction.atomic():
        if not DataFile.objects.select_for_update().filter(pk=data_file_id).exists():
            return None
        _note(data_file, headers)
        file_into_night(data_file)
        rule = data_file.dataset.rule
        if rule and headers.width and headers.height and not _is_calibration(data_file):
            jobs.enqueue(
                BEGIN,
                {"data_file_id": data_file.pk, "rule": rule},
                created_by=data_file.owner,
                idempotency_key=f"begin-{data_file.uuid}-{rule}",
            )
    return data_file


def _is_calibration(data_file: DataFile) -> bool:
    return DataFile.objects.filter(pk=data_file.pk, calibration__isnull=False).exists()


def _note(data_file: DataFile, headers: Headers) -> None:
    meaning = headers.meaning
    data_file.read_at = timezone.now()
    data_file.format = headers.format
    data_file.width, data_file.height = headers.width, headers.height
    data_file.cards = plain_cards(headers.cards)
    data_file.meaning = plain_meaning(meaning)
    data_file.middle = meaning.middle or meaning.start
    data_file.exposure_s = meaning.exposure_s
    data_file.ra, data_file.dec = meaning.ra, meaning.dec
    for name in ("filter", "object_name", "camera", "image_type"):
        setattr(data_file, name, plain_text(getattr(meaning, name) or "")[:70])
    data_file.save(
        update_fields=[
            "read_at", "format", "width", "height", "cards", "meaning", "middle", "exposure_s", "ra", "dec", "filter",
            "object_name", "camera", "image_type", "changed",
        ]
    )  # fmt: skip
    data_file.header_values.all().delete()
    found = searchable(data_file.cards)
    HeaderValue.objects.bulk_create(HeaderValue(data_file=data_file, keyword=key, text=text) for key, text in found)
