"""Statements that are fixed, prepared by the driver, and run without the ORM around them.

An identity provider's request reads and changes a few rows, and building the statement for
each takes the ORM several times as long as PostgreSQL takes to run it. On other databases
the ORM does it. docs/adr/0002-fixed-sql-on-hot-paths.md tells where they may be used.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import islice
from threading import local
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg import Connection, RawCursor
from psycopg.types.datetime import TimestamptzLoader

Execute = Callable[..., Any]


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
    if here.queries_logged or any(one is not _watched for one in here.execute_wrappers):
        with here.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    if here.execute_wrappers:
        _tell(statement)
    with here.wrap_database_errors:
        raw = _cursor(here.connection)
        return raw.execute(_numbered(statement), parameters, prepare=True).fetchall()


_watch: ContextVar[Callable[[str], None] | None] = ContextVar("statement_watch", default=None)


@contextmanager
def watching(watch: Callable[[str], None]) -> Iterator[None]:
    """Call `watch` with each statement of the block before it runs, also with the ORM's."""
    token = _watch.set(watch)
    try:
        with connections[DEFAULT_DB_ALIAS].execute_wrapper(_watched):
            yield
    finally:
        _watch.reset(token)


def _watched(execute: Execute, sql: str, *how: Any) -> Any:
    _tell(sql)
    return execute(sql, *how)


def _tell(statement: str) -> None:
    watch = _watch.get()
    if watch:
        watch(statement)


class PreparedQuery(NamedTuple):
    """A fixed statement that has one row for an answer or none, and how wide that is."""

    statement: str
    parameters: tuple[Any, ...]
    width: int


Answer = tuple[Any, ...] | None
_foreseen: ContextVar[dict[PreparedQuery, Answer] | None] = ContextVar("foreseen", default=None)


@contextmanager
def prefetching() -> Iterator[None]:
    """Keep what is asked ahead in the block until it is asked for, and no longer than it lasts."""
    token = _foreseen.set({})
    try:
        yield
    finally:
        _foreseen.reset(token)


def prefetch(*questions: PreparedQuery) -> None:
    """Ask them all in one journey, inside of `prefetching`."""
    kept = _foreseen.get()
    assert kept is not None
    values = [value for question in questions for value in question.parameters]
    [row] = every(_joined(tuple(question.statement for question in questions)), values)
    rest = iter(row)
    for question in questions:
        is_there, *fetch = islice(rest, 1 + question.width)
        kept[question] = tuple(fetch) if is_there else None


def fetch(question: PreparedQuery) -> Answer:
    """Return the row, from what was asked ahead if it is there; that answers only once."""
    kept = _foreseen.get()
    if kept and question in kept:
        return kept.pop(question)
    return one(question.statement, question.parameters)


@cache
def _joined(statements: tuple[str, ...]) -> str:
    tables = (
        f" LEFT JOIN (SELECT true, q.* FROM ({statement}) q) q{number} ON true"  # noqa: S608
        for number, statement in enumerate(statements)
    )
    return f"SELECT * FROM (SELECT) one{''.join(tables)}"  # noqa: S608


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
