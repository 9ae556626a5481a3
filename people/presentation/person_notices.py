"""A notice at the top of a person's page; the apps register who has any with people/hooks.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A sentence, and where to go about it."""

    text: str
    url: str
    link: str
    icon: str = "sync_problem"
    is_warning: bool = True
