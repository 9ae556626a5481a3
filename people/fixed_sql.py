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
from dataclasses import dataclass, field
from functools import cache
from threading import local
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model
from psycopg import Connection, RawCursor
from psycopg.types.datetime import TimestamptzLoader

from people import row_sql


@cache
def available() -> bool:
    return connection.vendor == "postgresql"


def one(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return the first row."""
    return next(iter(every(statement, parameters)), None)


def every(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows.

    The driver gets the statement in PostgreSQL's own words, so that it need not be read
    again each time, and without Django's cursors around it, unless those keep a log.
    """
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    if here.queries_logged or here.execute_wrappers:
        with here.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    with here.wrap_database_errors:
        raw = _cursor(here.connection)
        return raw.execute(_numbered(statement), parameters, prepare=True).fetchall()


_kept = local()


def _cursor(connection: Connection) -> RawCursor:
    """Return the one cursor of this thread's connection, made once for all statements.

    It reads moments as the driver does, in C; Django's reader is there for other time zones.
    """
    kept: RawCursor | None = getattr(_kept, "cursor", None)
    if kept is None or kept.connection is not connection:
        kept = _kept.cursor = RawCursor(connection)
        kept.adapters.register_loader("timestamptz", TimestamptzLoader)
    return kept


@cache
def _numbered(statement: str) -> bytes:
    """Write $1, $2 … for each %s."""
    first, *rest = statement.split("%s")
    numbered = (f"${number}{text}" for number, text in enumerate(rest, 1))
    return "".join([first, *numbered]).encode()


class Write(NamedTuple):
    """A row to be stored: these attributes of it, or all of it when it is new."""

    row: Model
    names: tuple[str, ...] | None = None


class WriteAll(NamedTuple):
    """New rows of one model, whose keys nobody needs to know."""

    rows: Sequence[Model]


class MustStoreAtOnce(Exception):
    """What is put off in this block cannot be: begin again without putting off new rows."""


@dataclass
class _Gathering:
    """What is stored in one statement at the end of a block."""

    with_new: bool
    rows: dict[int, Write] = field(default_factory=dict)
    more: list[WriteAll] = field(default_factory=list)

    def add(self, new: Write) -> None:
        """Add a write; two of one row become one, for a statement changes a row once."""
        known = self.rows.get(id(new.row))
        if known and known.names is not None and new.names is not None:
            new = Write(new.row, tuple(dict.fromkeys(known.names + new.names)))
        elif known:
            new = known
        self.rows[id(new.row)] = new


_gathering: ContextVar[_Gathering | None] = ContextVar("gathered_writes", default=None)


@contextmanager
def together(*, with_new: bool = False) -> Iterator[None]:
    """Put off what is written in the block, and store all of it in one statement at the end.

    For blocks that do not read back what they wrote. What is stored with `insert` is put off
    too if told so: then only the end of the block shows whether a name is taken.
    """
    gathered = _Gathering(with_new)
    token = _gathering.set(gathered)
    try:
        yield
    finally:
        _gathering.reset(token)
    if gathered.rows or gathered.more:
        _store([*gathered.more, *gathered.rows.values()])


def held(row: Model, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what the row has there, to tell later what has changed."""
    return tuple(getattr(row, field.attname) for field in row_sql.some(type(row), names).fields)


def changed(row: Model, names: tuple[str, ...], before: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the names of what differs from what the row `held` before."""
    now = zip(names, before, held(row, names), strict=True)
    return tuple(name for name, then, value in now if then is not value and then != value)


def store_at_once() -> None:
    """Say that what follows writes at once, before rows that the block puts off.

    Others, who store those rows first, would wait for ours while we wait for theirs.

    :raises MustStoreAtOnce: if new rows are put off.
    """
    if puts_off_new():
        raise MustStoreAtOnce


def puts_off_new() -> bool:
    gathering = _gathering.get()
    return gathering is not None and gathering.with_new


def insert(row: Model) -> None:
    """Store a new row at once; its key is set if the database gives it."""
    gathering = _gathering.get()
    if gathering and gathering.with_new:
        gathering.add(Write(row))
    else:
        _store([Write(row)])


def write(*writes: Write) -> None:
    """Store rows in one statement; what is always set anew, such as dates, is."""
    gathering = _gathering.get()
    if gathering is None:
        _store(writes)
        return
    for one_write in writes:
        gathering.add(one_write)


def write_all(rows: Sequence[Model]) -> None:
    """Store new rows of one model, whose keys nobody needs to know."""
    gathering = _gathering.get()
    if not rows:
        return
    if gathering and available():
        gathering.more.append(WriteAll(rows))
    else:
        type(rows[0])._base_manager.bulk_create(rows)


def delete(model: type[Model], **having: Any) -> None:
    """Delete the rows that have this value in the named foreign key; nothing hangs on them."""
    [(name, value)] = having.items()
    if available():
        every(row_sql.delete(model, name), [value])
    else:
        model._base_manager.filter(**having).delete()


def _store(writes: Sequence[Write | WriteAll]) -> None:
    if not available():
        for writing in writes:
            assert isinstance(writing, Write), "the ORM stores many rows at once"
            writing.row.save(force_insert=writing.names is None, update_fields=writing.names)
        return
    *first, (last, _) = prepared = [_prepared(group) for group in _grouped(writes)]
    common = ", ".join(f"w{number} AS ({text})" for number, (text, _) in enumerate(first))
    values = [value for _, values in prepared for value in values]
    found = one(f"WITH {common} {last}" if first else last, values)
    new = [one.row for one in writes if isinstance(one, Write) and one.names is None]
    for row in new:
        row._state.adding, row._state.db = False, connection.alias
    if found and new and new[-1].pk is None:
        new[-1].pk = found[0]


def _grouped(writes: Sequence[Write | WriteAll]) -> list[WriteAll | list[Write]]:
    """Put new rows of one model together: only in one INSERT do they keep their order."""
    groups: dict[object, list[Write]] = {}
    many: list[WriteAll | list[Write]] = []
    for writing in writes:
        if isinstance(writing, WriteAll):
            many.append(writing)
        else:
            which = id(writing.row) if writing.names else type(writing.row)
            groups.setdefault(which, []).append(writing)
    return [*many, *groups.values()]


def _prepared(group: WriteAll | list[Write]) -> tuple[str, list[Any]]:
    """Return the statement and its values."""
    if isinstance(group, WriteAll):
        shape = row_sql.whole(type(group.rows[0]), with_key=False)
        rows = (shape.values(row, is_new=True) for row in group.rows)
        return shape.insert_all, list(map(list, zip(*rows, strict=True)))
    row, names = group[0]
    if names is not None:
        shape = row_sql.some(type(row), names)
        return shape.update, [*shape.values(row, is_new=False), row.pk]
    shape = row_sql.whole(type(row), with_key=row.pk is not None)
    values = [value for one in group for value in shape.values(one.row, is_new=True)]
    return shape.insert(len(group)), values
