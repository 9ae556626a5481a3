"""What differs between a row of a list and its person."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from people.models import Person
from people.models.field_table import EDITABLE, LABELS, PLACES, READERS
from people.operations.comparison.columns import CUSTOM
from people.operations.comparison.listed import split_name
from people.presentation.actor_names import actor_name
from people.presentation.field_text import shown
from people.presentation.spreadsheets import escape_formula
from people.values import normalize_key


@dataclass(frozen=True)
class Difference:
    """A field that differs, with the texts for pages. Managers are stored by id."""

    field: str
    label: str
    here: str
    listed: str
    here_text: str
    listed_text: str
    # Why the value of the list is not applied; blank if it is.
    kept_because: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Names:
    """Names that differences need, beyond those of the person."""

    # Managers by id, or by a key of `Managers.NEW`.
    managers: Mapping[str, str]
    # Custom fields, by “custom.” and their external name.
    custom_fields: Mapping[str, str]


def differences(
    person: Person, values: Mapping[str, str], names: Names, *, filled: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield the fields in which the list has another value. A blank cell differs from nothing.

    :param values: the cells of the row. The manager is an id, or a key of `Managers.NEW`.
    :param filled: which connection fills custom fields of the person, by external name.
    """
    for field, listed in wanted_values(person, values).items():
        here = value_of(person, field)
        if is_same(person, field, here, listed):
            continue
        yield Difference(
            field=field,
            label=names.custom_fields.get(field) or LABELS[field].capitalize(),
            here=here,
            listed=listed,
            here_text=here if field.startswith(CUSTOM) else shown(person, field),
            listed_text=_text(field, listed, names.managers),
            kept_because=kept_because(person, field, filled=filled),
        )
    if not person.is_active:
        yield Difference(
            field="state",
            label="Status",
            here=person.state,
            listed="active",
            here_text=person.get_state_display(),
            listed_text="In the list",
            kept_because="A list does not reactivate people. Reactivate them on their own page.",
        )


def wanted_values(person: Person, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values that the list has for the person, by field."""
    whole = normalize_key(values.get("full_name", "")) == normalize_key(person.full_name)
    names = {} if whole else dict(split_name(values))
    known = {**values, **names}
    ordered = {name: known[name] for name in EDITABLE if name in known}
    return ordered | {name: values[name] for name in values if name.startswith(CUSTOM)}


def value_of(person: Person, field: str) -> str:
    """Return the value in Ramp as the history records it."""
    if field.startswith(CUSTOM):
        return str(person.custom_values.get(field.removeprefix(CUSTOM), ""))
    return READERS[field](person)


def is_same(person: Person, field: str, here: str, listed: str) -> bool:
    if field == "email":
        known = (person.email_key, normalize_key(person.pending_email))
        return normalize_key(listed) in known
    if field in PLACES:
        return normalize_key(here) == normalize_key(listed)
    # The export of people puts an apostrophe before a cell that looks like a formula.
    return listed in (here, escape_formula(here)) or " ".join(here.split()) == listed


def kept_because(person: Person, field: str, *, filled: Mapping[str, str]) -> str:
    """Return why the list may not change the field; blank if it may."""
    owner = filled.get(field.removeprefix(CUSTOM)) if field.startswith(CUSTOM) else None
    if mark := person.managed_fields.get(field):
        owner = actor_name(mark["by"])
    return f"{owner} manages this field. Change it there." if owner else ""


def _text(field: str, listed: str, managers: Mapping[str, str]) -> str:
    if field == "manager":
        return managers.get(listed, "")
    return str(Person.Role(listed).label) if field == "role" else listed
