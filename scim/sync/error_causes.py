"""Finds out whether the cause of a sync error is gone, so that a retry may succeed.

The facts of all listed errors are read together, so that the number of queries does not grow with
the errors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from people.models import Event, Location, Person
from people.operations.managers import may_manage
from people.values import normalize_key
from scim.models import Connection, ScimUser, SyncError
from scim.rfc.ids import scim_uuid

Reason = SyncError.Reason
ABOUT_A_MANAGER = {Reason.INVALID_MANAGER, Reason.CIRCULAR_MANAGER}
# Another policy or mapping may accept the same request.
DECIDED_BY_SETTINGS = {
    *(Reason.INCOMPLETE, Reason.INVALID_NAME, Reason.INVALID_MANAGER, Reason.INVALID_VALUE),
    *(Reason.INVALID_LOCATION_CHANGE, Reason.INVALID_ROLE_ASSIGNMENT),
}


@dataclass
class ErrorCauses:
    """What the causes of some errors look like now."""

    # By connection and by each name of the manager, and by address.
    users: dict[tuple[UUID, str], Person] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    locations: dict[str, Location] = field(default_factory=dict)
    administrators: dict[UUID, str] = field(default_factory=dict)
    # When the settings of a connection changed last.
    settings_changed_at: dict[str, datetime] = field(default_factory=dict)

    def manager_of(self, error: SyncError) -> Person | None:
        """Return the person whom the error names as the manager, if they are in Ramp now."""
        if error.reason not in ABOUT_A_MANAGER:
            return None
        given, key = error.offending_value, normalize_key(error.offending_value)
        of_connection = (self.users.get((error.connection_id, name)) for name in (given, key))
        return next(filter(None, of_connection), None) or self.people.get(key)

    def is_gone(self, error: SyncError) -> bool:
        """Tell whether what prevented the change is gone, or may be gone."""
        match error.reason:
            case Reason.INVALID_MANAGER if manager := self.manager_of(error):
                return may_manage(manager)
            case Reason.LAST_OWNER | Reason.LAST_ADMINISTRATOR:
                return self._is_anybody_left(error)
            case Reason.INVALID_ROLE_ASSIGNMENT if (
                error.connection.role_source == Connection.RoleSource.RAMP
            ):
                return True
            case Reason.INVALID_LOCATION_CHANGE if self._has_same_currency(error):
                return True
            case reason if reason in DECIDED_BY_SETTINGS:
                changed_at = self.settings_changed_at.get(str(error.connection_id))
                return changed_at is not None and changed_at > error.happened_at
            case _:
                return False

    def _is_anybody_left(self, error: SyncError) -> bool:
        others = [role for key, role in self.administrators.items() if key != error.person_id]
        return Person.Role.OWNER in others if error.reason == Reason.LAST_OWNER else bool(others)

    def _has_same_currency(self, error: SyncError) -> bool:
        location = self.locations.get(normalize_key(error.offending_value))
        earlier = error.person.location if error.person else None
        if location is None or earlier is None:
            return False
        return bool(location.entity.currency == earlier.entity.currency)


def causes_of(errors: Sequence[SyncError]) -> ErrorCauses:
    """Read the facts about the causes of these errors, with one query for each kind of fact."""
    causes = ErrorCauses()
    _find_managers(causes, [error for error in errors if error.reason in ABOUT_A_MANAGER])
    places = _values(errors, {Reason.INVALID_LOCATION_CHANGE})
    if places:
        keys = map(normalize_key, places)
        for location in Location.objects.filter(name_key__in=keys).select_related("entity"):
            causes.locations[location.name_key] = location
    if any(error.reason in (Reason.LAST_OWNER, Reason.LAST_ADMINISTRATOR) for error in errors):
        # The two who may be named in errors, and one more of each kind.
        people = Person.objects.active_administrators().order_by("pk")
        owners = people.filter(role=Person.Role.OWNER)
        for some in (owners, people):
            causes.administrators.update(some.values_list("pk", "role")[:2])
    settled = [error for error in errors if error.reason in DECIDED_BY_SETTINGS]
    if settled:
        since = min(error.happened_at for error in settled)
        events = Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED, happened_at__gt=since)
        for facts, at in events.order_by("happened_at").values_list("facts", "happened_at"):
            if facts.get("what") == "settings" and "connection" in facts:
                causes.settings_changed_at[facts["connection"]] = at
    return causes


def _find_managers(causes: ErrorCauses, errors: Sequence[SyncError]) -> None:
    if not errors:
        return
    given = _values(errors, ABOUT_A_MANAGER)
    keys = {normalize_key(value) for value in given}
    named = Q(user_name_key__in=keys) | Q(email_key__in=keys) | Q(scim_external_id__in=given)
    named |= Q(scim_id__in=[scim_uuid(value) for value in given if scim_uuid(value).int])
    users = ScimUser.objects.filter(
        named,
        connection__in={error.connection_id for error in errors},
        deleted_at=None,
        person__isnull=False,
    )
    for user in users.select_related("person").defer("document", "rendered"):
        names = (str(user.scim_id), user.scim_external_id, user.user_name_key, user.email_key)
        assert user.person, "the query asks for it"
        for name in filter(None, names):
            causes.users.setdefault((user.connection_id, name), user.person)
    for person in Person.objects.filter(email_key__in=keys):
        known = causes.people.get(person.email_key)
        if known is None or known.state == Person.State.TERMINATED:
            causes.people[person.email_key] = person


def _values(errors: Iterable[SyncError], reasons: set[Any]) -> set[str]:
    return {
        error.offending_value
        for error in errors
        if error.reason in reasons and error.offending_value
    }
