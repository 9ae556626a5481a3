"""Asks the live directories of a tenant about one person, for the access diagnosis."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.standing import Standing, standing_of
from provisioning.models import Identity, IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import settings_of
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import windows_of
from provisioning.providers.secrets import SecretLost

Kind = IdentityProvider.Kind


@dataclass(frozen=True)
class Answer:
    """The answer of a directory: a standing, that it has no such account, or a problem."""

    provider: IdentityProvider
    standing: Standing | None = None
    problem: str = ""


def answers(names: Collection[str], identities: Collection[Identity]) -> Iterator[Answer]:
    """Yield the answer of each LDAP directory that is browsed live, or that knows the person.

    :param names: the login names and addresses of the person.
    :param identities: the person's identities, whose subjects come before names.
    """
    directories = IdentityProvider.objects.offered().filter(kind=Kind.LDAP)
    for provider in directories.select_related("tenant"):
        identity = next((one for one in identities if _is_of(one, provider)), None)
        if identity is None and provider.browsing != IdentityProvider.Browsing.LIVE:
            continue
        subject = identity.subject if identity else ""
        try:
            found = standing_of(
                settings_of(provider), manage.secret_of(provider), subject=subject, names=names
            )
        except (LdapFailed, SecretLost) as error:
            yield Answer(provider, problem=str(error))
        else:
            yield Answer(provider, found)


def _is_of(identity: Identity, directory: IdentityProvider) -> bool:
    """Tell whether the identity's subject is an id of the directory, also through Windows."""
    is_here = identity.provider in (directory, *windows_of(directory))
    is_id = identity.provider == directory or "@" not in identity.subject
    return is_here and is_id and identity.authority == authority_of(identity.provider)
