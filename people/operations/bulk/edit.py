"""Bulk edits: sets the department, location, manager or role of many people.

The selected people are stored as a draft, so that the preview and the change concern the same
people, however many they are. An applied edit is a bulk change like the others: the request
changes people for a few seconds, a job does the rest, and the edit can be undone.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import BulkChange, BulkChangeItem, Department, Location, Person
from people.models.field_table import LABELS
from people.operations.locks import lock
from people.operations.managers import InvalidManager, may_manage
from people.operations.people_update import revise_person
from people.operations.ranks import check_may_grant
from people.operations.roles.base_roles import InvalidRole
from people.presentation.actor_names import actor_name
from people.values import KEEP, Actor, PeopleError

# The fields that a bulk edit can set.
FIELDS: Final = ("department", "location", "manager", "role")
MODELS: Final[Mapping[str, Any]] = {
    "department": Department,
    "location": Location,
    "manager": Person,
}
MAX_PEOPLE: Final = 2000
BATCH = 1000
DRAFT_LIFETIME: Final = timedelta(days=1)
NOTHING_TO_CHANGE = "They have these values already."


class TooManyPeople(PeopleError):
    code = "too-many-people"

    def __init__(self) -> None:
        super().__init__(f"Select at most {MAX_PEOPLE:,} people. Filters select fewer people.")


class NotADraft(PeopleError):
    code = "not-a-draft"

    def __init__(self) -> None:
        super().__init__("This bulk edit was already applied.")


class ValueDeleted(PeopleError):
    code = "value-deleted"

    def __init__(self, field: str) -> None:
        super().__init__(f"This {LABELS[field]} was deleted.")
        self.field = field


class TerminatedPerson(PeopleError):
    code = "terminated-person"

    def __init__(self) -> None:
        super().__init__("Terminated people cannot be changed.")


@transaction.atomic
def draft_edit(people: Collection[UUID], *, actor: Actor) -> BulkChange:
    """Store these people as the draft of a bulk edit. Drafts older than a day are deleted.

    :raises TooManyPeople: if there are more than MAX_PEOPLE.
    """
    if len(people) > MAX_PEOPLE:
        raise TooManyPeople
    now = timezone.now()
    BulkChange.objects.filter(is_draft=True, began_at__lt=now - DRAFT_LIFETIME).delete()
    draft = BulkChange.objects.create(
        tenant_id=tenancy.current_id(),
        kind=BulkChange.Kind.EDITED,
        actor=str(actor),
        began_at=now,
        is_draft=True,
        values={},
    )
    BulkChangeItem.objects.bulk_create(
        (
            BulkChangeItem(
                tenant_id=draft.tenant_id,
                change=draft,
                person_id=person_id,
                event_id=0,
                outcome=BulkChangeItem.Outcome.SELECTED,
            )
            for person_id in people
        ),
        batch_size=BATCH,
    )
    return draft


@transaction.atomic
def set_values(draft: BulkChange, values: Mapping[str, Any], *, actor: Actor) -> None:
    """Set the new values of the draft: rows, a role, or None to remove the value.

    :raises NotADraft: if it was applied already.
    :raises RoleAboveRank: if the actor may not grant the role.
    :raises InvalidManager, InvalidRole: if nobody may get this manager or role.
    """
    locked = BulkChange.objects.select_for_update(no_key=True).get(pk=draft.pk)
    if not locked.is_draft:
        raise NotADraft
    manager, role = values.get("manager"), values.get("role")
    if manager is not None and not may_manage(manager):
        raise InvalidManager
    if role is not None:
        # Only new people can be Guests, and a bulk edit changes existing ones.
        if role not in Person.Role or role == Person.Role.GUEST:
            raise InvalidRole
        check_may_grant(actor, role)
    locked.values = {
        # The key of a row, so that the edit still applies after the row is renamed.
        name: str(getattr(value, "pk", value) or "")
        for name, value in values.items()
    }
    locked.save(update_fields=["values"])


@transaction.atomic
def apply_edit(draft: BulkChange, *, actor: Actor) -> None:
    """Mark everybody of the draft to be changed; `undo.run_batch` changes them.

    :raises NotADraft: if it was applied already.
    """
    locked = BulkChange.objects.select_for_update(no_key=True).get(pk=draft.pk)
    if not locked.is_draft:
        raise NotADraft
    locked.is_draft, locked.began_at, locked.actor = False, timezone.now(), str(actor)
    locked.save(update_fields=["is_draft", "began_at", "actor"])
    locked.items.update(outcome=BulkChangeItem.Outcome.PENDING)


def apply_to_item(item: BulkChangeItem) -> bool:
    """Change the person of the item, in the caller's transaction; set the item's outcome.

    :returns: whether anything changed. The item then has the old values, and why some of the new
        values were refused.
    :raises PersonAboveRank, RoleAboveRank: if the actor may not do that.
    :raises PeopleError: if the person cannot be changed at all.
    """
    lock(item.person)
    before = field_keys(item.person)
    reasons = set_fields(item.person, item.change.values or {}, actor=Actor.read(item.change.actor))
    after = field_keys(item.person)
    item.before = {
        name: [before[name], after[name]] for name in FIELDS if before[name] != after[name]
    }
    outcomes = BulkChangeItem.Outcome
    item.outcome = outcomes.CHANGED if item.before else outcomes.SKIPPED
    if not (item.before or reasons):
        reasons = [NOTHING_TO_CHANGE]
    item.skipped_reason = " ".join(reasons)[:300]
    return bool(item.before)


def undo_item(item: BulkChangeItem) -> bool:
    """Set the fields back that are still as the edit left them; set the item's outcome.

    :returns: whether anything changed.
    :raises PeopleError, RankRefused: as `apply_to_item`.
    """
    lock(item.person)
    changed = changed_fields_of(item)
    old = {name: values[0] for name, values in item.before.items() if name not in changed}
    reasons = [f"The {LABELS[name]} has changed since then." for name in changed]
    before = field_keys(item.person)
    reasons += set_fields(item.person, old, actor=Actor.read(item.change.undone_by))
    is_undone = before != field_keys(item.person)
    outcomes = BulkChangeItem.Outcome
    item.outcome = outcomes.UNDONE if is_undone else outcomes.KEPT
    item.skipped_reason = " ".join(reasons)[:300]
    return is_undone


class ChangedFields(NamedTuple):
    """The fields of a person that somebody has changed since the edit, and the other ones."""

    changed: list[str]
    left: list[str]


def changed_since(change: BulkChange) -> dict[int, ChangedFields]:
    """Return the items with fields that somebody has changed since the edit."""
    items = change.items.filter(outcome=BulkChangeItem.Outcome.CHANGED).order_by("pk")
    found = {}
    for item in items.select_related("person"):
        if changed := changed_fields_of(item):
            left = [name for name in item.before if name not in changed]
            found[item.pk] = ChangedFields(changed, left)
    return found


def changed_fields_of(item: BulkChangeItem) -> list[str]:
    now = field_keys(item.person)
    return [name for name, (_, new) in in_order(item.before).items() if now[name] != new]


def field_keys(person: Person) -> dict[str, str]:
    """Return the values of the fields as keys of rows, which stay when a row is renamed."""
    return {
        name: person.role if name == "role" else str(getattr(person, f"{name}_id") or "")
        for name in FIELDS
    }


def set_fields(person: Person, keys: Mapping[str, str], *, actor: Actor) -> list[str]:
    """Set as many of these fields as possible; return why the others keep their values.

    The caller has locked the person.

    :raises PersonAboveRank, RoleAboveRank: if the actor may not do that.
    :raises PeopleError: if the person cannot be changed at all.
    """
    if person.state == Person.State.TERMINATED:
        raise TerminatedPerson
    now, reasons = field_keys(person), []
    wanted = {name: key for name, key in in_order(keys).items() if key != now[name]}
    for name in list(wanted):
        if owner := owner_of(person, name):
            reasons.append(managed_by(owner, name))
            del wanted[name]
    while wanted:
        try:
            with transaction.atomic():
                _revise(person, wanted, actor=actor)
            break
        except PeopleError as error:
            # Errors about the last Owner or administrator name no field.
            refused = error.field or "role"
            if refused not in wanted:
                raise
            reasons.append(f"{LABELS[refused].capitalize()}: {error}")
            del wanted[refused]
            lock(person)
    return reasons


def _revise(person: Person, keys: Mapping[str, str], *, actor: Actor) -> None:
    """Set these fields: a role, or the row with the key. A blank key removes the value.

    :raises ValueDeleted: if a row is missing.
    :raises PeopleError: as `revise_person`.
    """
    values: dict[str, Any] = {}
    for name, key in keys.items():
        values[name] = key or None
        if key and name != "role":
            values[name] = MODELS[name].objects.filter(pk=key).first()
            if values[name] is None:
                raise ValueDeleted(name)
    texts: dict[str, Any] = {
        name: str(value or "") for name, value in values.items() if name != "manager"
    }
    profile = replace(person.profile, **texts)
    revise_person(person, profile, actor=actor, manager=values.get("manager", KEEP))


def in_order(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries in the order of FIELDS. PostgreSQL stores JSON in another order."""
    return {name: keys[name] for name in FIELDS if name in keys}


def value_names(values: Mapping[str, str]) -> dict[str, str]:
    """Return the new values of an edit as texts, blank for “no value”."""
    names = {}
    for name, key in in_order(values).items():
        if name == "role":
            names[name] = str(Person.Role(key).label)
        else:
            row = MODELS[name].objects.filter(pk=key).first() if key else None
            names[name] = str(row or "")
    return names


def owner_of(person: Person, name: str) -> str:
    """Return the connection that manages the field, blank if none does."""
    mark = person.managed_fields.get(name)
    return actor_name(mark["by"]) if mark else ""


def managed_by(owner: str, name: str) -> str:
    return f"{LABELS[name].capitalize()}: managed by {owner}. Change it in {owner}."
