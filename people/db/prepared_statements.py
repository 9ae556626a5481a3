"""Runs fixed SQL as prepared statements, without the ORM. PostgreSQL only.

A request of an identity provider reads and changes a few rows. For each of them, the ORM takes
several times as long to build the statement as PostgreSQL takes to run it. On other databases
the callers use the ORM. docs/adr/0002-fixed-sql-on-hot-paths.md says where this may be used.
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

from people.db import tenant_setting

Execute = Callable[..., Any]
Row = tuple[Any, ...]


@cache
def available() -> bool:
    return connection.vendor == "postgresql"


def first_row(statement: str, parameters: Sequence[Any]) -> Row | None:
    """Return the first row, or None."""
    return next(iter(all_rows(statement, parameters)), None)


def all_rows(statement: str, parameters: Sequence[Any]) -> list[Row]:
    """Return all rows.

    The statement goes to psycopg directly, with PostgreSQL's own placeholders, so psycopg does
    not parse it each time. Django's cursors are used only if they log queries or if somebody
    else has wrapped them.
    """
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    # Tests and debugging tools count queries by wrapping the cursor, and must see these as well.
    if here.queries_logged or any(wrapper is not _watched for wrapper in here.execute_wrappers):
        with here.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    if here.execute_wrappers:
        _call_watch(statement)
    with here.wrap_database_errors:
        tenant_setting.update(here)
        raw = _cursor(here.connection)
        # prepare=True: psycopg would prepare a statement only after several executions.
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
    _call_watch(sql)
    return execute(sql, *how)


def _call_watch(statement: str) -> None:
    watch = _watch.get()
    if watch:
        watch(statement)


class PreparedQuery(NamedTuple):
    """A fixed statement that returns at most one row, with `width` columns."""

    statement: str
    parameters: tuple[Any, ...]
    width: int


_prefetched: ContextVar[dict[PreparedQuery, Row | None] | None] = ContextVar(
    "prefetched_rows", default=None
)


@contextmanager
def prefetching() -> Iterator[None]:
    """Let `prefetch` keep rows for `fetch` until the block ends."""
    token = _prefetched.set({})
    try:
        yield
    finally:
        _prefetched.reset(token)


def prefetch(*queries: PreparedQuery) -> None:
    """Run the queries in one round trip and keep their rows for `fetch`.

    Call it inside `prefetching`.
    """
    kept = _prefetched.get()
    assert kept is not None
    values = [value for query in queries for value in query.parameters]
    [row] = all_rows(_joined(tuple(query.statement for query in queries)), values)
    rest = iter(row)
    for query in queries:
        is_there, *columns = islice(rest, 1 + query.width)
        kept[query] = tuple(columns) if is_there else None


def fetch(query: PreparedQuery) -> Row | None:
    """Return the row of the query, or None. A prefetched row is returned only once."""
    kept = _prefetched.get()
    if kept and query in kept:
        # Removed, because a later read must see what the request has written since.
        return kept.pop(query)
    return first_row(query.statement, query.parameters)


@cache
def _joined(statements: tuple[str, ...]) -> str:
    tables = (
        f" LEFT JOIN (SELECT true, q.* FROM ({statement}) q) q{number} ON true"  # noqa: S608
        for number, statement in enumerate(statements)
    )
    # Joined to one empty row, so the result is always one row, even if no query finds anything.
    return f"SELECT * FROM (SELECT) single{''.join(tables)}"  # noqa: S608


_thread_local = local()


def _cursor(connection: Connection) -> RawCursor:
    """Return the cursor of this thread's connection. It is created once, which saves time.

    It loads timestamps with psycopg's own loader, in C. Django's loader, in Python, is only
    needed for connections with another time zone than UTC.
    """
    kept: RawCursor | None = getattr(_thread_local, "cursor", None)
    if kept is None or kept.connection is not connection:
        kept = _thread_local.cursor = RawCursor(connection)
        kept.adapters.register_loader("timestamptz", TimestamptzLoader)
    return kept


@cache
def _numbered(statement: str) -> bytes:
    """Write $1, $2 … for each %s."""
    first, *rest = statement.split("%s")
    numbered = (f"${number}{text}" for number, text in enumerate(rest, 1))
    return "".join([first, *numbered]).encode()
