"""Statements that are asked very often, built once from the models and kept.

Django builds a query's SQL anew each time, which takes it longer than the database takes to answer. Here the text is
kept, one for each kind of database; what the tables are like stays said once, by the models. Only text is ever kept:
no row, and nothing of what somebody may do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import QuerySet
from django.db.models.base import ModelState
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery
from django.utils import timezone

M = TypeVar("M", bound=models.Model)
Adapt = Callable[[Any], Any]
# How fields prepare values that are parameters as they are, if they are of the field's own type.
_PLAIN = {
    kind.get_prep_value
    for kind in (models.BooleanField, models.CharField, models.TextField, models.IntegerField, models.FloatField)
}
# Numbers from here on stand for others while a query is compiled: nothing is really asked with them. They fit into
# every column of whole numbers but small ones; for a larger one Django would find that nothing can be equal.
_FIRST = 2**31 - 811_247
_STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: number,
    str: lambda number: f"stands for {number}",
    UUID: lambda number: UUID(int=number),
    datetime: lambda number: datetime.fromtimestamp(number - _FIRST, UTC),
}


class Question:
    """A query of a fixed form that is asked with other values each time.

    Parameters
    ----------
    make
        Called once, with something that stands for each value, by name; returns a query of ``values_list``.
    values
        The type of each value: int, str, UUID or datetime.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]], **values: type) -> None:
        self._make = make
        self._stand_ins = {name: _STAND_INS[kind](_FIRST + at) for at, (name, kind) in enumerate(values.items())}
        self._texts: dict[str, _Text | None] = {}

    def rows(self, **values: Any) -> list[list[Any]]:
        """Return the rows for these values."""
        database = connections[DEFAULT_DB_ALIAS]
        if database.vendor not in self._texts:
            self._texts[database.vendor] = self._compiled(database)
        text = self._texts[database.vendor]
        if text is None:
            return []
        parameters = list(text.parameters)
        for at, name, adapt in text.places:
            parameters[at] = values[name] if adapt is None else adapt(values[name])
        rows = [list(row) for row in _ask(database, text.sql, parameters)]
        for row in rows:
            for at, converters, expression in text.converters:
                if row[at] is not None:
                    for converter in converters:
                        row[at] = converter(row[at], expression, database)
        return rows

    def _compiled(self, database: Any) -> _Text | None:
        compiler = self._make(**self._stand_ins).query.get_compiler(connection=database)
        try:
            sql, parameters = compiler.as_sql()
        except EmptyResultSet:  # the conditions exclude each other
            return None
        adapts = {name: _adapt(type(stand_in), database) for name, stand_in in self._stand_ins.items()}
        adapted = {(adapts[name] or _same)(stand_in): name for name, stand_in in self._stand_ins.items()}
        places = [(at, adapted[one], adapts[adapted[one]]) for at, one in enumerate(parameters) if one in adapted]
        if missing := set(self._stand_ins) - {name for _, name, _ in places}:
            raise AssertionError(f"The query does not ask for {', '.join(sorted(missing))}.")
        found = compiler.get_converters([expression for expression, *_ in compiler.select])
        converters = [(at, list(each), expression) for at, (each, expression) in found.items()]
        return _Text(_written(sql, database), tuple(parameters), places, converters)


class Lookup:
    """A query for the rows of some ids; of more than it takes at once it is asked in parts.

    Parameters
    ----------
    make
        Called once, with what stands for ids; returns a query of ``values_list``.
    at_once
        How many ids; fewer are filled up.
    """

    def __init__(self, make: Callable[[list[int]], QuerySet[Any, Any]], at_once: int = 50) -> None:
        self._names = [f"id_{number}" for number in range(at_once)]
        self._question = Question(lambda **ids: make(list(ids.values())), **dict.fromkeys(self._names, int))

    def rows(self, ids: Iterable[int]) -> list[list[Any]]:
        """Return the rows of these ids; what order the query has holds among those that are asked for at once."""
        every, most = list(ids), len(self._names)
        found = []
        for first in range(0, len(every), most):
            part = every[first : first + most]
            part += part[-1:] * (most - len(part))
            found += self._question.rows(**dict(zip(self._names, part, strict=True)))
        return found


class Insert(Generic[M]):
    """Inserts records of a model, each with one statement, in the caller's transaction and without a savepoint.

    Signals are not sent, and a ``save`` of the model's own is not called.

    Parameters
    ----------
    model
        Has no parents with tables of their own.
    unique, renewed
        Where a record of the same ``unique`` columns is there already, its ``renewed`` columns are set instead.
    """

    def __init__(self, model: type[M], *, unique: Sequence[str] = (), renewed: Sequence[str] = ()) -> None:
        self.model = model
        self._unique, self._renewed = unique, renewed
        every = model._meta.concrete_fields  # noqa: SLF001 - Django's documented name
        self._fields = [one for one in every if not one.primary_key]
        self._key_at = next(at for at, one in enumerate(every) if one.primary_key)
        self._at = {name: at for at, one in enumerate(self._fields) for name in (one.name, one.attname)}
        # of such columns what makes a value, None where that is the time
        self._fresh = {one.attname: _maker(one) for one in self._fields if _is_fresh(one)}
        self._texts: dict[str, _InsertText] = {}

    def make(self, **values: Any) -> M:
        """Insert a record; return it. What is not said has its default."""
        text = self._text(connections[DEFAULT_DB_ALIAS])
        self._refresh(values)
        row = list(text.plain)
        for at, make in text.makes:
            row[at] = make()
        related = {}
        for name, value in values.items():
            if isinstance(value, models.Model):
                related[name] = value
                row[self._at[name]] = value.pk
            else:
                row[self._at[name]] = value
        row.insert(self._key_at, self._insert(values))
        made = record(self.model, row)
        # Records are set behind the backs of the descriptors, which ask a router for each whether they may be.
        made._state.fields_cache.update(related)  # noqa: SLF001 - as Django does it
        return made

    def _refresh(self, values: dict[str, Any]) -> None:
        """Add what each record has of its own without anybody saying it."""
        now = timezone.now()
        for name, make in self._fresh.items():
            if name not in values:
                values[name] = now if make is None else make()

    def _text(self, database: Any) -> _InsertText:
        if database.vendor not in self._texts:
            self._texts[database.vendor] = self._compiled(database)
        return self._texts[database.vendor]

    def _insert(self, values: dict[str, Any]) -> int:
        database = connections[DEFAULT_DB_ALIAS]
        text = self._text(database)
        [[pk]] = _ask(database, text.sql, self._parameters(text, values))
        return int(pk)

    def _parameters(self, text: _InsertText, values: dict[str, Any]) -> list[Any]:
        parameters = list(text.defaults)
        for name, value in values.items():
            at = self._at[name]
            parameters[at] = _adapted(value, text.adapts[at])
        return parameters

    def _compiled(self, database: Any) -> _InsertText:
        field = self.model._meta.get_field  # noqa: SLF001 - as above
        query = InsertQuery(
            self.model,
            on_conflict=OnConflict.UPDATE if self._unique else None,
            unique_fields=[field(name) for name in self._unique],
            update_fields=[field(name) for name in self._renewed],
        )
        query.insert_values(self._fields, [self.model()])
        compiler = query.get_compiler(connection=database)
        compiler.returning_fields = [self.model._meta.pk]  # noqa: SLF001 - as above
        [(sql, parameters)] = compiler.as_sql()
        if len(parameters) != len(self._fields):
            raise AssertionError(f"{self.model.__name__} has columns that take no plain value.")
        return _InsertText(
            _written(sql, database),
            tuple(parameters),
            tuple(_adapt_to(one, database) for one in self._fields),
            tuple(one.get_default() for one in self._fields),
            tuple((at, one.default) for at, one in enumerate(self._fields) if one.default in (dict, list)),
        )


class Update(Generic[M]):
    """Writes some columns of many records with one statement, in the caller's transaction.

    A column that holds the time of the last change is set to now.
    """

    def __init__(self, model: type[M], *names: str) -> None:
        field = model._meta.get_field  # noqa: SLF001 - Django's documented name
        self._table: str = model._meta.db_table  # noqa: SLF001 - the same
        self._key: Any = model._meta.pk  # noqa: SLF001 - the same
        self._fields: list[Any] = [field(name) for name in names]
        self._touched = {one.attname for one in self._fields if getattr(one, "auto_now", False)}
        self._texts: dict[str, tuple[str, dict[str, Adapt | None]]] = {}

    def ready(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of columns as parameters: what takes long is done before others wait for the transaction."""
        _, adapts = self._text(connections[DEFAULT_DB_ALIAS])
        return {name: _adapted(value, adapts[name]) for name, value in values.items()}

    def many(self, records: Sequence[M], ready: Mapping[Any, Mapping[str, Any]] = MappingProxyType({})) -> None:
        """Write them; what is `ready`, by their keys, is taken instead of what the records have."""
        database = connections[DEFAULT_DB_ALIAS]
        sql, adapts = self._text(database)
        touched = self.ready(dict.fromkeys(self._touched, timezone.now()))
        parameters = []
        for each in records:
            known = {**touched, **ready.get(each.pk, {})}
            parameters.append([
                *(
                    known[name] if name in known else _adapted(getattr(each, name), adapt)
                    for name, adapt in adapts.items()
                ),
                each.pk,
            ])  # fmt: skip
        if parameters:
            with database.cursor() as cursor:
                cursor.executemany(sql, parameters)

    def _text(self, database: Any) -> tuple[str, dict[str, Adapt | None]]:
        if database.vendor not in self._texts:
            quote = database.ops.quote_name
            columns = ", ".join(f"{quote(one.column)} = %s" for one in self._fields)
            sql = f"UPDATE {quote(self._table)} SET {columns} WHERE {quote(self._key.column)} = %s"  # noqa: S608 - names of models
            self._texts[database.vendor] = sql, {one.attname: _adapt_to(one, database) for one in self._fields}
        return self._texts[database.vendor]


@dataclass(frozen=True, slots=True)
class _Text:
    """A query for one kind of database."""

    sql: tuple[str, str]  # see `_written`
    parameters: tuple[Any, ...]
    places: list[tuple[int, str, Adapt | None]]  # of a parameter, what is put there, and how
    converters: list[tuple[int, list[Any], Any]]  # of columns whose values Django converts


@dataclass(frozen=True, slots=True)
class _InsertText:
    """An insert for one kind of database."""

    sql: tuple[str, str]  # see `_written`
    defaults: tuple[Any, ...]
    adapts: tuple[Adapt | None, ...]
    plain: tuple[Any, ...]  # the defaults as records have them
    makes: tuple[tuple[int, Callable[[], Any]], ...]  # of columns with a new object each time


class Statement:
    """A statement that gives no rows, written by hand for all kinds of database, with ``%s`` for each value."""

    def __init__(self, sql: str) -> None:
        self._sql = sql, sql.replace("%s", "?")

    def run(self, *values: Any) -> None:
        """Run it in the caller's transaction, with values that are parameters as they are."""
        _run(connections[DEFAULT_DB_ALIAS], self._sql, list(values), lambda _: None)


def record(model: type[M], values: Sequence[Any], names: Sequence[str] | None = None) -> M:
    """Return a record of the values of `columns`, or of those of them that are named: the others are asked for later.

    Nobody is told (``post_init``), and no ``__init__`` is called, with which Django takes ten times as long.
    """
    made = model.__new__(model)
    said = made.__dict__
    said["_state"] = state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    said.update(zip(columns(model) if names is None else names, values, strict=True))
    return made


@lru_cache(maxsize=64)
def columns(model: type[models.Model]) -> tuple[str, ...]:
    """Return the names of all columns of a model, in order, as ``values_list`` takes them."""
    return tuple(one.attname for one in model._meta.concrete_fields)  # noqa: SLF001 - as above


def _is_fresh(field: Any) -> bool:
    """Say whether each record has a value of its own without anybody saying it: an id, the time."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return True
    return field.has_default() and callable(field.default) and field.default not in {dict, list}


def _maker(field: Any) -> Callable[[], Any] | None:
    """Return what makes values for such a field; None where it is the time."""
    return None if not field.has_default() or field.default is timezone.now else field.default


def _written(sql: str, database: Any) -> tuple[str, str]:
    """Return a statement as Django's cursors take it, and as the database's own do."""
    return sql, sql % (("?",) * sql.count("%s")) if database.vendor == "sqlite" else sql


def _ask(database: Any, sql: tuple[str, str], parameters: list[Any]) -> Any:
    """Return all rows of a statement."""
    return _run(database, sql, parameters, lambda cursor: cursor.fetchall())


def _run(database: Any, sql: tuple[str, str], parameters: list[Any], taken: Callable[[Any], Any]) -> Any:
    """Run a statement; return what is taken from the cursor."""
    if database.vendor != "sqlite" or database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:
            cursor.execute(sql[0], parameters)
            return taken(cursor)
    # What Django's cursor does for SQLite, but for rewriting the text each time.
    database.validate_no_broken_transaction()
    database.ensure_connection()
    with database.wrap_database_errors:
        return taken(database.connection.execute(sql[1], parameters))


def _adapt(kind: type, database: Any) -> Adapt | None:
    """Return how values of a type become parameters; None where they are parameters as they are."""
    if kind is UUID and not database.features.has_native_uuid_field:
        return _hexadecimal
    if kind is datetime:
        return _utc if database.vendor == "sqlite" else database.ops.adapt_datetimefield_value
    return None


def _adapt_to(field: Any, database: Any) -> Adapt | None:
    """Return how values become parameters for a column; None where they are parameters as they are."""
    if isinstance(field, models.ForeignKey):
        return _key if field.target_field.get_internal_type() != "UUIDField" else _through(field, database)
    kind = type(field)
    if kind.get_db_prep_save is models.Field.get_db_prep_save and kind.get_prep_value in _PLAIN:
        return None
    if kind is models.DateTimeField or kind is models.UUIDField:
        return _adapt(datetime if kind is models.DateTimeField else UUID, database)
    return _through(field, database)


def _adapted(value: Any, adapt: Adapt | None) -> Any:
    return value if value is None or adapt is None else adapt(value)


def _through(field: Any, database: Any) -> Adapt:
    return lambda value: field.get_db_prep_save(value, database)


def _key(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value


def _hexadecimal(value: UUID) -> str:
    return value.hex


def _utc(value: datetime) -> str:
    """Return a time as Django writes it into SQLite."""
    return str((value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None))


def _same(value: Any) -> Any:
    return value
