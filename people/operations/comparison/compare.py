"""Compares an uploaded list with the people in Ramp, in slices that a killed worker repeats.

Each slice is one transaction, which stores its rows and how far it has come. So a slice that was
interrupted leaves nothing behind, and the next worker begins with it.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from people import hooks, tenancy
from people.models import Comparison, ComparisonRow, CustomField, Person
from people.operations import ranks
from people.operations.comparison.columns import CUSTOM
from people.operations.comparison.differences import Names, differences
from people.operations.comparison.listed import Listed, Unreadable, read_list, split_name
from people.operations.comparison.matching import EMAIL, Managers, Matches, people_by_key
from people.operations.comparison.new_managers import settle_new_managers
from people.values import VIA_SCIM, Actor, is_usable_name, normalize_key

ROWS_A_SLICE = 500
PEOPLE_A_SLICE = 1000
Kind = ComparisonRow.Kind


class Comparer:
    """Compares one list. It reads the file once, and then works in slices."""

    def __init__(self, comparison: Comparison) -> None:
        self.key = comparison.key
        self.rows = read_list(comparison)
        self.matches = Matches(comparison.key, self.rows)
        self.managers = Managers(self.rows, self.matches)
        custom = CustomField.objects.values_list("external_name", "name")
        labels = {f"{CUSTOM}{external_name}": name for external_name, name in custom}
        self.names = Names(self.managers.names, labels)
        self.filled: Mapping[UUID, Mapping[str, str]] = {}
        actor = Actor.read(comparison.created_by)
        self.viewer: Person | None = None
        if actor.kind == "person":
            self.viewer = Person.objects.filter(email_key=actor.key).first()

    def run_slice(self, comparison: Comparison) -> None:
        """Compare the next rows, or search the next people who are not in the list.

        The caller has locked the comparison, and commits the slice.
        """
        comparison.total_count = len(self.rows)
        if comparison.done_count < len(self.rows):
            self._compare_rows(comparison)
            if comparison.done_count == len(self.rows):
                settle_new_managers(comparison)
        elif self._search_gone(comparison):
            comparison.state = Comparison.State.COMPARED
        comparison.save()

    def _compare_rows(self, comparison: Comparison) -> None:
        rows = self.rows[comparison.done_count : comparison.done_count + ROWS_A_SLICE]
        ids = {person_id for row in rows if (person_id := self.matches.only(row.key))}
        people = self._people(comparison, ids)
        taken = self._holders(rows)
        if any(name.startswith(CUSTOM) for name in comparison.columns.values()):
            self.filled = hooks.managed_custom_fields(ids)
        compared = [self._compared(row, people, taken) for row in rows]
        for row in compared:
            row.tenant_id, row.comparison = comparison.tenant_id, comparison
        shown = [row for row in compared if row.kind]
        ComparisonRow.objects.bulk_create(shown)
        comparison.done_count += len(rows)
        comparison.unchanged_count += len(compared) - len(shown)

    def _people(self, comparison: Comparison, ids: Collection[UUID]) -> Mapping[UUID, Person]:
        columns = set(comparison.columns.values())
        compared = [name for name in ("department", "location", "manager") if name in columns]
        people = Person.objects.select_related(*compared) if compared else Person.objects.all()
        found: Mapping[UUID, Person] = people.in_bulk(ids)
        return found

    def _holders(self, rows: Sequence[Listed]) -> Mapping[str, set[UUID]]:
        """Return who has the addresses of the rows, if another value identifies people."""
        if self.key == EMAIL:
            return {}
        keys = {normalize_key(email) for row in rows if (email := row.values.get("email"))}
        return people_by_key(EMAIL, keys)

    def _compared(
        self, row: Listed, people: Mapping[UUID, Person], taken: Mapping[str, set[UUID]]
    ) -> ComparisonRow:
        """Return the row as it is stored. Its kind is blank if nothing differs."""
        stored = ComparisonRow(
            number=row.number, key=row.key, name=row.name[:500], email=row.values.get("email", "")
        )
        try:
            if row.problem:
                raise row.problem
            person_id = self.matches.person_of(row)
            person = people.get(person_id) if person_id else None
            self._check_address(row, person_id, taken)
            if not row.is_active:
                self._compare_leaver(stored, person)
            elif person:
                self._compare_person(stored, row, person)
            else:
                self._compare_new(stored, row)
        except Unreadable as problem:
            stored.kind, stored.reason = Kind.UNREADABLE, problem.reason
            stored.explanation = problem.explanation[:500]
            stored.email = stored.email[:512]
        return stored

    def _check_address(
        self, row: Listed, person_id: UUID | None, taken: Mapping[str, set[UUID]]
    ) -> None:
        others = taken.get(normalize_key(row.values.get("email", "")), set()) - {person_id}
        if others:
            name = Person.objects.get(pk=next(iter(others))).full_name
            raise Unreadable("address-taken", f"{name} in Ramp has this email address.")

    def _values(self, row: Listed) -> dict[str, str]:
        values = dict(row.values)
        if "manager" in values:
            values["manager"] = self.managers.find(values["manager"])
        return values

    def _compare_leaver(self, stored: ComparisonRow, person: Person | None) -> None:
        if person and person.is_active:
            self._mark_gone(stored, person)
            stored.explanation = "Inactive in the list."

    def _compare_person(self, stored: ComparisonRow, row: Listed, person: Person) -> None:
        values = self._values(row)
        if values.get("manager") == str(person.pk):
            raise Unreadable("self-manager", "The row names the person as their own manager.")
        filled = self.filled.get(person.pk, {})
        found = list(differences(person, values, self.names, filled=filled))
        if not found:
            return
        stored.kind, stored.values, stored.person = Kind.DIFFERENT, values, person
        stored.name, stored.email = person.full_name, person.email
        stored.differences = [one.as_json() for one in found]
        manager = next((one.listed for one in found if one.field == "manager"), "")
        if manager.startswith(Managers.NEW):
            stored.manager_key = manager.removeprefix(Managers.NEW)
        stored.blocked_because = self._refusal(person)
        if not stored.blocked_because and all(one.kept_because for one in found):
            stored.blocked_because = "Nothing to apply."
        stored.is_selected = not stored.blocked_because

    def _compare_new(self, stored: ComparisonRow, row: Listed) -> None:
        values = self._values(row) | dict(split_name(row.values))
        for name, label in (
            *(("given_name", "first name"), ("family_name", "last name")),
            ("email", "email address"),
        ):
            if not values.get(name):
                raise Unreadable("incomplete", f"A new person needs a value for “{label}”.")
        for name in ("given_name", "family_name"):
            if not is_usable_name(values[name]):
                raise Unreadable("invalid-name", f"“{values[name]}” cannot be a name.")
        manager = values.get("manager", "")
        stored.kind, stored.values, stored.is_selected = Kind.NEW, values, True
        stored.name = f"{values['given_name']} {values['family_name']}"
        if manager.startswith(Managers.NEW):
            stored.manager_key = manager.removeprefix(Managers.NEW)

    def _search_gone(self, comparison: Comparison) -> bool:
        """Store the next active people who are not in the list; return whether it was the last."""
        active = Person.objects.filter(
            tenant_id=tenancy.current_id(),
            state__in=(Person.State.INVITED, Person.State.ACTIVE),
            is_operator=False,
        ).order_by("pk")
        if comparison.searched_until:
            active = active.filter(pk__gt=comparison.searched_until)
        people = list(active.values_list("pk", flat=True)[:PEOPLE_A_SLICE])
        missing = [person_id for person_id in people if person_id not in self.matches.people]
        gone = list(Person.objects.filter(pk__in=missing).order_by("pk"))
        rows = [ComparisonRow(tenant_id=one.tenant_id, comparison=comparison) for one in gone]
        for row, person in zip(rows, gone, strict=True):
            self._mark_gone(row, person)
        ComparisonRow.objects.bulk_create(rows)
        comparison.here_count += len(people)
        if people:
            comparison.searched_until = people[-1]
        return len(people) < PEOPLE_A_SLICE

    def _mark_gone(self, row: ComparisonRow, person: Person) -> None:
        """Never selects the row: a person who is missing in a list may be missing by mistake."""
        row.kind, row.person = Kind.GONE, person
        row.name, row.email = person.full_name, person.email
        row.blocked_because = self._refusal(person)
        if self.viewer and person.pk == self.viewer.pk:
            row.blocked_because = "You cannot deactivate yourself by a list."
        owner = person.managed_fields.get("email", {}).get("by", "")
        if owner.startswith(VIA_SCIM):
            name = hooks.provider_name(owner.removeprefix(VIA_SCIM))
            row.explanation = f"{name} manages this person. Remove them there as well."

    def _refusal(self, person: Person) -> str:
        return ranks.refusal_over(self.viewer, person) if self.viewer else ""
