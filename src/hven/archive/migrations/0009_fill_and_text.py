"""Make the full-text table, which 0014 fills, and fill the new columns for the files that are there already."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import migrations, models

from hven.archive.models.text import WordsField
from hven.science.sky.discs import disc

_AT_ONCE = 500
_PLACE = ("x", "y", "z", "cos_radius", "sin_radius", "radius_deg", "cell")
_SQLITE = (
    # Words come normalised: this tokeniser takes what is not ASCII as letters and changes none. Nobody asks for the
    # order of words, so that where they stand is not kept. A table like this has no foreign keys.
    "CREATE VIRTUAL TABLE archive_filetext USING fts5(words, detail=none, tokenize='ascii')",
)
_POSTGRESQL = (
    "CREATE TABLE archive_filetext (rowid bigint PRIMARY KEY, words tsvector NOT NULL)",
    "CREATE INDEX file_by_words ON archive_filetext USING gin (words)",
)


def make(_apps: Any, editor: Any) -> None:
    """Make the table."""
    for statement in _POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE:
        editor.execute(statement)


def drop(_apps: Any, editor: Any) -> None:
    """Remove it."""
    editor.execute("DROP TABLE archive_filetext")


def fill(apps: Any, _editor: Any) -> None:
    """Fill the places of files."""
    data_file = apps.get_model("archive", "DataFile")
    last = 0
    while batch := list(data_file.objects.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        last = batch[-1].pk
        placed = [one for one in batch if one.ra is not None and one.dec is not None and -90 <= one.dec <= 90]
        for one in placed:
            for name, value in {**asdict(disc(one.ra % 360.0, one.dec, 0.0)), "radius_deg": 0.0}.items():
                setattr(one, name, value)
        data_file.objects.bulk_update(placed, _PLACE)


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0008_search")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="FileText",
                    fields=[
                        (
                            "data_file",
                            models.OneToOneField(
                                db_column="rowid",
                                db_constraint=False,
                                on_delete=models.deletion.CASCADE,
                                primary_key=True,
                                related_name="file_text",
                                serialize=False,
                                to="archive.datafile",
                            ),
                        ),
                        ("words", WordsField()),
                    ],
                    options={"db_table": "archive_filetext"},
                ),
            ],
            database_operations=[migrations.RunPython(make, drop)],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
