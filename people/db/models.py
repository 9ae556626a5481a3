"""The base of models whose rows a unit of work may store later, with others in one statement."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from people.db import unit_of_work


class DeferrableModel(models.Model):
    """Saved as ever; inside a unit of work the row waits for the one statement at its end.

    Only `save` and `create` wait. `bulk_create` and `QuerySet.update` run at once. For models
    whose keys are known before they are stored, or not needed until then.
    """

    class Meta:
        abstract = True

    def _do_insert(self, *args: Any) -> Any:
        if not unit_of_work.is_open():
            return super()._do_insert(*args)  # type: ignore[misc]
        unit_of_work.add(self)
        return []

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any) -> Any:
        if not unit_of_work.is_open():
            return super()._do_update(base_qs, using, pk_val, values, *args)
        unit_of_work.add(self, [field.name for field, _, _ in values])
        return True


def field_values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """Return what the row has in these fields, keys instead of related rows."""
    fields: list[Any] = [row._meta.get_field(name) for name in names]
    return {field.name: getattr(row, field.attname) for field in fields}


def changed_fields(row: models.Model, before: dict[str, Any]) -> list[str]:
    """Return the names of the fields whose values differ from those before."""
    now = field_values(row, before)
    return [name for name, value in before.items() if now[name] != value]
