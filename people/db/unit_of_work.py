"""The unit of work: stores everything that a block saves in one statement at its end.

Fewer statements save a request more time than anything else. Operations save rows as usual, and
`people.db.models` adds them here. Pending writes are flushed earlier if that is needed to keep
the result the same: before a statement that mentions a table with pending writes, before a
savepoint, and before another instance of the same row is saved.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from people import tenancy
from people.db import prepared_statements
from people.db.batch_write import BulkInsert, Change, Delete, Key, PendingWrite, key_of, store


class Conflict(Exception):
    """A constraint refused a pending write, so the transaction failed. Retry it at once.

    It is not an IntegrityError, because callers that catch one would take it for an error of
    the statement that they have just run.
    """


@dataclass
class _UnitOfWork:
    """The pending writes of a block, and the callbacks for when they are committed."""

    rows: dict[Key, PendingWrite] = field(default_factory=dict)
    bulk_changes: list[Change] = field(default_factory=list)
    # The tables that the pending writes are for.
    tables: set[str] = field(default_factory=set)
    callbacks: list[Callable[[], object]] = field(default_factory=list)
    # Which were in force when the writes were added. The end of the block may be outside of them.
    tenants: set[int | None] = field(default_factory=set)

    def add(self, new: PendingWrite) -> None:
        """Add a write. Two writes of one row are merged: a statement can change a row only once.

        A write without fields is dropped.
        """
        if new.names == ():
            return
        key = key_of(new.row)
        known = self.rows.get(key)
        # Two instances of one row have writes of their own, which one statement cannot both apply.
        if known and known.row is not new.row:
            self.flush()
            known = None
        if known and known.names is not None and new.names is not None:
            new = PendingWrite(new.row, tuple(dict.fromkeys(known.names + new.names)))
        # The pending write is an INSERT, which will contain the later values as well.
        elif known:
            new = known
        self.rows[key] = new
        self.tenants.add(tenancy.in_force())
        self.tables.add(new.row._meta.db_table)

    def add_many(self, change: BulkInsert | Delete) -> None:
        model = type(change.rows[0]) if isinstance(change, BulkInsert) else change.model
        if isinstance(change, Delete) and model._meta.db_table in self.tables:
            # All parts of one statement see the same snapshot, without the pending rows.
            self.flush()
        self.bulk_changes.append(change)
        self.tenants.add(tenancy.in_force())
        self.tables.add(model._meta.db_table)

    def watch(self, statement: str) -> None:
        """Flush before a statement that could read pending writes."""
        if not self.tables:
            return
        if statement.startswith("ROLLBACK TO"):
            # Each savepoint flushes first, so all pending writes came after it.
            self.clear()
        # A table name may be found where the table is not read; that flush only costs a statement.
        elif statement.startswith("SAVEPOINT") or any(name in statement for name in self.tables):
            self.flush()

    def flush(self) -> None:
        """Store the pending writes.

        :raises Conflict: if a constraint refuses it.
        """
        # Cleared before storing, because `watch` sees the statement that stores.
        changes, tenants = [*self.bulk_changes, *self.rows.values()], self.tenants
        self.clear()
        if not changes:
            return
        try:
            with _in_force(tenants):
                store(changes)
        except IntegrityError as error:
            raise Conflict from error

    def clear(self) -> None:
        self.rows, self.bulk_changes, self.tables, self.tenants = {}, [], set(), set()

    def end(self) -> None:
        self.flush()
        for callback in self.callbacks:
            # Robust: the data is committed by then, so a callback must not fail the request.
            transaction.on_commit(callback, robust=True)


def _in_force(tenants: set[int | None]) -> AbstractContextManager[None]:
    """Put the tenant of the pending writes in force, or all if there are several."""
    if len(tenants) > 1:
        return tenancy.across_tenants()
    [tenant_id] = tenants
    return nullcontext() if tenant_id is None else tenancy.use(tenant_id)


_block: ContextVar[_UnitOfWork | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def deferring() -> Iterator[None]:
    """Store everything that the block saves in one statement at its end.

    Use it inside a transaction. A block that reads what it wrote costs one more statement. An
    inner block adds to the outer one. On other databases than PostgreSQL, rows are saved at once.

    :raises Conflict: at the end of the block, if a constraint refuses a row, for example because
        an address is taken.
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
    # Not in `finally`: if the block failed, its transaction is rolled back.
    block.end()


def is_open() -> bool:
    """Tell whether saved rows are deferred to the end of a block."""
    return _block.get() is not None


def add(row: Model, names: Sequence[str] | None = None) -> None:
    """Add the row to the open block. `names` are the changed fields; None means a new row."""
    block = _block.get()
    assert block
    block.add(PendingWrite(row, None if names is None else tuple(names)))


def bulk_create(rows: Sequence[Model]) -> None:
    """Store new rows of one model, whose primary keys the caller does not need."""
    block = _block.get()
    if block and rows:
        block.add_many(BulkInsert(rows))
    elif rows:
        type(rows[0])._base_manager.bulk_create(rows)


def delete(model: type[Model], **having: Any) -> None:
    """Delete the rows with this value in the named foreign key. Nothing may refer to them."""
    block = _block.get()
    if block:
        [(name, value)] = having.items()
        block.add_many(Delete(model, name, value))
    else:
        model._base_manager.filter(**having).delete()


def on_stored(callback: Callable[[], object]) -> None:
    """Call the function after the commit of everything that the block saves."""
    block = _block.get()
    if block is None:
        transaction.on_commit(callback, robust=True)
    else:
        block.callbacks.append(callback)
