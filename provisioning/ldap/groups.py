"""Finds the groups of a directory entry, including nested ones.

A group is identified by `objectGUID` or `entryUUID`, so it may be renamed and moved. An incomplete
answer counts as unknown, never as fewer groups, because people would lose roles.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from provisioning.claims import Group, Groups
from provisioning.ldap.connection import LdapFailed, is_available
from provisioning.ldap.entry import Entry, escape_bytes, stored
from provisioning.providers.distinguished_names import normalize_dn

if is_available():
    import ldap
    from ldap.filter import escape_filter_chars

# A limit on the work. Real people are in fewer groups.
MAX_GROUPS: Final = 1000
# The maximum depth of nested groups, where the server does not resolve them.
MAX_DEPTH: Final = 10
# How many groups one search resolves.
BATCH: Final = 50
NAMING: Final = ("cn", "displayName", "ou", "memberOf", "objectGUID", "entryUUID", "objectSid")
# A condition of the group filter with a placeholder for the member.
MEMBERSHIP: Final = re.compile(r"\([^()]*\{[01]\}[^()]*\)")


def groups_of(directory: Any, entry: Entry) -> Groups:
    """Return all groups of the entry, including nested ones; unknown if that fails."""
    try:
        if entry.is_active_directory:
            found = _in_active_directory(directory, entry)
        else:
            found = _by_search(directory, entry)
    except (ldap.LDAPError, LdapFailed) as error:
        return Groups(because=f"the directory did not return the groups: {error}")
    return Groups(frozenset(group_of(one) for one in found))


def group_of(entry: Entry) -> Group:
    name = entry.text(["cn", "displayName", "ou"]) or entry.dn
    return Group(entry.text(["objectGUID", "entryUUID"]) or entry.dn, name, entry.dn)


def group_by_id(directory: Any, group_id: str) -> Entry | None:
    """Return the group with this `objectGUID` or `entryUUID`."""
    guid = escape_bytes(stored("objectGUID", group_id))
    sought = f"(|(objectGUID={guid})(entryUUID={escape_filter_chars(group_id)}))"
    settings = directory.settings
    base = settings.group_base_dn or settings.domain
    return next(directory.pages(sought, base=base, names=NAMING), None)


def _in_active_directory(directory: Any, entry: Entry) -> list[Entry]:
    """Return the groups in `tokenGroups`, which Active Directory computes (MS-ADTS 3.1.1.4.5.19).

    It includes the primary group and all nested groups, but no distribution lists. Those are found
    by `memberOf`.
    """
    names = ["tokenGroups", "memberOf"]
    found_again = directory.search("(objectClass=*)", most=1, base=entry.dn, names=names)
    person = found_again[0] if found_again else entry
    sids = person.attributes.get("tokengroups", [])
    if not found_again or not sids:
        raise LdapFailed("groups-unreadable", "The service account cannot read tokenGroups.")
    found = {normalize_dn(one.dn): one for one in _found(directory, "objectSid", sids)}
    known = {sid for one in found.values() for sid in one.attributes.get("objectsid", [])[:1]}
    # Groups of other domains are ignored, because only a global catalog knows them.
    domain = entry.attributes["objectsid"][0][:-4]
    missing = [sid for sid in sids if sid[:-4] == domain and sid not in known]
    if missing:
        raise LdapFailed(
            "groups-incomplete",
            f"The service account cannot read {len(missing)} of the person's groups.",
        )
    _add_distribution_lists(directory, person, found)
    if len(found) > MAX_GROUPS:
        raise LdapFailed("too-many", f"The person is in more than {MAX_GROUPS} groups.")
    return _filtered(directory, found.values())


def _add_distribution_lists(directory: Any, person: Entry, found: dict[str, Entry]) -> None:
    latest = [person, *found.values()]
    for _ in range(MAX_DEPTH):
        named = {dn for one in latest for dn in one.texts(["memberOf"])}
        missing = {normalize_dn(dn): dn for dn in named if normalize_dn(dn) not in found}
        if not missing:
            return
        values = [dn.encode() for dn in missing.values()]
        latest = list(_found(directory, "distinguishedName", values))
        if len(latest) < len(missing):
            count = len(missing) - len(latest)
            raise LdapFailed("groups-incomplete", f"{count} of the person's groups were not found.")
        found |= {normalize_dn(one.dn): one for one in latest}
    raise LdapFailed(
        "too-many", f"The person's groups are nested more than {MAX_DEPTH} levels deep."
    )


def _filtered(directory: Any, groups: Collection[Entry]) -> list[Entry]:
    """Keep the groups that match the group filter and the group base DN.

    The filter's conditions about membership are replaced, because `tokenGroups` decides that.
    """
    settings = directory.settings
    admitted = MEMBERSHIP.sub("(objectClass=*)", settings.group_filter)
    if admitted == "(objectClass=*)" and not settings.group_base_dn:
        return list(groups)
    sids = [one.attributes["objectsid"][0] for one in groups if "objectsid" in one.attributes]
    base = settings.group_base_dn or directory.settings.domain
    return list(_found(directory, "objectSid", sids, within=admitted, base=base))


def _found(
    directory: Any, name: str, values: Collection[bytes], *, within: str = "", base: str = ""
) -> Iterator[Entry]:
    """Yield the groups in which the attribute has one of the values."""
    conditions = [f"({name}={escape_bytes(value)})" for value in values]
    for start in range(0, len(conditions), BATCH):
        sought = f"(&{within}(|{''.join(conditions[start : start + BATCH])}))"
        yield from directory.pages(sought, base=base or directory.settings.domain, names=NAMING)


def _by_search(directory: Any, entry: Entry) -> list[Entry]:
    found: dict[str, Entry] = {}
    latest = [entry]
    for _ in range(MAX_DEPTH):
        latest = [one for member in latest for one in _direct_groups(directory, member)]
        latest = [one for one in latest if normalize_dn(one.dn) not in found]
        found |= {normalize_dn(one.dn): one for one in latest}
        if not latest or len(found) > MAX_GROUPS:
            break
    if latest:
        raise LdapFailed(
            "too-many",
            f"The person is in more than {MAX_GROUPS} groups, or the groups are nested too deep.",
        )
    return list(found.values())


def _direct_groups(directory: Any, member: Entry) -> Iterator[Entry]:
    """Yield the groups that list the entry as a member, and those that the entry lists."""
    login = member.text(directory.names_of_login())
    # A group may list DNs or login names. A login name that looks like a DN might be the DN of
    # another person.
    listed = [member.dn, login] if login and "=" not in login else [member.dn]
    pattern = directory.settings.group_filter.replace("{1}", escape_filter_chars(login))
    conditions = "".join(pattern.replace("{0}", escape_filter_chars(one)) for one in listed)
    base, seen = directory.settings.group_base_dn, set()
    for one in directory.pages(f"(|{conditions})", base=base or None, names=NAMING):
        seen.add(normalize_dn(one.dn))
        if len(seen) > MAX_GROUPS:
            raise LdapFailed("too-many", f"The person is in more than {MAX_GROUPS} groups.")
        yield one
    for dn in member.texts(directory.names_of("groups")):
        is_sought = not base or normalize_dn(dn).endswith(f",{normalize_dn(base)}")
        if is_sought and normalize_dn(dn) not in seen:
            yield from directory.search("(objectClass=*)", most=1, base=dn, names=NAMING)
