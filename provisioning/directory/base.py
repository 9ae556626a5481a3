"""The interface of directories that can be browsed."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from django.db.models import TextChoices

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
    # Whether the members of a group include groups, whose people are not listed.
    has_groups: bool = False


def start_of(after: str) -> int:
    """Return the first row of a page, from a cursor that is a number; 0 for any other cursor."""
    return int(after) if after.isdecimal() and len(after) <= MAX_DIGITS else 0


class AccountProblem(TextChoices):
    """Why an account cannot be used now, beside the values of `AccountStatus`."""

    DISABLED = "account-disabled", "disabled"
    SUSPENDED = "account-suspended", "suspended"
    DEACTIVATED = "account-deactivated", "deactivated"
    LOCKED = "account-locked", "locked out"
    NOT_ACTIVATED = "account-not-activated", "not activated yet"
    PASSWORD_EXPIRED = "password-expired", "password expired"
    PASSWORD_RESET = "password-must-change", "password was reset"
    NOT_ASSIGNED = "not-assigned", "not assigned to the application"
    # No account has the subject or one of the names.
    NOT_THERE = "not-in-directory", "not in the directory"


# People with such an account get no role at a next sign-in.
CLOSED: Final = (AccountProblem.DISABLED, AccountProblem.SUSPENDED, AccountProblem.DEACTIVATED)


@dataclass(frozen=True, kw_only=True)
class DirectoryPerson:
    """A person in the directory; `id` identifies them there."""

    id: str
    name: str
    # Their subject at a sign-in, if it is not the id.
    subject: str = ""
    email: str = ""
    login: str = ""
    # Why the account cannot be used, as a value of AccountProblem; blank if nothing says so.
    problem: str = ""
    # The account's status in the directory's own words, such as SUSPENDED.
    status: str = ""
    # Further attributes, by the label that pages show: {"department": "Sales"}.
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """Whether one account can be used now, as the directory says."""

    # A value of AccountProblem or AccountStatus; blank if it can be used.
    problem: str
    # None if the directory has no such account.
    person: DirectoryPerson | None = None
    # How the account is shown: by its login, or its DN.
    account: str = ""


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


class LiveDirectory(Directory, Protocol):
    """A directory that is asked itself."""

    # Whether every subject of a sign-in is the subject or id of an account. Then one without was
    # deleted.
    subject_is_id: bool

    def standing(self, subject: str, names: Collection[str]) -> Standing | None:
        """Return the standing of the account with this subject, or else with one of the names.

        :param subject: the subject of an earlier sign-in; blank if there was none.
        :param names: login names or addresses.
        :returns: None if the directory has no such account.
        :raises DirectoryFailed: if it does not answer, or several accounts have a name.
        """
