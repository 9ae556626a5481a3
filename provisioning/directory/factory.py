from collections.abc import Callable

from django.utils.module_loading import import_string

from provisioning.directory.base import Directory, DirectoryFailed
from provisioning.directory.cached import CachedDirectory
from provisioning.directory.cached_live import CachedLiveDirectory
from provisioning.directory.graph import GraphDirectory
from provisioning.directory.keycloak import KeycloakDirectory
from provisioning.directory.okta import OktaDirectory
from provisioning.directory.scim import ScimDirectory
from provisioning.models import IdentityProvider
from provisioning.providers.secrets import SecretLost

CLOUD: dict[str, Callable[[IdentityProvider], Directory]] = {
    "graph": GraphDirectory,
    "okta": OktaDirectory,
    "keycloak": KeycloakDirectory,
    "scim": ScimDirectory,
}
LIVE: dict[str, str] = {IdentityProvider.Kind.LDAP: "provisioning.directory.ldap.LdapDirectory"}
Browsing = IdentityProvider.Browsing


def directory_of(provider: IdentityProvider) -> Directory | None:
    """Return what may be browsed of the provider's directory; None where that is off.

    :raises DirectoryFailed: if it is to be live, and cannot.
    """
    if provider.browsing == Browsing.OFF:
        return None
    if provider.browsing == Browsing.CACHED_ONLY:
        return CachedDirectory(provider)
    try:
        return CachedLiveDirectory(provider, live_directory(provider))
    except SecretLost as error:
        raise DirectoryFailed("secret-lost", str(error)) from error


def live_directory(provider: IdentityProvider) -> Directory:
    """Return the directory itself, whatever the setting of browsing is.

    :raises DirectoryFailed: if the provider names none that can be asked.
    """
    if provider.kind in LIVE:
        try:
            live: Callable[[IdentityProvider], Directory] = import_string(LIVE[provider.kind])
        except ImportError as error:
            # django-ldapdb and python-ldap are installed only where they could be built.
            raise DirectoryFailed(
                "not-installed", "LDAP is not installed on this server."
            ) from error
        return live(provider)
    kind = provider.settings.get("directory_kind", "")
    if kind in CLOUD:
        return CLOUD[kind](provider)
    raise DirectoryFailed(
        "no-directory", f"{provider} has no API for live browsing. Choose one in its settings."
    )
