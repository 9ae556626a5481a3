"""Rows written and read by fixed statements, where the ORM would cost more than the work.

An identity provider's request changes three or four rows, and building the statement for
each takes the ORM several times as long as PostgreSQL takes to run it. These statements are
built once for a model and prepared by the driver. What they store and load is what the ORM
would, which tests/people/test_fixed_sql.py shows; on other databases the ORM does it.
docs/adr/0002-fixed-sql-on-hot-paths.md tells where they may be used.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def available() -> bool:
    return connection.vendor == "postgresql"


def one(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


class Write(NamedTuple):
    """A row to be stored: these attributes of it, or all of it when it is new."""

    row: Model
    names: tuple[str, ...] | None = None


def insert(row: Model) -> None:
    """Store a new row at once; its key is set if the database gives it."""
    _store([Write(row)])


_gathered: ContextVar[dict[int, Write] | None] = ContextVar("gathered_writes", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Put off what is written in the block, and store all of it in one statement at the end.

    For blocks that do not read back what they wrote.
    """
    gathered: dict[int, Write] = {}
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    if gathered:
        _store(list(gathered.values()))


def write(*writes: Write) -> None:
    """Store rows in one statement; what is always set anew, such as dates, is."""
    gathered = _gathered.get()
    if gathered is not None:
        for one_write in writes:
            _gather(gathered, one_write)
    else:
        _store(writes)


def _store(writes: Sequence[Write]) -> None:
    if not available():
        for row, names in writes:
            row.save(force_insert=names is None, update_fields=names)
        return
    *first, last = [_statement(type(row), names) for row, names in writes]
    common = ", ".join(f"w{number} AS ({one})" for number, one in enumerate(first))
    values = [value for row, names in writes for value in _values(row, names)]
    found = one(f"WITH {common} {last}" if first else last, values)
    for row, names in writes:
        if names is None:
            row._state.adding, row._state.db = False, connection.alias
    if found and writes[-1].names is None:
        writes[-1].row.pk = found[0]


def _gather(gathered: dict[int, Write], new: Write) -> None:
    """Add a write; two of one row become one, for a statement changes a row once."""
    known = gathered.get(id(new.row))
    if known and known.names is not None and new.names is not None:
        new = Write(new.row, tuple(dict.fromkeys(known.names + new.names)))
    elif known:
        new = known
    gathered[id(new.row)] = new


def columns(model: type[Model], table: str) -> str:
    """Name all columns of the model, in its own order."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def loaded(model: type[Row], values: Sequence[Any]) -> Row:
    """Make the instance that the ORM would make of `columns`."""
    fields = model._meta.concrete_fields
    read = [
        field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
        for field, value in zip(fields, values, strict=True)
    ]
    return model.from_db(connection.alias, [field.attname for field in fields], read)


@cache
def _statement(model: type[Model], names: tuple[str, ...] | None) -> str:
    table, key = model._meta.db_table, model._meta.pk.column
    columns = [str(field.column) for field in _fields(model, names)]
    if names is None:
        places = ", ".join(["%s"] * len(columns))
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) RETURNING {key}"  # noqa: S608
    changes = ", ".join(f"{column} = %s" for column in columns)
    return f"UPDATE {table} SET {changes} WHERE {key} = %s RETURNING {key}"  # noqa: S608


@cache
def _fields(model: type[Model], names: tuple[str, ...] | None) -> tuple[Any, ...]:
    if names is None:
        return tuple(one for one in model._meta.concrete_fields if not one.db_returning)
    return tuple(model._meta.get_field(name) for name in names)


def _values(row: Model, names: tuple[str, ...] | None) -> list[Any]:
    fields = _fields(type(row), names)
    is_new = names is None
    values = [field.get_db_prep_save(field.pre_save(row, is_new), connection) for field in fields]
    return values if is_new else [*values, row.pk]
