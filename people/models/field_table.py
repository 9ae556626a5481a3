"""The fields of a person. Operations, history, pages, the API and CSV files use this table.

CONTRIBUTING.md tells how to add a field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from operator import attrgetter
from typing import Any, Final


class Kind(Enum):
    """What a field contains. The kind decides how the field is stored, shown and edited."""

    # A text of a Profile, stored as it is.
    TEXT = auto()
    ADDRESS = auto()
    # A department or a location. A Profile and the history contain its name.
    PLACE = auto()
    # A person. The history contains the id.
    PERSON = auto()
    CHOICE = auto()
    MOMENT = auto()


class SetBy(Enum):
    """How an operation receives a new value of a field."""

    PROFILE = auto()
    # As an argument besides the Profile.
    ARGUMENT = auto()
    # By an operation for this field. The edit page does not show it.
    OWN_OPERATION = auto()


@dataclass(frozen=True, kw_only=True)
class PersonField:
    """A field of a person. Its name is the same in the model, in a Profile and in events."""

    name: str
    # The field's name in sentences.
    label: str
    kind: Kind
    set_by: SetBy = SetBy.PROFILE
    # Further columns that a revision of the field may change.
    columns: tuple[str, ...] = ()


# The order is the order on the pages of a person and in the timeline.
PERSON_FIELDS: Final = (
    PersonField(name="given_name", label="first name", kind=Kind.TEXT),
    PersonField(name="family_name", label="last name", kind=Kind.TEXT),
    PersonField(
        name="email",
        label="email address",
        kind=Kind.ADDRESS,
        columns=("email_key", "pending_email"),
    ),
    PersonField(
        name="pending_email",
        label="unconfirmed email address",
        kind=Kind.ADDRESS,
        set_by=SetBy.OWN_OPERATION,
    ),
    PersonField(name="department", label="department", kind=Kind.PLACE),
    PersonField(name="location", label="location", kind=Kind.PLACE),
    PersonField(name="manager", label="manager", kind=Kind.PERSON, set_by=SetBy.ARGUMENT),
    PersonField(
        name="role",
        label="role",
        kind=Kind.CHOICE,
        columns=("role_source", "role_assigned_at", "withheld_roles"),
    ),
    PersonField(name="state", label="state", kind=Kind.CHOICE, set_by=SetBy.OWN_OPERATION),
    PersonField(
        name="deactivates_at", label="last day", kind=Kind.MOMENT, set_by=SetBy.OWN_OPERATION
    ),
)

FIELDS: Final = {field.name: field for field in PERSON_FIELDS}
LABELS: Final = {field.name: field.label for field in PERSON_FIELDS}
# The fields that a Profile contains.
PROFILE: Final = tuple(one.name for one in PERSON_FIELDS if one.set_by is SetBy.PROFILE)
# The fields that the pages of a person show and edit, and that a connection may manage.
EDITABLE: Final = tuple(one.name for one in PERSON_FIELDS if one.set_by is not SetBy.OWN_OPERATION)
# The columns in which a revision stores a new value of a field.
REVISABLE: Final = tuple(column for name in EDITABLE for column in (name, *FIELDS[name].columns))
# The fields that an operation copies from a Profile, without rules of their own.
COPIED: Final = tuple(name for name in PROFILE if FIELDS[name].kind is Kind.TEXT)
PLACES: Final = tuple(one.name for one in PERSON_FIELDS if one.kind is Kind.PLACE)
PEOPLE: Final = tuple(one.name for one in PERSON_FIELDS if one.kind is Kind.PERSON)
# The fields in the API and in CSV files. Programs may rely on the order of the first ones.
PUBLISHED: Final = tuple(
    dict.fromkeys(("given_name", "family_name", "email", "role", "state", *EDITABLE))
)


def _reader(field: PersonField) -> Callable[[Any], str]:
    read = attrgetter(field.name)
    match field.kind:
        case Kind.PLACE:
            return lambda person: place.name if (place := read(person)) else ""
        case Kind.PERSON:
            read_id = attrgetter(f"{field.name}_id")
            return lambda person: str(read_id(person) or "")
        case Kind.MOMENT:
            return lambda person: moment.isoformat() if (moment := read(person)) else ""
        case _:
            return read


# How to read the text of a person's field that the history contains.
READERS: Final = {field.name: _reader(field) for field in PERSON_FIELDS}
