"""The base of models whose rows a unit of work may store later, with others in one statement."""

from collections.abc import Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

from people.db import unit_of_work


class DeferrableModel(models.Model):
    """A model whose `save` is deferred to the end of an open unit of work.

    Only `save` and `create` are deferred; `bulk_create` and `QuerySet.update` run at once. Use it
    for models whose primary key is known before the row is stored, or not needed until then.
    """

    class Meta:
        abstract = True

    def save(self, **options: Any) -> None:
        """Save the row, or add it to the open unit of work.

        A unit of work stores the fields in `update_fields`, or all fields of a new row.
        """
        if not unit_of_work.is_open():
            super().save(**options)
            return
        names = options.get("update_fields")
        if names is None and not self._state.adding:
            names = [field.name for field in self._meta.concrete_fields if not field.primary_key]
        unit_of_work.add(self, names)
        # The row counts as stored from here on, so that another `save` is an update.
        self._state.adding, self._state.db = False, DEFAULT_DB_ALIAS


def field_values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of these fields, with keys instead of related rows."""
    fields: list[Any] = [row._meta.get_field(name) for name in names]
    return {field.name: getattr(row, field.attname) for field in fields}


def changed_fields(row: models.Model, before: dict[str, Any]) -> list[str]:
    """Return the names of the fields whose values differ from those before."""
    now = field_values(row, before)
    return [name for name, value in before.items() if now[name] != value]
