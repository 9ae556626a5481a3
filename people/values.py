"""What is said about a person, who says it, and how a refusal reads."""

import unicodedata
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from uuid import UUID

Via = Literal["scim", "person", "system"]

LONGEST_NAME = 200
# How the actors begin, as text, that are identity providers.
VIA_SCIM: Final = "scim:"
# How the sources of roles begin that are a mapping of a provider's group.
VIA_MAPPING: Final = "mapping:"
_DIRECTION_MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a page, a SCIM client or a sign-in may tell us about a person.

    Department and location are names. A role of None was not said: whoever exists
    keeps theirs, whoever is new becomes a Cardholder.
    """

    given_name: str
    family_name: str
    email: str
    department: str = ""
    location: str = ""
    role: str | None = None
    # Fields that hold a default, or what was there before, because nobody said anything.
    unsaid: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Actor:
    """Who asked for a change: a person, a SCIM client, a sign-in source, a job."""

    kind: str
    name: str
    # Who it is, where it is a signed-in person; an actor that was written down has the name only.
    person_id: UUID | None = field(default=None, compare=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def key(self) -> str:
        """Return the folded address of an actor who is a person."""
        return normalize_key(self.name)

    @classmethod
    def read(cls, text: str) -> "Actor":
        """Return the actor that was written down so."""
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
    """How somebody is invited: at once, or held until the reason is gone; by mail, or not.

    An invite that is not mailed is consumed by the first sign-in all the same.
    """

    hold_reason: str = ""
    is_mailed: bool = True


INVITED: Final = Invitation()


class Keep:
    """Stands for “leave it as it is” where None means “nobody”."""


KEEP: Final = Keep()


class PeopleError(Exception):
    """A change that was refused. Its message is written for whoever asked for it."""

    code: ClassVar[str]
    # What it is about, where that is one field.
    field: str | None = None


def normalize_key(text: str) -> str:
    """Return the form in which names and addresses are compared.

    Two spellings that people cannot tell apart (case, composed or combining accents)
    fold to the same text; nothing is trimmed.
    """
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def is_usable_name(name: str) -> bool:
    """Tell whether somebody could be called that.

    It takes a letter of any script; initials, “O'Brien”, “Jr.” and “李” are names, while
    “--”, “123” and text with control or direction marks are not.
    """
    if name.isascii() and name.isprintable():
        return len(name) <= LONGEST_NAME and any(map(str.isalpha, name))
    kinds = [unicodedata.category(character) for character in name]
    if not 0 < len(name) <= LONGEST_NAME or "Cc" in kinds or "Cs" in kinds:
        return False
    marks = any(unicodedata.bidirectional(one) in _DIRECTION_MARKS for one in name)
    return not marks and any(kind.startswith("L") for kind in kinds)
