"""Returns everything that Ramp stores about a person, for the person (GDPR, article 15)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.text import capfirst

from people.models import Event, Person
from people.models.personal_data import PersonalData
from people.operations import ranks
from people.operations.erasure.identifiers import collect, own_rows, personal_data
from people.operations.exports import record_export
from people.values import Actor

Row = dict[str, Any]


@transaction.atomic
def export_person(person: Person, *, actor: Actor) -> Row:
    """Return all rows about the person as JSON, without secrets, and record the export.

    :raises OwnersOnly: if the actor is neither an Owner nor an operator.
    """
    ranks.check_handles_personal_data(actor)
    texts = collect(person).unique
    sections = [
        {"title": _title(data), "rows": rows}
        for data in personal_data()
        if (rows := [_labeled(row, data) for row in own_rows(data, person, texts).order_by("pk")])
    ]
    record_export(f"all data about {person.pk}", actor=actor, filters="")
    return {
        "exported_at": timezone.now().isoformat(timespec="seconds"),
        "person": {"id": str(person.pk), "name": person.full_name, "tenant": person.tenant.slug},
        "sections": sections,
    }


def _title(data: PersonalData) -> str:
    if data.model is Event:
        return "Own actions" if data.exported else "History"
    return capfirst(str(data.model._meta.verbose_name_plural))


def _labeled(row: models.Model, data: PersonalData) -> Row:
    return {
        capfirst(str(column.verbose_name)): _plain(getattr(row, column.attname))
        for column in _columns(data)
    }


def _columns(data: PersonalData) -> Iterator["models.Field[Any, Any]"]:
    for column in data.model._meta.concrete_fields:
        is_wanted = column.name in data.exported if data.exported else column.name != "tenant"
        if is_wanted and column.name not in data.secrets:
            yield column


def _plain(value: Any) -> Any:
    """Return the value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
