"""A sign-in method of a person, as the pages show it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SignInMethod:
    """A sign-in method of a person, or one that they may link by the URL `link`.

    `change` is the URL on which they can change it.
    """

    name: str
    # Their subject or address there, and how it was linked.
    known_as: str = ""
    how: str = ""
    last_used_at: datetime | None = None
    link: str = ""
    change: str = ""
    # The URL on which an administrator links this refused sign-in to the person.
    confirm: str = ""
