from collections.abc import Callable

from django.utils.module_loading import import_string

from people.secrets import SecretLost
from provisioning.directory.base import Directory, DirectoryFailed, LiveDirectory
from provisioning.directory.cached import CachedDirectory
from provisioning.directory.cached_live import CachedLiveDirectory
from provisioning.models import IdentityProvider
from provisioning.providers.directory_apis import DIRECTORY_APIS

LIVE: dict[str, str] = {IdentityProvider.Kind.LDAP: "provisioning.directory.ldap.LdapDirectory"}
Browsing = IdentityProvider.Browsing


def directory_of(provider: IdentityProvider) -> Directory | None:
    """Return the directory to browse, as the provider's setting says; None if browsing is off.

    :raises DirectoryFailed: if live browsing is set up but not possible.
    """
    if provider.browsing == Browsing.OFF:
        return None
    if provider.browsing == Browsing.CACHED_ONLY:
        return CachedDirectory(provider)
    return cached_live_directory(provider)


def cached_live_directory(provider: IdentityProvider) -> CachedLiveDirectory:
    """Return the live directory with its cache and rate limit, regardless of the browsing setting.

    :raises DirectoryFailed: if the provider has no directory that can be queried.
    """
    try:
        return CachedLiveDirectory(provider, live_directory(provider))
    except SecretLost as error:
        raise DirectoryFailed("secret-lost", str(error)) from error


def live_directory(provider: IdentityProvider) -> LiveDirectory:
    """Return the live directory, regardless of the browsing setting.

    :raises DirectoryFailed: if the provider has no directory that can be queried.
    """
    if provider.kind in LIVE:
        try:
            live: Callable[[IdentityProvider], LiveDirectory] = import_string(LIVE[provider.kind])
        except ImportError as error:
            # django-ldapdb and python-ldap are optional, because they need C libraries.
            raise DirectoryFailed(
                "not-installed", "LDAP is not installed on this server."
            ) from error
        return live(provider)
    if api := DIRECTORY_APIS.get(provider.settings.get("directory_kind", "")):
        directory: Callable[[IdentityProvider], LiveDirectory] = import_string(api.directory)
        return directory(provider)
    raise DirectoryFailed(
        "no-directory", f"{provider} has no API for live browsing. Choose one in its settings."
    )
