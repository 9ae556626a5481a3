"""Asks the live directories of a tenant about one person, for the access diagnosis."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provisioning.directory.base import AccountProblem, DirectoryFailed, Standing
from provisioning.directory.factory import cached_live_directory
from provisioning.models import Identity, IdentityProvider
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import windows_of

Kind = IdentityProvider.Kind


@dataclass(frozen=True)
class Answer:
    """The answer of a directory: a standing, that it has no such account, or a problem."""

    provider: IdentityProvider
    standing: Standing | None = None
    problem: str = ""


def answers(names: Collection[str], identities: Collection[Identity]) -> Iterator[Answer]:
    """Yield the answer of each directory that is browsed live.

    An LDAP directory that knows the person from a sign-in is asked in any case, because it is also
    asked about them regularly.

    :param names: the login names and addresses of the person.
    :param identities: the person's identities, whose subjects come before names.
    """
    # The people of a Windows provider are those of its LDAP directory.
    directories = IdentityProvider.objects.offered().exclude(kind=Kind.WINDOWS)
    for provider in directories.select_related("tenant"):
        identity = next((one for one in identities if _is_of(one, provider)), None)
        is_known = identity is not None and provider.kind == Kind.LDAP
        if not is_known and provider.browsing != IdentityProvider.Browsing.LIVE:
            continue
        try:
            directory = cached_live_directory(provider)
            found = directory.standing(identity.subject if identity else "", names)
        except DirectoryFailed as error:
            yield Answer(provider, problem=str(error))
            continue
        if found is None and identity:
            found = Standing(AccountProblem.NOT_THERE)
        yield Answer(provider, found)


def _is_of(identity: Identity, directory: IdentityProvider) -> bool:
    """Tell whether the identity's subject is an id of the directory, also through Windows."""
    is_here = identity.provider in (directory, *windows_of(directory))
    is_id = identity.provider == directory or "@" not in identity.subject
    return is_here and is_id and identity.authority == authority_of(identity.provider)
