"""The unit of work: what a block changes is stored at its end, all of it in one statement.

A statement less is the most that a request of an identity provider can be spared. A write that
is put off cannot be lost: before a statement reads or changes a table that a pending write is
for, and before another instance of the same row is written, what is pending is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from people.db import prepared_statements, row_json
from people.db.batch_write import Change, Delete, Key, Write, WriteAll, key_of, store


class Conflict(Exception):
    """A pending write of an optimistic block is refused by a constraint: begin again, asking first.

    It is no IntegrityError, so that nothing takes it for the refusal of its own statement.
    """


@dataclass
class _UnitOfWork:
    """What is stored at its end, in one statement, and what happens then."""

    is_optimistic: bool = False
    rows: dict[Key, Write] = field(default_factory=dict)
    more: list[Change] = field(default_factory=list)
    # The tables that the pending writes are for.
    tables: set[str] = field(default_factory=set)
    callbacks: list[Callable[[], object]] = field(default_factory=list)

    def add(self, new: Write) -> None:
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
            new = Write(new.row, tuple(dict.fromkeys(known.names + new.names)))
        elif known:
            new = known
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

        :raises Conflict: if the block is optimistic, and a name or an address is taken.
        """
        changes = [*self.more, *self.rows.values()]
        self.clear()
        if not changes:
            return
        try:
            store(changes)
        except IntegrityError as error:
            if self.is_optimistic:
                raise Conflict from error
            raise

    def clear(self) -> None:
        self.rows, self.more, self.tables = {}, [], set()

    def end(self) -> None:
        self.flush()
        for callback in self.callbacks:
            transaction.on_commit(callback, robust=True)


_block: ContextVar[_UnitOfWork | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def batched(*, is_optimistic: bool = False) -> Iterator[None]:
    """Store what the block changes in one statement at its end, with what it adds to that.

    For blocks inside a transaction. A block that reads back what it wrote costs a statement
    more. What is stored with `insert` is stored at once, unless the block is optimistic: then
    only its end shows whether a name or an address is taken, and the caller begins again.

    :raises Conflict: if the block is optimistic, and a name or an address is taken.
    """
    with _storing(_UnitOfWork(is_optimistic)) as block:
        yield
    block.end()


@contextmanager
def _storing(block: _UnitOfWork) -> Iterator[_UnitOfWork]:
    outer = _block.get()
    if outer and outer.tables:
        outer.flush()
    token = _block.set(block)
    try:
        with prepared_statements.watching(block.watch):
            yield block
    finally:
        _block.reset(token)


def is_optimistic() -> bool:
    """Tell whether the block goes without asking first which names and addresses are taken."""
    block = _block.get()
    return block is not None and block.is_optimistic


def insert(row: Model) -> None:
    """Store a new row, at once unless the block is optimistic; its key is set if it has none."""
    block = _block.get()
    if block and block.is_optimistic:
        block.add(Write(row))
    else:
        store([Write(row)])


def write(*writes: Write) -> None:
    """Store rows in one statement."""
    here = _block.get()
    block = here or _UnitOfWork()
    for one_write in writes:
        block.add(one_write)
    if here is None:
        block.flush()


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
