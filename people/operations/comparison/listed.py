"""The rows of a list, checked as far as that is possible without looking at the people in Ramp."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from people.models import Comparison, Person
from people.models.field_table import COPIED, PLACES
from people.operations.comparison.columns import CUSTOM
from people.operations.comparison.file_format import Record, decode, read_table
from people.values import is_usable_name, normalize_key

MAX_CUSTOM_LENGTH: Final = 1000
MAX_LENGTH: Final = 500
KEYS: Final = tuple(Comparison.Key.values)
PERSON_META: Final[Any] = Person._meta
MAX_LENGTHS: Final[Mapping[str, int]] = {
    # Case folding may double the length of an identifier, and its column holds 512 characters.
    **dict.fromkeys(KEYS, 255),
    **{name: PERSON_META.get_field(name).max_length for name in (*COPIED, "email")},
    **{
        name: PERSON_META.get_field(name).related_model._meta.get_field("name").max_length
        for name in PLACES
    },
}
# What lists call people who work for the company, and people who do not.
ACTIVE: Final = frozenset(
    ("active", "invited", "enabled", "employed", "current", "yes", "true", "1", "y", "a")
)
INACTIVE: Final = frozenset(
    (
        *("inactive", "terminated", "disabled", "left", "leaver", "suspended", "deactivated"),
        *("former", "no", "false", "0", "n", "i", "t", "deprovisioned", "blocked"),
    )
)


class Unreadable(Exception):
    """A row that cannot be compared; `reason` is one of those in docs/compare.md."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(explanation)
        self.reason, self.explanation = reason, explanation


@dataclass
class Listed:
    """A row of the list. `values` has the cells that are not blank, by field."""

    number: int
    values: dict[str, str] = field(default_factory=dict)
    key: str = ""
    problem: Unreadable | None = None

    @property
    def name(self) -> str:
        whole = self.values.get("full_name", "")
        parts = (self.values.get(name, "") for name in ("given_name", "family_name"))
        return whole or " ".join(filter(None, parts))

    @property
    def is_active(self) -> bool:
        return normalize_key(self.values.get("state", "active")) in ACTIVE


def read_list(comparison: Comparison) -> list[Listed]:
    """Return all rows of the uploaded file.

    :raises UnreadableFile: if the file cannot be read at all.
    """
    table = read_table(decode(bytes(comparison.content), comparison.encoding), comparison.separator)
    columns = {int(index): name for index, name in comparison.columns.items()}
    rows = [_listed(record, columns, comparison.key) for record in table.records]
    by_key: dict[str, list[Listed]] = defaultdict(list)
    for row in rows:
        if row.key:
            by_key[row.key].append(row)
    for same in by_key.values():
        if len(same) > 1:
            mark_duplicates(same)
    return rows


def mark_duplicates(rows: list[Listed]) -> None:
    """Mark rows that are about the same person: nobody can tell which of them is right."""
    for row in rows:
        others = [str(one.number) for one in rows if one is not row]
        named = ", ".join(others[:5]) + (" and more" if len(others) > 5 else "")
        word = "row" if len(others) == 1 else "rows"
        row.problem = row.problem or Unreadable(
            "duplicate-row", f"The same person is also in {word} {named}."
        )


def _listed(record: Record, columns: Mapping[int, str], key: str) -> Listed:
    cells = record.cells
    values = {name: cells[index] for index, name in columns.items() if cells and cells[index]}
    row = Listed(record.number, values)
    try:
        _check_record(record, values, key)
        row.key = key_of(key, values[key])
        _check_values(values)
    except Unreadable as problem:
        row.problem = problem
    return row


def _check_record(record: Record, values: Mapping[str, str], key: str) -> None:
    if record.problem:
        raise Unreadable("bad-row", record.problem)
    for name, text in values.items():
        limit = MAX_CUSTOM_LENGTH if name.startswith(CUSTOM) else MAX_LENGTHS.get(name, MAX_LENGTH)
        if len(text) > limit:
            raise Unreadable(
                "too-long", f"“{text[:30]}…” is longer than {limit:,} characters ({name})."
            )
    if not values.get(key):
        raise Unreadable("no-identifier", f"The cell “{Comparison.Key(key).label}” is blank.")


def key_of(kind: str, text: str) -> str:
    """Return the form in which identifiers are compared. An external ID keeps its case."""
    # RFC 7643 section 3.1: externalId is case-exact.
    return text if kind == Comparison.Key.EXTERNAL_ID else normalize_key(text)


def _check_values(values: dict[str, str]) -> None:
    """Check the values, and replace the name of a role by its value.

    :raises Unreadable: if one of them cannot be used.
    """
    try:
        validate_email(values.get("email", "absent@example.com"))
    except ValidationError as error:
        problem = f"“{values['email']}” is not an email address."
        raise Unreadable("invalid-email", problem) from error
    for name, label in (("given_name", "first name"), ("family_name", "last name")):
        if name in values and not is_usable_name(values[name]):
            raise Unreadable("invalid-name", f"“{values[name]}” cannot be a {label}.")
    if "role" in values:
        values["role"] = _role(values["role"])
    state = values.get("state", "active")
    if normalize_key(state) not in ACTIVE | INACTIVE:
        raise Unreadable("unknown-status", f"“{state}” is neither active nor inactive.")
    own = {normalize_key(values[name]) for name in KEYS if name in values}
    if normalize_key(values.get("manager", "")) in own:
        raise Unreadable("self-manager", "The row names the person as their own manager.")


def _role(text: str) -> str:
    for value, label in Person.Role.choices:
        if normalize_key(text) in (normalize_key(label), normalize_key(value)):
            return value
    raise Unreadable("unknown-role", f"Ramp has no role “{text}”.")


def split_name(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the first and last name of the row, as far as they are known.

    A full name is “Last, First”, or “First Last” with the first word as the first name.
    """
    full = values.get("full_name", "")
    if "," in full:
        family, _, given = full.partition(",")
    else:
        given, _, family = full.partition(" ")
    guessed = {"given_name": given.strip(), "family_name": family.strip()}
    for name, text in guessed.items():
        if known := values.get(name) or text:
            yield name, known
