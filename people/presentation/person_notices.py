"""What other parts of the product have to say about a person, at the top of their page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from people.models import Person


@dataclass(frozen=True)
class Notice:
    """A sentence, and where to go about it."""

    text: str
    url: str
    link: str
    icon: str = "sync_problem"
    is_warning: bool = True


def notices_about(person: Person) -> Iterator[Notice]:
    """Ask everybody in PERSON_NOTICES; people itself knows none of them."""
    for name in settings.PERSON_NOTICES:
        said: Iterable[Notice] = import_string(name)(person)
        yield from said
