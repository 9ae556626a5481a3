"""Finds the people of mapped groups who have not signed in yet, in the live directory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from people.net.time_limit import time_limit
from provisioning.directory.base import CLOSED, DirectoryFailed, DirectoryPerson
from provisioning.directory.cached_live import CachedLiveDirectory
from provisioning.directory.factory import cached_live_directory
from provisioning.models import GroupMapping, Identity, IdentityProvider

# Each is a request to the directory, for which an administrator waits.
MAX_MAPPINGS: Final = 10
MAX_SECONDS: Final = 12
# Of the latest sign-ins, to see whether their subjects are ids of the directory. Some of these
# accounts may have been deleted.
SUBJECTS_COMPARED: Final = 3


@dataclass(frozen=True)
class Newcomers:
    """They get the mapping's role at their first sign-in. There may be more than these."""

    people: list[DirectoryPerson]
    has_more: bool


def newcomers(
    provider: IdentityProvider, mappings: Iterable[GroupMapping]
) -> tuple[dict[int, Newcomers], str]:
    """Return the newcomers by the key of the mapping, and the error if the directory fails.

    Only a directory that is browsed live is asked, and only about groups that are known by an id.
    """
    found: dict[int, Newcomers] = {}
    if provider.browsing != IdentityProvider.Browsing.LIVE:
        return found, ""
    known_by_id = [mapping for mapping in mappings if not mapping.by_name][:MAX_MAPPINGS]
    if not known_by_id:
        return found, ""
    try:
        with time_limit(MAX_SECONDS):
            directory = cached_live_directory(provider)
            _check_subjects(provider, directory)
            for mapping in known_by_id:
                page = directory.members(mapping.external_id)
                subjects = [one.subject or one.id for one in page.items]
                known = Identity.objects.filter(provider=provider, subject__in=subjects)
                seen = set(known.filter(retired_at=None).values_list("subject", flat=True))
                people = [
                    one
                    for one in page.items
                    if (one.subject or one.id) not in seen and one.problem not in CLOSED
                ]
                found[mapping.pk] = Newcomers(people, bool(page.next))
    except DirectoryFailed as error:
        return found, str(error)
    return found, ""


def _check_subjects(provider: IdentityProvider, directory: CachedLiveDirectory) -> None:
    """Check that the directory knows people by the ids that sign-ins send.

    :raises DirectoryFailed: if it does not, so that nobody can tell who has signed in.
    """
    if directory.live.subject_is_id:
        return
    latest = Identity.objects.filter(provider=provider, retired_at=None).order_by("-last_seen_at")
    subjects = list(latest.values_list("subject", flat=True)[:SUBJECTS_COMPARED])
    if subjects and not any(directory.person(subject) for subject in subjects):
        raise DirectoryFailed(
            "other-ids",
            f"The directory of {provider} has other ids than the sign-ins, so Ramp cannot tell who "
            "of a group has not signed in yet.",
        )
