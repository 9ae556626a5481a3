"""Banners at the top of a person's page. Apps register them with people/hooks.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A sentence with a link."""

    text: str
    url: str
    link: str
    icon: str = "sync_problem"
    is_warning: bool = True
