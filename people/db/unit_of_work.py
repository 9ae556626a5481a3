"""When rows are stored: at once, or at the end of a block, all of them in one statement.

A statement less is the most that a request of an identity provider can be spared, and BEGIN
and COMMIT are two. So there are two kinds of block: `together` inside a transaction, and
`alone`, whose one statement is the transaction. Operations need not know which they are in,
but say with `require_transaction` what `alone` cannot give them.

A write that is put off cannot be lost. Before a statement reads or changes a table that a
pending write is for, and before another instance of the same row is written, `together`
stores what is pending, and `alone` raises NeedsTransaction.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model

from people.db import prepared_statements, row_json
from people.db.batch_write import (
    NO_GUARD,
    Change,
    Delete,
    Guard,
    Key,
    Outdated,
    Part,
    Write,
    WriteAll,
    key_of,
    store,
)
from people.db.prepared_statements import NeedsTransaction


@dataclass
class _Block:
    """What is stored at its end, in one statement, and what happens then."""

    is_alone: bool
    rows: dict[Key, Write] = field(default_factory=dict)
    more: list[Change] = field(default_factory=list)
    # The tables that the pending writes are for.
    tables: set[str] = field(default_factory=set)
    seen: dict[Key, str] = field(default_factory=dict)
    conditions: list[Part] = field(default_factory=list)
    callbacks: list[Callable[[], object]] = field(default_factory=list)

    def add(self, new: Write) -> None:
        """Add a write; two of one row become one, for a statement changes a row once.

        A write that changes nothing of its row is none.

        :raises NeedsTransaction: if it changes a row that nobody holds or guards.
        """
        if new.names == ():
            return
        key = key_of(new.row)
        known = self.rows.get(key)
        if known and known.row is not new.row:
            self.flush()
            known = None
        if known and known.names is not None and new.names is not None:
            new = Write(new.row, tuple(dict.fromkeys(known.names + new.names)))
        elif known:
            new = known
        if self.is_alone and new.names is not None and key not in self.seen:
            raise NeedsTransaction
        self.rows[key] = new
        self.tables.add(new.row._meta.db_table)

    def add_many(self, change: WriteAll | Delete) -> None:
        model = type(change.rows[0]) if isinstance(change, WriteAll) else change.model
        if isinstance(change, Delete) and model._meta.db_table in self.tables:
            # Part of the same statement, it would not see the rows that are pending.
            self.flush()
        self.more.append(change)
        self.tables.add(model._meta.db_table)

    def watch(self, statement: str) -> None:
        """See to it that a statement of the block finds what was written before it.

        :raises NeedsTransaction: if the block is alone, and the statement changes or locks
            something, or reads a table that a pending write is for.
        """
        if self.is_alone and not prepared_statements.only_reads(statement):
            raise NeedsTransaction
        if not self.tables:
            return
        if statement.startswith("ROLLBACK TO"):
            # All that is pending was written since that savepoint.
            self.clear()
        elif statement.startswith("SAVEPOINT") or any(name in statement for name in self.tables):
            self.flush()

    def flush(self) -> None:
        """Store what is pending before the end of the block.

        :raises NeedsTransaction: if the block is alone.
        """
        if self.is_alone:
            raise NeedsTransaction
        self.store()

    def store(self) -> None:
        changes = [*self.more, *self.rows.values()]
        self.clear()
        if changes:
            guard = Guard(self.seen, self.conditions) if self.is_alone else NO_GUARD
            store(changes, guard)

    def clear(self) -> None:
        self.rows, self.more, self.tables = {}, [], set()

    def end(self) -> None:
        self.store()
        for callback in self.callbacks:
            transaction.on_commit(callback, robust=True)


_block: ContextVar[_Block | None] = ContextVar("storing_block", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Store what the block changes in one statement at its end, with what it adds to that.

    For blocks inside a transaction. A block that reads back what it wrote costs a statement
    more. What is stored with `insert` is stored at once.
    """
    with _storing(_Block(is_alone=False)) as block:
        yield
    block.end()


@contextmanager
def alone() -> Iterator[None]:
    """Store all that the block writes in one statement at its end, without a transaction.

    Only then it shows whether a name is taken.

    :raises NeedsTransaction: when something has to be locked, or stored before the
        end; or at the end, if somebody has changed what the block `saw`. Nothing is stored.
    """
    here = connections[DEFAULT_DB_ALIAS]
    # Inside of another transaction, as in tests, what fails must not spoil that.
    with transaction.atomic() if here.in_atomic_block else nullcontext():
        with _storing(_Block(is_alone=True)) as block:
            yield
        try:
            block.end()
        except Outdated as error:
            raise NeedsTransaction from error


@contextmanager
def _storing(block: _Block) -> Iterator[_Block]:
    outer = _block.get()
    if outer and outer.tables:
        outer.flush()
    token = _block.set(block)
    try:
        with prepared_statements.watching(block.watch):
            yield block
    finally:
        _block.reset(token)


def is_alone() -> bool:
    block = _block.get()
    return block is not None and block.is_alone


def require_transaction() -> None:
    """Say that what follows locks what it reads, or writes before the end of the block.

    :raises NeedsTransaction: if the block has no transaction.
    :raises TransactionManagementError: if there is neither a block nor a transaction: a lock
        would end with the statement that takes it.
    """
    if is_alone():
        raise NeedsTransaction
    if not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        raise transaction.TransactionManagementError("Locks need a transaction.")


def saw(row: Model, version: str) -> None:
    """Tell which version of the row the block has read, by PostgreSQL's xmin.

    Rows are locked in the order in which this is told: a user, their person, the invite.
    """
    block = _block.get()
    assert block
    block.seen[key_of(row)] = version


def only_if(statement: str, parameters: Sequence[Any]) -> None:
    """Have what the block stores depend on what it has read: on a row that is still found."""
    block = _block.get()
    assert block
    block.conditions.append(Part(statement, parameters))


def insert(row: Model) -> None:
    """Store a new row, at once unless the block is alone; its key is set if it has none."""
    block = _block.get()
    if block and block.is_alone:
        block.add(Write(row))
    else:
        store([Write(row)])


def write(*writes: Write) -> None:
    """Store rows in one statement."""
    here = _block.get()
    block = here or _Block(is_alone=False)
    for one_write in writes:
        block.add(one_write)
    if here is None:
        block.store()


def write_all(rows: Sequence[Model]) -> None:
    """Store new rows of one model, whose keys nobody needs to know."""
    if rows:
        _change(WriteAll(rows))


def delete(model: type[Model], **having: Any) -> None:
    """Delete the rows that have this value in the named foreign key; nothing hangs on them."""
    [(name, value)] = having.items()
    _change(Delete(model, name, value))


def _change(change: WriteAll | Delete) -> None:
    block = _block.get()
    if block is None:
        store([change])
    else:
        block.add_many(change)


def when_stored(callback: Callable[[], object]) -> None:
    """Call it once everything is stored and committed."""
    block = _block.get()
    if block is None:
        transaction.on_commit(callback, robust=True)
    else:
        block.callbacks.append(callback)


def held(row: Model, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what the row has there, to tell later what has changed."""
    return row_json.some(type(row), names).values(row)


def changed(row: Model, names: tuple[str, ...], before: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the names of what differs from what the row `held` before."""
    now = zip(names, before, held(row, names), strict=True)
    return tuple(name for name, then, value in now if then is not value and then != value)
