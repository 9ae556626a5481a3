"""Finding the id of a group that an administrator names, in the provider's directory."""

from typing import Any, Final

from people.values import normalize_key
from provisioning.claims import Group
from provisioning.directory import DirectoryFailed
from provisioning.directory.factory import live_directory
from provisioning.group_roles.mappings import AmbiguousGroup, may_be_named
from provisioning.models import IdentityProvider
from provisioning.providers.secrets import SecretLost

Kind = IdentityProvider.Kind
MOST_PAGES: Final = 20


def look_up(provider: IdentityProvider, text: str) -> Group | None:
    """Return the one group of the directory that is called this, or has this id or DN.

    Its id is the one that a sign-in brings, so it stays the group if it is renamed or moved.
    None if there is none, or the directory cannot be asked: the name then stands for the first
    group of that name that a sign-in brings. An LDAP directory is asked also where browsing is
    off, because that hides people and not a group that the administrator already knows.

    :raises AmbiguousGroup: if several groups are called this.
    """
    source = _directory_of(provider)
    if source is None:
        return None
    try:
        if source.kind == Kind.LDAP and not may_be_named(source, text):
            return _ldap_group(source, text)
        found = _groups_called(source, text)
    except (DirectoryFailed, SecretLost):
        return None
    if len(found) > 1:
        raise AmbiguousGroup(text, sorted(found))
    return next(iter(found.values()), None)


def _directory_of(provider: IdentityProvider) -> IdentityProvider | None:
    """Return the provider whose directory knows the groups; None if none may be asked."""
    if provider.kind == Kind.WINDOWS:
        key = normalize_key(provider.settings.get("directory", ""))
        return IdentityProvider.objects.kept().filter(kind=Kind.LDAP, name_key=key).first()
    is_live = provider.browsing == IdentityProvider.Browsing.LIVE
    return provider if provider.kind == Kind.LDAP or is_live else None


def _ldap_group(source: IdentityProvider, key: str) -> Group | None:
    # Only LDAP directories find a group by its DN; the type is of a module that needs python-ldap.
    directory: Any = live_directory(source)
    found: Group | None = directory.group(key)
    return found


def _groups_called(source: IdentityProvider, text: str) -> dict[str, Group]:
    """Return the groups of exactly this name, or of this id, by their ids."""
    directory, after = live_directory(source), ""
    found: dict[str, Group] = {}
    for _ in range(MOST_PAGES):
        page = directory.groups(text, after)
        found |= {one.id: one for one in page.items if text in (one.id, one.name)}
        after = page.next
        if not after:
            break
    return found
