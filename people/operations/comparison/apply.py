"""Applies the selected rows of a comparison: all of them, or none.

First a job tries every row in a transaction that it rolls back. If a row is refused, nothing is
applied, and the page lists what stops it. Otherwise each row is applied in a transaction of its
own, together with its item of a bulk change. If a row is refused only now, because somebody changed
the person in between, the bulk change is undone. New people get their mail when all rows are
applied, so nobody is invited by a list that is not applied.
"""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from people import hooks
from people.models import BulkChange, BulkChangeItem, Comparison, ComparisonRow, Event, Person
from people.models.field_table import PROFILE
from people.operations.comparison.columns import CUSTOM
from people.operations.comparison.differences import is_same, kept_because, value_of
from people.operations.comparison.matching import EMAIL, Managers, people_by_key
from people.operations.locks import lock
from people.operations.managers import InvalidManager
from people.operations.people import add_person, deactivate_person
from people.operations.people_update import revise_person
from people.values import (
    KEEP,
    MAX_NAME_LENGTH,
    Actor,
    Invitation,
    Keep,
    PeopleError,
    Profile,
)

Kind = ComparisonRow.Kind
HELD = Invitation(hold_reason="The list is still being applied.")
EVENT_OF = {
    "added": Event.Kind.PERSON_ADDED,
    "revised": Event.Kind.PERSON_REVISED,
    "deactivated": Event.Kind.PERSON_DEACTIVATED,
}


class ChangedSinceComparison(PeopleError):
    code = "changed-since-comparison"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ManagerNotApplied(PeopleError):
    code = "manager-not-applied"

    def __init__(self) -> None:
        super().__init__("The manager is a new person of the list who is not selected.")


class ApplierLeft(PeopleError):
    code = "applier-left"

    def __init__(self) -> None:
        super().__init__("The person who applied the list is no longer an administrator.")


def apply_row(row: ComparisonRow, *, is_trial: bool) -> None:
    """Add, change or deactivate the person of the row, and add them to the bulk change.

    :param is_trial: whether the caller rolls everything back. New managers are missing then.
    :raises ApplierLeft: if the person who applied the list may no longer do that.
    :raises ChangedSinceComparison: if the person has changed since the comparison.
    :raises ManagerNotApplied: if the manager is a new person who is not selected.
    :raises PeopleError, RankRefused: as `add_person`, `revise_person` and `deactivate_person`.
    """
    actor = Actor.read(row.comparison.applied_by)
    if actor.kind == "person":
        appliers = Person.objects.active_administrators().filter(email_key=actor.key)
        if not appliers.exists():
            raise ApplierLeft
    match row.kind:
        case Kind.NEW:
            row.person, action = _add(row, actor=actor, is_trial=is_trial), "added"
        case Kind.DIFFERENT:
            action = "revised" if _revise(row, actor=actor, is_trial=is_trial) else ""
        case _:
            assert row.person
            reason = f"Compared with {row.comparison.file_name[:MAX_NAME_LENGTH]}."
            if not deactivate_person(row.person, actor=actor, reason=reason):
                state = row.person.get_state_display().lower()
                raise ChangedSinceComparison(f"They are {state} already.")
            action = "deactivated"
    if action and not is_trial:
        assert row.person
        _add_item(row.comparison, row.person, action)


def _add(row: ComparisonRow, *, actor: Actor, is_trial: bool) -> Person:
    key = row.comparison.key
    if key != EMAIL and people_by_key(key, [row.key]):
        raise ChangedSinceComparison("A person with this identifier was added in the meantime.")
    values = row.values
    manager = _manager(row, values.get("manager", ""), is_trial=is_trial)
    texts: dict[str, Any] = {name: values.get(name, "") for name in PROFILE}
    profile = Profile(**texts | {"role": values.get("role")})
    return add_person(
        profile,
        actor=actor,
        manager=None if isinstance(manager, Keep) else manager,
        custom_values=custom_values(values),
        invitation=HELD,
    )


def custom_values(values: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(CUSTOM): text for name, text in values.items() if name.startswith(CUSTOM)
    }


def _revise(row: ComparisonRow, *, actor: Actor, is_trial: bool) -> bool:
    person = row.person
    assert person
    lock(person)
    if not person.is_active and not row_says_inactive(row):
        raise ChangedSinceComparison(f"They are {person.get_state_display().lower()} now.")
    filled = hooks.managed_custom_fields([person.pk]).get(person.pk, {})
    wanted: dict[str, str] = {}
    for one in row.differences:
        if not one["kept_because"]:
            _check_unchanged(person, one, filled)
            wanted[one["field"]] = one["listed"]
    profile = person.profile
    values: dict[str, Any] = {name: getattr(profile, name) for name in PROFILE}
    values |= {name: text for name, text in wanted.items() if name in values}
    manager: Person | Keep | None = KEEP
    if "manager" in wanted:
        manager = _manager(row, wanted["manager"], is_trial=is_trial)
    custom = custom_values(wanted) or None
    return revise_person(
        person, Profile(**values), actor=actor, manager=manager, custom_values=custom
    )


def row_says_inactive(row: ComparisonRow) -> bool:
    return any(one["field"] == "state" for one in row.differences)


def _check_unchanged(
    person: Person, difference: Mapping[str, str], filled: Mapping[str, str]
) -> None:
    """Check that the field has the value that the comparison showed, or that of the list.

    :raises ChangedSinceComparison: if it has another one, or a connection manages it now.
    """
    field, label = difference["field"], difference["label"].lower()
    here = value_of(person, field)
    if here != difference["here"] and not is_same(person, field, here, difference["listed"]):
        raise ChangedSinceComparison(f"Their {label} has changed since the comparison.")
    if reason := kept_because(person, field, filled=filled):
        raise ChangedSinceComparison(f"Their {label} has an owner now. {reason}")


def _manager(row: ComparisonRow, listed: str, *, is_trial: bool) -> Person | Keep | None:
    """Return the manager; KEEP for a new one who does not exist in a trial.

    :raises ManagerNotApplied: if a new manager is not selected.
    :raises InvalidManager: if the manager was terminated in the meantime.
    """
    if not listed:
        return None
    people = Person.objects.in_lists().select_related("department", "location")
    if not listed.startswith(Managers.NEW):
        manager: Person | None = people.filter(pk=listed).first()
        if manager is None:
            raise InvalidManager
        return manager
    rows = ComparisonRow.objects.filter(comparison=row.comparison, key=row.manager_key)
    new = rows.filter(kind=Kind.NEW, is_selected=True).first()
    if new is None:
        raise ManagerNotApplied
    if is_trial:
        return KEEP
    added: Person = people.get(pk=new.person_id)
    return added


def _add_item(comparison: Comparison, person: Person, action: str) -> None:
    """Add the person to the bulk change, in the transaction of the change itself."""
    if comparison.change is None:
        comparison.change = BulkChange.objects.create(
            tenant_id=comparison.tenant_id,
            kind=BulkChange.Kind.LIST,
            actor=comparison.applied_by,
            began_at=timezone.now(),
        )
        comparison.save(update_fields=["change"])
    events = person.events.filter(kind=EVENT_OF[action]).order_by("-pk")
    BulkChangeItem.objects.create(
        tenant_id=comparison.tenant_id,
        change=comparison.change,
        person=person,
        event_id=events.values_list("pk", flat=True)[0],
        before={"action": action},
    )
