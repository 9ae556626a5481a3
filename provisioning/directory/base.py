"""What every directory can be asked, and what it answers."""

from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from provisioning.claims import Group

PAGE: Final = 25
# More digits than any list has rows, and few enough for every database.
MOST_DIGITS: Final = 9
Item = TypeVar("Item")


class DirectoryFailed(Exception):
    """The directory did not answer as it should. The message says what to correct."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of what was asked for, and where to go on; blank where that was all."""

    items: list[Item]
    next: str = ""


def start_of(after: str) -> int:
    """Return the row that a page of numbered rows begins with; 0 for what is no such number."""
    return int(after) if after.isdecimal() and len(after) <= MOST_DIGITS else 0


@dataclass(frozen=True, kw_only=True)
class DirectoryPerson:
    """A person in the directory; `id` identifies them there."""

    id: str
    name: str
    # What a sign-in calls them by, where that is not the id.
    subject: str = ""
    email: str = ""
    login: str = ""
    # What else it says, by a word for people: {"department": "Sales"}.
    details: dict[str, str] = field(default_factory=dict)


class Directory(Protocol):
    """Each may raise DirectoryFailed. `after` is the `next` of the page before."""

    # What the page says of where this comes from.
    is_live: bool

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        """Return people whose name, address or login begins with the text; all for none."""

    def person(self, key: str) -> DirectoryPerson | None: ...

    def groups_of(self, key: str) -> list[Group] | None:
        """Return the person's groups; None where it is unknown which."""

    def groups(self, text: str, after: str = "") -> Page[Group]: ...

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]: ...
