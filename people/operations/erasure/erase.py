"""Erases what identifies a terminated person; the history stays, under a pseudonym."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.utils import timezone

from people import events
from people.db import app_role
from people.models import (
    Comparison,
    Department,
    Entity,
    Event,
    Location,
    Person,
    PersonSession,
    Tenant,
)
from people.models.personal_data import ALL_ROWS, Erased, PersonalData
from people.operations import ranks
from people.operations.erasure.identifiers import (
    Identifiers,
    collect,
    own_rows,
    path_to_tenant,
    personal_data,
    rows_of_tenant,
)
from people.operations.erasure.redaction import Redaction, text_columns
from people.operations.locks import lock
from people.operations.person_fields import snapshot
from people.values import Actor, PeopleError

# A building may bear the name of a person without being about them.
NOT_ABOUT_PEOPLE: Final = (Tenant, Entity, Location, Department)


class NotTerminated(PeopleError):
    code = "not-terminated"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is not terminated. Terminate the person first. The "
            "termination hands over what they hold."
        )


class ErasureByOperator(PeopleError):
    code = "erasure-by-operator"

    def __init__(self, person: Person) -> None:
        super().__init__(
            "Ramp's role in the database may not change the history, so it cannot erase personal "
            "data. Ask the operator of Ramp to run, as the owner of the tables: "
            f"manage.py erase_person {person.pk}"
        )


def pseudonym_of(person: Person) -> str:
    """Return what replaces the names of the person. It does not depend on them."""
    return f"erased-{person.pk.hex[:8]}"


def erased_at(person: Person) -> datetime | None:
    """Return when the person's data was erased, or None."""
    erasures = Event.objects.filter(person=person, kind=Event.Kind.PERSON_ERASED)
    at: datetime | None = erasures.values_list("happened_at", flat=True).first()
    return at


def check_can_erase(person: Person, *, actor: Actor) -> None:
    """Check that the actor may erase the person's data, before a page asks for confirmation.

    :raises OwnersOnly: if the actor is neither an Owner nor an operator.
    :raises NotTerminated: if the person is not terminated.
    :raises ErasureByOperator: if row-level security keeps this process from changing events.
    """
    ranks.check_handles_personal_data(actor)
    if person.state != Person.State.TERMINATED:
        raise NotTerminated(person)
    if not app_role.may_change_events():
        raise ErasureByOperator(person)


@transaction.atomic
def erase_person(person: Person, *, actor: Actor) -> bool:
    """Erase the person's names, addresses and ids; return False if that was done before.

    :raises OwnersOnly, NotTerminated, ErasureByOperator: see `check_can_erase`.
    """
    lock(person)
    check_can_erase(person, actor=actor)
    if erased_at(person):
        return False
    texts, earlier = collect(person), snapshot(person)
    erased = Erased(pseudonym_of(person), timezone.now())
    _end_sessions(person)
    _erase_own_rows(person, texts, erased)
    _erase_uploads(texts, erased)
    _erase_mentions(person, texts, erased)
    person.refresh_from_db()
    later = snapshot(person)
    # Earlier events show the pseudonym for each of these fields.
    gone = {name: {"from": erased.pseudonym, "to": None} for name in earlier if name not in later}
    events.record(Event.Kind.PERSON_ERASED, person, actor=actor, changes=gone)
    return True


def _end_sessions(person: Person) -> None:
    keys = PersonSession.objects.filter(person=person).values_list("session_key", flat=True)
    Session.objects.filter(session_key__in=list(keys)).delete()


def _erase_own_rows(person: Person, texts: Identifiers, erased: Erased) -> None:
    redaction = Redaction(texts.all, erased.pseudonym)
    # Found first, because rows are found by columns that the erasure changes.
    found = [
        (data, list(own_rows(data, person, texts.unique).values_list("pk", flat=True)))
        for data in personal_data()
    ]
    for data, keys in found:
        rows = data.model._base_manager.filter(pk__in=keys)
        if data.deleted is not None:
            (rows if data.deleted == ALL_ROWS else rows.filter(data.deleted)).delete()
        columns = [
            column
            for column in text_columns(data.model)
            if isinstance(column, models.TextField | models.JSONField) or column.name in data.texts
        ]
        for row in rows.iterator():
            _update(row, columns, redaction, data.changed, erased)
        if data.open is not None:
            for row in rows.filter(data.open).iterator():
                _update(row, (), redaction, data.closed_by, erased)


def _update(
    row: models.Model,
    columns: Sequence["models.Field[Any, Any]"],
    redaction: Redaction,
    changed: Mapping[str, Any],
    erased: Erased,
) -> None:
    """Replace the texts in these columns of the row, and set the declared new values."""
    values = {}
    for column in columns:
        value = redaction.value(getattr(row, column.name))
        if isinstance(column, models.CharField) and isinstance(value, str):
            value = value[: column.max_length]
        values[column.name] = value
    for name, new in changed.items():
        earlier = values.get(name, getattr(row, name))
        values[name] = new(earlier, erased) if callable(new) else new
    values = {name: value for name, value in values.items() if value != getattr(row, name)}
    if values:
        type(row)._base_manager.filter(pk=row.pk).update(**values)


def _erase_uploads(texts: Identifiers, erased: Erased) -> None:
    """Delete uploaded lists that contain the person. Of applied ones, only the file."""
    redaction = Redaction(texts.all, erased.pseudonym)
    for upload in Comparison.objects.iterator():
        content = bytes(upload.content).decode(upload.encoding or "utf-8", errors="replace")
        file_name = redaction.text(upload.file_name)
        if redaction.text(content) == content and file_name == upload.file_name:
            continue
        if upload.is_applied:
            same = Comparison.objects.filter(pk=upload.pk)
            same.update(content=b"", file_name=file_name)
        else:
            upload.delete()


def _erase_mentions(person: Person, texts: Identifiers, erased: Erased) -> None:
    """Replace what is unique to the person in all other rows of the company."""
    redaction = Redaction(texts.unique, erased.pseudonym)
    declared: dict[type[models.Model], PersonalData] = {
        data.model: data for data in personal_data() if data.changed_if_mentioned
    }
    for model in apps.get_models(include_auto_created=True):
        columns = text_columns(model)
        if not path_to_tenant(model) or model in NOT_ABOUT_PEOPLE or not columns:
            continue
        changed = declared[model].changed_if_mentioned if model in declared else {}
        for row in redaction.rows(rows_of_tenant(model, person.tenant_id), columns).iterator():
            earlier = [getattr(row, column.name) for column in columns]
            if any(redaction.value(value) != value for value in earlier):
                _update(row, columns, redaction, changed, erased)
