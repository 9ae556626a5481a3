"""The values of a person's fields, as pages and files show them."""

from people.models import Person
from people.models.field_table import FIELDS, READERS, Kind


def shown(person: Person, name: str) -> str:
    match FIELDS[name].kind:
        case Kind.PERSON:
            other: Person | None = getattr(person, name)
            return other.display_name if other else ""
        case Kind.CHOICE:
            return str(getattr(person, f"get_{name}_display")())
        case _:
            return READERS[name](person)
