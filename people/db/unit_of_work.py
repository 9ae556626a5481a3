"""The unit of work: what a block saves is stored at its end, all of it in one statement.

Fewer statements save a request more time than anything else. Operations save rows as usual;
`people.db.models` brings them here. A write that waits cannot be lost:
before a statement reads or changes a table that a pending write is for, before a savepoint,
and before another instance of the same row is saved, what is pending is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from people.db import prepared_statements
from people.db.batch_write import BulkInsert, Change, Delete, Key, PendingWrite, key_of, store


class Conflict(Exception):
    """A constraint refuses a pending write. Its transaction is over; begin again, without waiting.

    It is no IntegrityError, so that nothing takes it for the refusal of its own statement.
    """


@dataclass
class _UnitOfWork:
    """What is stored at its end, in one statement, and what happens then."""

    rows: dict[Key, PendingWrite] = field(default_factory=dict)
    more: list[Change] = field(default_factory=list)
    # The tables that the pending writes are for.
    tables: set[str] = field(default_factory=set)
    callbacks: list[Callable[[], object]] = field(default_factory=list)

    def add(self, new: PendingWrite) -> None:
        """Add a write; two of one row become one, for a statement changes a row once.

        A write that changes nothing of its row is none.
        """
        if new.names == ():
            return
        key = key_of(new.row)
        known = self.rows.get(key)
        if known and known.row is not new.row:
            self.flush()
            known = None
        if known and known.names is not None and new.names is not None:
            new = PendingWrite(new.row, tuple(dict.fromkeys(known.names + new.names)))
        elif known:
            new = known
        self.rows[key] = new
        self.tables.add(new.row._meta.db_table)

    def add_many(self, change: BulkInsert | Delete) -> None:
        model = type(change.rows[0]) if isinstance(change, BulkInsert) else change.model
        if isinstance(change, Delete) and model._meta.db_table in self.tables:
            # Part of the same statement, it would not see the rows that are pending.
            self.flush()
        self.more.append(change)
        self.tables.add(model._meta.db_table)

    def watch(self, statement: str) -> None:
        """See to it that a statement of the block finds what was written before it."""
        if not self.tables:
            return
        if statement.startswith("ROLLBACK TO"):
            # All that is pending was written since that savepoint.
            self.clear()
        elif statement.startswith("SAVEPOINT") or any(name in statement for name in self.tables):
            self.flush()

    def flush(self) -> None:
        """Store what is pending.

        :raises Conflict: if a constraint refuses it.
        """
        changes = [*self.more, *self.rows.values()]
        self.clear()
        if not changes:
            return
        try:
            store(changes)
        except IntegrityError as error:
            raise Conflict from error

    def clear(self) -> None:
        self.rows, self.more, self.tables = {}, [], set()

    def end(self) -> None:
        self.flush()
        for callback in self.callbacks:
            transaction.on_commit(callback, robust=True)


_block: ContextVar[_UnitOfWork | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def deferring() -> Iterator[None]:
    """Store what the block saves in one statement at its end, with what it adds to that.

    For blocks inside a transaction. A block that reads back what it wrote costs a statement
    more. Only its end shows whether a name or an address is taken. Inside an open block it adds
    to that one. On other databases than PostgreSQL rows are saved at once.

    :raises Conflict: if one is.
    """
    if is_open() or not prepared_statements.available():
        yield
        return
    block = _UnitOfWork()
    token = _block.set(block)
    try:
        with prepared_statements.watching(block.watch):
            yield
    finally:
        _block.reset(token)
    block.end()


def is_open() -> bool:
    """Tell whether rows that are saved wait for the end of a block."""
    return _block.get() is not None


def add(row: Model, names: Sequence[str] | None = None) -> None:
    """Have the open block store the row: these fields of it, or all of it when it is new."""
    block = _block.get()
    assert block
    block.add(PendingWrite(row, None if names is None else tuple(names)))


def bulk_create(rows: Sequence[Model]) -> None:
    """Store new rows of one model, whose keys nobody needs to know."""
    block = _block.get()
    if block and rows:
        block.add_many(BulkInsert(rows))
    elif rows:
        type(rows[0])._base_manager.bulk_create(rows)


def delete(model: type[Model], **having: Any) -> None:
    """Delete the rows that have this value in the named foreign key; nothing hangs on them."""
    block = _block.get()
    if block:
        [(name, value)] = having.items()
        block.add_many(Delete(model, name, value))
    else:
        model._base_manager.filter(**having).delete()


def on_stored(callback: Callable[[], object]) -> None:
    """Call it once everything is stored and committed."""
    block = _block.get()
    if block is None:
        transaction.on_commit(callback, robust=True)
    else:
        block.callbacks.append(callback)
