"""Keep header cards that searches ask for as words of the full-text table, and not in a table of their own."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q

from hven.archive.services import text_index

_AT_ONCE = 500
_NEEDED = ("id", "dataset_id", "name", "object_name", "filter", "camera", "image_type", "cards")
_BY = {
    "file_by_filter_in_dataset": "filter",
    "file_by_object_in_dataset": "object_name",
    "file_by_type_in_dataset": "image_type",
}


def write_words(apps: Any, editor: Any) -> None:
    """Write the words of all files, now with their cards."""
    data_file, tag = apps.get_model("archive", "DataFile"), apps.get_model("archive", "Tag")
    last = 0
    while batch := list(data_file.objects.filter(pk__gt=last).only(*_NEEDED).order_by("pk")[:_AT_ONCE]):
        last = batch[-1].pk
        tags: dict[int, list[str]] = {one.pk: [] for one in batch}
        for pk, text in tag.objects.filter(data_file__in=list(tags)).order_by("id").values_list("data_file", "text"):
            tags[pk].append(text)
        text_index.write(((one.pk, text_index.file_words(one, tags[one.pk])) for one in batch), editor.connection)


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0013_reading_queue")]
    operations = [
        migrations.RunPython(write_words, migrations.RunPython.noop, elidable=True),
        migrations.DeleteModel(name="HeaderValue"),
        *(migrations.RemoveIndex(model_name="datafile", name=name) for name in _BY),
        *(
            migrations.AddIndex(
                model_name="datafile",
                index=models.Index(fields=["dataset", field, "id"], name=name, condition=Q(read_at__isnull=False)),
            )
            for name, field in _BY.items()
        ),
    ]
