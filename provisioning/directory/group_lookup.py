"""Finds the id of a group that an administrator names, in the provider's directory."""

from typing import Any, Final

from people.net.time_limit import time_limit
from people.secrets import SecretLost
from people.values import normalize_key
from provisioning.claims import Group
from provisioning.directory import DirectoryFailed
from provisioning.directory.factory import live_directory
from provisioning.group_roles.mappings import AmbiguousGroup, could_be_name
from provisioning.models import IdentityProvider

Kind = IdentityProvider.Kind
MAX_PAGES: Final = 20
MAX_SECONDS: Final = 12


def look_up(provider: IdentityProvider, text: str) -> Group | None:
    """Return the only group of the directory with this name, id or DN.

    Its id is the one that sign-ins send, so a mapping still applies after a rename or a move. The
    result is None if there is no such group, or if the directory cannot be queried. Then the
    mapping applies to the first group of this name that a sign-in sends. An LDAP directory is
    queried even if browsing is off: that setting hides people, not a group whose name the
    administrator already knows.

    :raises AmbiguousGroup: if several groups have this name.
    """
    source: IdentityProvider | None = provider
    if provider.kind == Kind.WINDOWS:
        # Its groups are those of its LDAP directory.
        key = normalize_key(provider.settings.get("directory", ""))
        source = IdentityProvider.objects.kept().filter(kind=Kind.LDAP, name_key=key).first()
    is_live = provider.browsing == IdentityProvider.Browsing.LIVE
    if source is None or not (source.kind == Kind.LDAP or is_live):
        return None
    try:
        if source.kind == Kind.LDAP and not could_be_name(source, text):
            # Any: LdapDirectory has the method `group`, but its module imports python-ldap.
            directory: Any = live_directory(source)
            group: Group | None = directory.group(text)
            return group
        with time_limit(MAX_SECONDS):
            found = _groups_called(source, text)
    except (DirectoryFailed, SecretLost):
        return None
    if len(found) > 1:
        raise AmbiguousGroup(text, sorted(found))
    return next(iter(found.values()), None)


def _groups_called(source: IdentityProvider, text: str) -> dict[str, Group]:
    """Return the groups with exactly this name or id, by id."""
    directory, after = live_directory(source), ""
    found: dict[str, Group] = {}
    for _ in range(MAX_PAGES):
        page = directory.groups(text, after)
        found |= {one.id: one for one in page.items if text in (one.id, one.name)}
        after = page.next
        if not after:
            break
    return found
