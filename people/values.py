"""Values that all interfaces share: profiles, actors, invitations and errors."""

import unicodedata
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from uuid import UUID

Via = Literal["scim", "person", "system"]

# The length of the two columns for names.
MAX_NAME_LENGTH = 200
# The prefix of actors that are SCIM connections.
VIA_SCIM: Final = "scim:"
# The kinds of actors that are sign-in providers.
SIGN_IN_SOURCES: Final = frozenset({"oidc", "ldap", "windows"})
# The prefix of `Grant.source` for group mappings.
VIA_MAPPING: Final = "mapping:"
# Characters that change the direction of the text after them. A name could use them to disguise the
# text beside it on a page.
_DIRECTION_MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The profile of a person, as a page, a SCIM client or a sign-in sends it.

    Department and location are names. With a role of None, an existing person keeps their role, and
    a new person becomes a Cardholder.
    """

    given_name: str
    family_name: str
    email: str
    department: str = ""
    location: str = ""
    role: str | None = None
    # Fields that were not sent, and contain a default or the previous value.
    unspecified: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Actor:
    """Who asked for a change: a person, a SCIM client, a sign-in source, a job."""

    kind: str
    name: str
    # The id of a signed-in person. Actors that are read from the database have only the name.
    person_id: UUID | None = field(default=None, compare=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def key(self) -> str:
        """Return the normalized address of an actor who is a person."""
        return normalize_key(self.name)

    @classmethod
    def read(cls, text: str) -> "Actor":
        """Return the actor from its text: the reverse of `str`."""
        kind, _, name = text.partition(":")
        return cls(kind, name)

    @property
    def via(self) -> Via:
        match self.kind:
            case "scim" | "person":
                return self.kind
            case _:
                return "system"


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """How a person is invited: immediately or on hold, and with or without mail.

    The first sign-in also accepts an invite that was not mailed.
    """

    hold_reason: str = ""
    is_mailed: bool = True


INVITED: Final = Invitation()


class Keep:
    """The type of KEEP: “do not change it”, for arguments for which None means “nobody”."""


KEEP: Final = Keep()


class PeopleError(Exception):
    """A refused change. Its message is for the user who requested the change."""

    code: ClassVar[str]
    # The field that it is about, if there is one.
    field: str | None = None


def normalize_key(text: str) -> str:
    """Return the form in which names and addresses are compared.

    Spellings that differ only in case, or in composed and combining accents, become equal. Spaces
    are not trimmed.
    """
    # For ASCII the results are equal, and this is much faster.
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def is_usable_name(name: str) -> bool:
    """Tell whether the text can be a person's name.

    It needs a letter of any script. “O'Brien”, “Jr.” and “李” are names; “--”, “123” and text with
    control or direction marks are not.
    """
    # Most names: printable ASCII contains no control characters and no direction marks.
    if name.isascii() and name.isprintable():
        return len(name) <= MAX_NAME_LENGTH and any(map(str.isalpha, name))
    kinds = [unicodedata.category(character) for character in name]
    if not 0 < len(name) <= MAX_NAME_LENGTH or "Cc" in kinds or "Cs" in kinds:
        return False
    marks = any(unicodedata.bidirectional(one) in _DIRECTION_MARKS for one in name)
    return not marks and any(kind.startswith("L") for kind in kinds)
