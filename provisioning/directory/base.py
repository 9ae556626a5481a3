"""The interface of directories that can be browsed."""

from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from provisioning.claims import Group

PAGE: Final = 25
# More digits than any row number has, and few enough for an integer column.
MAX_DIGITS: Final = 9
Item = TypeVar("Item")


class DirectoryFailed(Exception):
    """The request to the directory failed. The message says what to correct."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of results, and the cursor of the next page; blank at the end."""

    items: list[Item]
    next: str = ""


def start_of(after: str) -> int:
    """Return the first row of a page, from a cursor that is a number; 0 for any other cursor."""
    return int(after) if after.isdecimal() and len(after) <= MAX_DIGITS else 0


@dataclass(frozen=True, kw_only=True)
class DirectoryPerson:
    """A person in the directory; `id` identifies them there."""

    id: str
    name: str
    # Their subject at a sign-in, if it is not the id.
    subject: str = ""
    email: str = ""
    login: str = ""
    # Further attributes, by the label that pages show: {"department": "Sales"}.
    details: dict[str, str] = field(default_factory=dict)


class Directory(Protocol):
    """A directory. All methods may raise DirectoryFailed.

    `after` is the `next` of the previous page.
    """

    # Whether the results come from the directory itself.
    is_live: bool

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        """Return people whose name, address or login matches the text; everybody if it is blank."""

    def person(self, key: str) -> DirectoryPerson | None: ...

    def groups_of(self, key: str) -> list[Group] | None:
        """Return the person's groups; None if they are unknown."""

    def groups(self, text: str, after: str = "") -> Page[Group]: ...

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]: ...
