"""A sign-in method of a person, as the pages show it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SignInMethod:
    """A way in: one that is theirs, or one that they may link by the address in `link`.

    `change` is where they change it themselves, if they may.
    """

    name: str
    # As whom they are known there, and how that came about.
    known_as: str = ""
    how: str = ""
    last_used_at: datetime | None = None
    link: str = ""
    change: str = ""
    # Where an administrator links this refused sign-in to the person.
    confirm: str = ""
