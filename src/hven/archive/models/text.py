"""The words by which a data file is found: a full-text table of the database, as a model that can be asked."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Lookup

from hven.archive.models.data_file import DataFile

_TABLE = "archive_filetext"


class WordsField(models.TextField):  # type: ignore[type-arg] # generic in the stubs only
    """Words with spaces between them; a tsvector on PostgreSQL."""

    def db_type(self, connection: Any) -> str:
        """Return the type of the column."""
        return "tsvector" if connection.vendor == "postgresql" else "text"


@WordsField.register_lookup
class Has(Lookup):
    """Whether all of some words are there; a word that ends in ``*`` stands for all that begin so.

    Words hold letters and digits, and one sign that no tokeniser knows, so that none says anything to a database.
    """

    lookup_name = "has"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """Ask FTS5: a table's hidden column of its own name stands for all its columns."""
        alias, table = compiler.quote_name_unless_alias(self.lhs.alias), connection.ops.quote_name(_TABLE)
        said = " AND ".join(f'"{word.rstrip("*")}"{"*" if word.endswith("*") else ""}' for word in self.rhs)
        return f"{alias}.{table} MATCH %s", (said,)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Ask with a tsquery."""
        column, parameters = self.process_lhs(compiler, connection)
        said = " & ".join(f"'{word.rstrip('*')}'{':*' if word.endswith('*') else ''}" for word in self.rhs)
        return f"{column} @@ %s::tsquery", [*parameters, said]


class FileText(models.Model):
    """The words of one data file. `hven.archive.services.text_index` writes and asks.

    Its table is made by a migration of its own: FTS5 on SQLite, a tsvector with a GIN index on PostgreSQL.
    """

    data_file = models.OneToOneField(
        DataFile, primary_key=True, db_column="rowid", db_constraint=False, on_delete=models.CASCADE,
        related_name="file_text",
    )  # fmt: skip
    words = WordsField()

    class Meta:
        db_table = _TABLE

    def __str__(self) -> str:
        return f"words of data file {self.pk}"
