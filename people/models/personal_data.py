"""How an app declares which of its rows are personal data, for the export and the erasure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Model, Q


@dataclass(frozen=True)
class Erased:
    """What replaces the values of an erased person."""

    pseudonym: str
    at: datetime


# A value, or a function that returns it from the earlier one.
NewValue = Any | Callable[[Any, Erased], Any]
# For `PersonalData.deleted`: all rows of the person.
ALL_ROWS: Final = Q()


def pseudonym(_: object, erased: Erased) -> str:
    return erased.pseudonym


def time_of_erasure(earlier: datetime | None, erased: Erased) -> datetime:
    """Return the time at which something ended, which is now if it had not ended."""
    return earlier or erased.at


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """The rows of a model that belong to a person.

    At an erasure, the identifiers and names of the person are replaced in all JSON and long texts
    of these rows. The rest is declared here.
    """

    model: type[Model]
    # The lookups from a row to the person.
    of: tuple[str, ...] = ()
    # Columns with an address, login or id of the person. A row that refers to nobody and has one of
    # these values in a column of `found_by` belongs to the person, too.
    identifiers: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ()
    # JSON columns that describe the person, with names and identifiers under well-known keys.
    described_by: tuple[str, ...] = ()
    # Short texts that may contain the name of the person.
    texts: tuple[str, ...] = ()
    # The rows that an erasure deletes, because they are no history.
    deleted: Q | None = None
    # Which columns contain what after an erasure.
    changed: Mapping[str, NewValue] = field(default_factory=dict)
    # The same for rows that mention the person and belong to somebody else.
    changed_if_mentioned: Mapping[str, NewValue] = field(default_factory=dict)
    # Rows that are open, and what closes them.
    open: Q | None = None
    closed_by: Mapping[str, NewValue] = field(default_factory=dict)
    # The only columns of the export; by default all but `secrets`.
    exported: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
