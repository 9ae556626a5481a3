"""Finds the Windows and LDAP providers that share a directory, and so identify the same people."""

from people.values import normalize_key
from provisioning.models import IdentityProvider

Kind = IdentityProvider.Kind


def directory_of(windows: IdentityProvider) -> IdentityProvider | None:
    """Return the LDAP provider that the Windows provider's settings name; None if there is none."""
    name = windows.settings.get("directory", "")
    kept = IdentityProvider.objects.kept().select_related("tenant")
    found = kept.filter(tenant=windows.tenant_id, kind=Kind.LDAP, name_key=normalize_key(name))
    directory: IdentityProvider | None = found.first() if name else None
    return directory


def windows_of(directory: IdentityProvider) -> list[IdentityProvider]:
    """Return the Windows providers that name the LDAP provider."""
    windows = IdentityProvider.objects.kept().filter(tenant=directory.tenant_id, kind=Kind.WINDOWS)
    return [
        one
        for one in windows
        if normalize_key(one.settings.get("directory", "")) == directory.name_key
    ]


def sharing_with(provider: IdentityProvider) -> list[IdentityProvider]:
    """Return the other providers whose subjects are ids of the same directory."""
    directory = provider if provider.kind == Kind.LDAP else None
    if provider.kind == Kind.WINDOWS:
        directory = directory_of(provider)
    if directory is None:
        return []
    return [one for one in (directory, *windows_of(directory)) if one != provider]
