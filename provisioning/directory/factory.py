from collections.abc import Callable

from django.utils.module_loading import import_string

from provisioning.directory.base import Directory, DirectoryFailed
from provisioning.directory.cached import CachedDirectory
from provisioning.directory.cached_live import CachedLiveDirectory
from provisioning.models import IdentityProvider
from provisioning.providers.directory_apis import DIRECTORY_APIS
from provisioning.providers.secrets import SecretLost

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
    if api := DIRECTORY_APIS.get(provider.settings.get("directory_kind", "")):
        ask: Callable[[IdentityProvider], Directory] = import_string(api.directory)
        return ask(provider)
    raise DirectoryFailed(
        "no-directory", f"{provider} has no API for live browsing. Choose one in its settings."
    )
