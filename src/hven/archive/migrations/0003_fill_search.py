"""Fill what searches read for the tags that are there already."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from hven.archive.models.tag import fold

_AT_ONCE = 500


def fill(apps: Any, _editor: Any) -> None:
    """Write folded tags, and their words."""
    tag, word = apps.get_model("archive", "Tag"), apps.get_model("archive", "TagWord")
    batch = []
    for one in tag.objects.filter(folded="").iterator(_AT_ONCE):
        one.folded = fold(one.text)
        batch.append(one)
        if len(batch) == _AT_ONCE:
            _write_tags(tag, word, batch)
            batch = []
    _write_tags(tag, word, batch)


def _write_tags(tag: Any, word: Any, batch: list[Any]) -> None:
    tag.objects.bulk_update(batch, ["folded"])
    word.objects.bulk_create([word(folded=text) for text in {one.folded for one in batch}], ignore_conflicts=True)


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0002_albums_licences_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
