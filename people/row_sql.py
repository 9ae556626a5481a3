"""How the rows of a model are written in SQL, and made of what a statement returns.

What a model's fields need for that is found out once: asking each field again for each row
takes longer than the statement itself.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=models.Model)

# Fields whose values the driver takes as they are.
PLAIN: Final = (
    *(models.BooleanField, models.CharField, models.DateTimeField, models.ForeignKey),
    *(models.IntegerField, models.TextField, models.UUIDField),
)


class Shape:
    """Some columns of a model: the statements that store them, and their values in a row."""

    def __init__(self, model: type[models.Model], fields: Sequence[Any]) -> None:
        self.table, self.key = model._meta.db_table, str(model._meta.pk.column)
        self.fields = fields
        self._readers: list[tuple[str, Callable[..., Any] | None, Callable[..., Any] | None]] = [
            (
                field.attname,
                field.pre_save if _is_set_on_saving(field) else None,
                None if isinstance(field, PLAIN) else field.get_db_prep_save,
            )
            for field in fields
        ]
        self._inserts: dict[int, str] = {}

    def values(self, row: models.Model, *, is_new: bool) -> list[Any]:
        here = connections[DEFAULT_DB_ALIAS]
        read = [
            (refresh(row, is_new) if refresh else getattr(row, name), prepare)
            for name, refresh, prepare in self._readers
        ]
        return [prepare(value, here) if prepare else value for value, prepare in read]

    def insert(self, rows: int) -> str:
        """Return the statement that stores so many new rows, in their order."""
        if rows not in self._inserts:
            places = ", ".join(["%s"] * len(self.fields))
            values = ", ".join([f"({places})"] * rows)
            self._inserts[rows] = (
                f"INSERT INTO {self.table} ({self._columns}) VALUES {values} "  # noqa: S608
                f"RETURNING {self.key}"
            )
        return self._inserts[rows]

    @cached_property
    def insert_all(self) -> str:
        """The statement that stores any number of new rows, given column by column."""
        here = connections[DEFAULT_DB_ALIAS]
        arrays = ", ".join(f"%s::{field.db_type(here)}[]" for field in self.fields)
        return (
            f"INSERT INTO {self.table} ({self._columns}) SELECT * FROM UNNEST({arrays}) "  # noqa: S608
            f"RETURNING {self.key}"
        )

    @cached_property
    def update(self) -> str:
        changes = ", ".join(f'"{field.column}" = %s' for field in self.fields)
        return f"UPDATE {self.table} SET {changes} WHERE {self.key} = %s RETURNING {self.key}"  # noqa: S608

    @cached_property
    def update_as_seen(self) -> str:
        """The same for a row of which nobody else has stored another version since."""
        return self.update.replace(" RETURNING", " AND xmin = %s::xid RETURNING")

    @property
    def _columns(self) -> str:
        return ", ".join(f'"{field.column}"' for field in self.fields)


def _is_set_on_saving(field: Any) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


@cache
def some(model: type[models.Model], names: tuple[str, ...]) -> Shape:
    return Shape(model, [model._meta.get_field(name) for name in names])


@cache
def whole(model: type[models.Model], *, with_key: bool) -> Shape:
    """Return all columns, or all but the key, if the database gives that."""
    fields = model._meta.concrete_fields
    return Shape(model, [field for field in fields if with_key or not field.db_returning])


@cache
def delete(model: type[models.Model], name: str) -> str:
    """Return the statement that deletes the rows with a value there."""
    [field] = some(model, (name,)).fields
    return f"DELETE FROM {model._meta.db_table} WHERE {field.column} = %s RETURNING 1"  # noqa: S608


def columns(model: type[models.Model], table: str) -> str:
    """Name all columns of the model, in its own order."""
    return ", ".join(f'{table}."{field.column}"' for field in model._meta.concrete_fields)


def loaded(model: type[Row], values: Sequence[Any]) -> Row:
    """Make the instance that the ORM would make of `columns`.

    Its attributes are put in their place at once. The ORM sets them one by one and tells two
    signals, which nobody hears; six rows a request would cost as much as a statement.
    """
    names, converted = _reading(model)
    row = model.__new__(model)
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    row.__dict__.update(zip(names, values, strict=True), _state=state)
    for name, convert in converted:
        row.__dict__[name] = convert(row.__dict__[name], None, connections[DEFAULT_DB_ALIAS])
    return row


@cache
def _reading(
    model: type[models.Model],
) -> tuple[list[str], list[tuple[str, Callable[..., Any]]]]:
    """Return the names of the attributes, and those of what has to be converted."""
    fields = model._meta.concrete_fields
    converted = [
        (field.attname, field.from_db_value) for field in fields if hasattr(field, "from_db_value")
    ]
    return [field.attname for field in fields], converted
