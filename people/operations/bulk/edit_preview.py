"""Previews a bulk edit: what changes for each person, and what does not.

It asks few queries for any number of people. The operations check the same rules again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from people.models import BulkChange, Location, Person
from people.models.field_table import LABELS
from people.operations.bulk.edit import (
    TerminatedPerson,
    field_keys,
    in_order,
    managed_by,
    owner_of,
    value_names,
)
from people.operations.managers import CircularManager, SelfManager, chain_above
from people.operations.place_lookup import check_move
from people.operations.ranks import refusal_over
from people.operations.roles.base_roles import check_admins_remain
from people.presentation.field_text import shown
from people.values import PeopleError


@dataclass(frozen=True)
class FieldEdit:
    """The old and the new value of a field, as texts."""

    label: str
    old: str
    new: str


@dataclass
class PersonEdit:
    """What a bulk edit does to one person. `refused` says why fields, or all of them, stay."""

    person: Person
    changes: list[FieldEdit] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class EditPreview:
    """The preview of a draft for one administrator."""

    def __init__(self, draft: BulkChange, viewer: Person) -> None:
        self.viewer = viewer
        self.keys: Mapping[str, str] = in_order(draft.values or {})
        self.names = value_names(self.keys)
        manager, location = self.keys.get("manager"), self.keys.get("location")
        self._above = set(chain_above(UUID(manager))) if manager else set()
        self._location = (
            Location.objects.select_related("entity").filter(pk=location).first()
            if location
            else None
        )
        # The edit changes people in this order, so the last Owner stays in the preview too.
        self._owners = set(Person.objects.active_owners().values_list("pk", flat=True))
        self._admins = set(Person.objects.active_administrators().values_list("pk", flat=True))
        people = Person.objects.filter(
            pk__in=draft.items.values("person"), tenant_id=draft.tenant_id
        ).select_related("department", "location__entity", "manager")
        by_id = {person.pk: person for person in people}
        ids = draft.items.order_by("pk").values_list("person_id", flat=True)
        self.people = [self._edit_of(by_id[person_id]) for person_id in ids]

    def _edit_of(self, person: Person) -> PersonEdit:
        if person.state == Person.State.TERMINATED:
            return PersonEdit(person, refused=[str(TerminatedPerson())])
        if refusal := refusal_over(self.viewer, person):
            return PersonEdit(person, refused=[refusal])
        edit, now = PersonEdit(person), field_keys(person)
        for name, key in self.keys.items():
            if key == now[name]:
                continue
            if owner := owner_of(person, name):
                edit.refused.append(managed_by(owner, name))
                continue
            try:
                self._check(person, name, key)
            except PeopleError as error:
                edit.refused.append(f"{LABELS[name].capitalize()}: {error}")
            else:
                label = LABELS[name].capitalize()
                edit.changes.append(FieldEdit(label, shown(person, name), self.names[name]))
        return edit

    def _check(self, person: Person, name: str, key: str) -> None:
        """Check one new value.

        :raises PeopleError: as `revise_person`.
        """
        match name:
            case "manager" if key == str(person.pk):
                raise SelfManager
            case "manager" if person.pk in self._above:
                raise CircularManager
            case "location":
                check_move(person, self._location)
            case "role":
                check_admins_remain(
                    person,
                    key,
                    has_owner=lambda: bool(self._owners - {person.pk}),
                    has_administrator=lambda: bool(self._admins - {person.pk}),
                )
                if key != Person.Role.OWNER:
                    self._owners.discard(person.pk)
                if key not in Person.ADMINISTERING:
                    self._admins.discard(person.pk)
