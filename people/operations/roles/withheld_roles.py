"""Withheld roles: elevated roles that a returned person had, until an administrator decides."""

from typing import Final

from django.db.models import QuerySet

from people.models import Person, Role

ASKED: Final = "asked"
DECLINED: Final = "declined"


def people_with_withheld_roles() -> QuerySet[Person]:
    """Return the people with a withheld role that waits for a decision."""
    people: QuerySet[Person] = Person.objects.in_lists().exclude(withheld_roles={})
    # A search in the text of the JSON: Django has no lookup for any value that also works on
    # SQLite.
    return people.filter(withheld_roles__icontains=f'"{ASKED}"')


def key_of(role: Role | str) -> str:
    """Return the name under which `Person.withheld_roles` keeps the role."""
    return f"role:{role.pk}" if isinstance(role, Role) else str(role)


def is_withheld(person: Person, role: Role | str) -> bool:
    """Tell whether the role is withheld, so that only an administrator may grant it.

    While an elevated base role is withheld, providers cannot grant another one either.
    """
    withheld = person.withheld_roles
    if key_of(role) in withheld:
        return True
    is_elevated = not isinstance(role, Role) and role in Person.ADMINISTERING
    return is_elevated and any(name in withheld for name in Person.ADMINISTERING)


def forget_withheld(person: Person, role: Role | str) -> None:
    """Remove the role from the withheld ones. The caller saves the person."""
    name = key_of(role)
    if name in person.withheld_roles:
        # A new dict: `changed_fields` compares it with the one that was read.
        person.withheld_roles = {
            key: state for key, state in person.withheld_roles.items() if key != name
        }
