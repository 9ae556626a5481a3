"""The people of mapped groups who have not signed in yet, as the live directory says."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from provisioning.directory.base import CLOSED, DirectoryFailed, DirectoryPerson
from provisioning.directory.factory import directory_of
from provisioning.models import GroupMapping, Identity, IdentityProvider

# Each is a request to the directory, for which an administrator waits.
MAX_MAPPINGS: Final = 10


@dataclass(frozen=True)
class Newcomers:
    """They get the mapping's role at their first sign-in. There may be more than these."""

    people: list[DirectoryPerson]
    has_more: bool


def newcomers(
    provider: IdentityProvider, mappings: Iterable[GroupMapping]
) -> tuple[dict[int, Newcomers], str]:
    """Return the newcomers by the key of the mapping, and why the directory did not say them.

    Only a directory that is browsed live is asked, and only about groups that are known by an id.
    """
    found: dict[int, Newcomers] = {}
    if provider.browsing != IdentityProvider.Browsing.LIVE:
        return found, ""
    known_by_id = [mapping for mapping in mappings if not mapping.by_name][:MAX_MAPPINGS]
    try:
        directory = directory_of(provider) if known_by_id else None
        for mapping in known_by_id if directory else ():
            assert directory
            page = directory.members(mapping.external_id)
            seen = _seen(provider, page.items)
            people = [
                one
                for one in page.items
                if (one.subject or one.id) not in seen and one.problem not in CLOSED
            ]
            found[mapping.pk] = Newcomers(people, bool(page.next))
    except DirectoryFailed as error:
        return found, str(error)
    return found, ""


def _seen(provider: IdentityProvider, people: list[DirectoryPerson]) -> set[str]:
    """Return the subjects of those who have signed in."""
    subjects = [one.subject or one.id for one in people]
    seen = Identity.objects.filter(provider=provider, subject__in=subjects, retired_at=None)
    return set(seen.values_list("subject", flat=True))
