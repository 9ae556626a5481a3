"""The ways in which somebody signs in, and may: whoever runs signing in tells them."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from people.models import Person


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


def sign_in_methods(person: Person, *, may_link: bool = False) -> list[SignInMethod]:
    """Ask WAYS_TO_SIGN_IN, also for what they may link; people itself knows none of them."""
    sign_in_methods: list[SignInMethod] = import_string(settings.WAYS_TO_SIGN_IN)(
        person, may_link=may_link
    )
    return sign_in_methods
