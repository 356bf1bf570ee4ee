"""Take the words of cards that tell where a frame was taken out of the full-text table."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from hven.archive.services import text_index
from hven.science.frames.whereabouts import tells_place

_AT_ONCE = 500
_NEEDED = ("id", "dataset_id", "name", "object_name", "filter", "camera", "image_type", "cards")


def write_anew(apps: Any, editor: Any) -> None:
    """Write the words of the files that have such cards."""
    data_file, tag = apps.get_model("archive", "DataFile"), apps.get_model("archive", "Tag")
    last = 0
    while batch := list(data_file.objects.filter(pk__gt=last).only(*_NEEDED).order_by("pk")[:_AT_ONCE]):
        last = batch[-1].pk
        tags: dict[int, list[str]] = {one.pk: [] for one in batch if _tells_place(one.cards)}
        for pk, text in tag.objects.filter(data_file__in=list(tags)).order_by("id").values_list("data_file", "text"):
            tags[pk].append(text)
        changed = (one for one in batch if one.pk in tags)
        text_index.write(((one.pk, text_index.file_words(one, tags[one.pk])) for one in changed), editor.connection)


def _tells_place(cards: list[Any]) -> bool:
    return any(isinstance(card[1], str) and tells_place(str(card[0])) for card in cards)


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0011_packed_by")]
    operations = [migrations.RunPython(write_anew, migrations.RunPython.noop, elidable=True)]
