"""Asks the live directories of a tenant about one person, for the access diagnosis."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from people.net.time_limit import seconds_left, time_limit
from provisioning.directory.base import AccountProblem, DirectoryFailed, Standing
from provisioning.directory.factory import cached_live_directory
from provisioning.models import Identity, IdentityProvider
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import windows_of
from provisioning.providers.restrictions import restrictions_of

Kind = IdentityProvider.Kind
# An administrator waits for the answers, so none may take the time of all.
MAX_SECONDS: Final = 12
MAX_SECONDS_EACH: Final = 5


@dataclass(frozen=True)
class Answer:
    """The answer of a directory: a standing, that it has no such account, or a problem."""

    provider: IdentityProvider
    standing: Standing | None = None
    problem: str = ""
    # The group that a sign-in requires and the account is not in; blank if there is none, or if it
    # is unknown.
    missing_group: str = ""


def answers(names: Collection[str], identities: Collection[Identity]) -> list[Answer]:
    """Return the answer of each directory that is browsed live.

    An LDAP directory that knows the person from a sign-in is asked in any case, because it is also
    asked about them regularly.

    :param names: the login names and addresses of the person.
    :param identities: the person's identities, whose subjects come before names.
    """
    found = []
    # The people of a Windows provider are those of its LDAP directory.
    directories = IdentityProvider.objects.offered().exclude(kind=Kind.WINDOWS)
    with time_limit(MAX_SECONDS):
        for provider in directories.select_related("tenant"):
            identity = next((one for one in identities if _is_of(one, provider)), None)
            is_known = identity is not None and provider.kind == Kind.LDAP
            if is_known or provider.browsing == IdentityProvider.Browsing.LIVE:
                found.append(_answer(provider, identity.subject if identity else "", names))
    return found


def _answer(provider: IdentityProvider, subject: str, names: Collection[str]) -> Answer:
    if not seconds_left():
        return Answer(provider, problem="The other directories took too long to answer.")
    with time_limit(MAX_SECONDS_EACH):
        try:
            directory = cached_live_directory(provider)
            found = directory.standing(subject, names)
        except DirectoryFailed as error:
            return Answer(provider, problem=str(error))
        if found is None and subject:
            found = Standing(AccountProblem.NOT_THERE)
        required, missing = restrictions_of(provider).required_group, ""
        if required and found and found.person and not found.problem:
            with suppress(DirectoryFailed):
                missing = required if directory.lacks_group(found.person.id, required) else ""
        return Answer(provider, found, missing_group=missing)


def _is_of(identity: Identity, directory: IdentityProvider) -> bool:
    """Tell whether the identity's subject is an id of the directory, also through Windows."""
    is_here = identity.provider in (directory, *windows_of(directory))
    is_id = identity.provider == directory or "@" not in identity.subject
    return is_here and is_id and identity.authority == authority_of(identity.provider)
