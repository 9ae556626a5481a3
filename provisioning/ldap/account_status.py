"""Reads the account status of many people from a directory, by their subjects."""

from collections.abc import Collection, Iterator
from itertools import islice

from django.utils import timezone

from provisioning.ldap.client import PAGE, Directory
from provisioning.ldap.connection import LdapFailed, is_available
from provisioning.ldap.entry import STATUS, Entry, status_of, stored
from provisioning.models.account_status import AccountStatus

if is_available():
    import ldap
    from ldap.filter import escape_filter_chars


def statuses(directory: Directory, subjects: Collection[str]) -> dict[str, AccountStatus]:
    """Return the account status of each subject.

    :raises LdapFailed: if an answer is incomplete.
    """
    statuses: dict[str, AccountStatus] = {}
    remaining = iter(subjects)
    while batch := list(islice(remaining, PAGE)):
        statuses |= _statuses(directory, batch)
    return statuses


def entry_with(directory: Directory, subject: str) -> Entry | None:
    """Return the entry with this subject among those that may sign in."""
    sought = f"(&{directory.settings.anybody}{_having(directory, [subject])})"
    found = directory.search(sought, most=2)
    return found[0] if len(found) == 1 else None


def _statuses(directory: Directory, subjects: Collection[str]) -> dict[str, AccountStatus]:
    now, settings = timezone.now(), directory.settings
    among = _entries(directory, subjects, settings.anybody, base=settings.base_dn)
    statuses = {subject: status_of(entry, now) for subject, entry in among}
    missing = [subject for subject in subjects if subject not in statuses]
    elsewhere = _elsewhere(directory, missing) if missing else {}
    for subject in missing:
        statuses[subject] = elsewhere.get(subject, AccountStatus.UNKNOWN)
    return statuses


def _elsewhere(directory: Directory, subjects: Collection[str]) -> dict[str, AccountStatus]:
    """Return the status of the subjects that are outside of the base DN or the user filter.

    A filter may leave disabled accounts out. They are disabled then, and not outside. The service
    account may not be allowed to search there, so errors are ignored.
    """
    now = timezone.now()
    try:
        among = _entries(directory, subjects, "", base=directory.settings.domain)
        return {subject: status_of(entry, now) or AccountStatus.OUTSIDE for subject, entry in among}
    except (LdapFailed, ldap.LDAPError):
        return {}


def _entries(
    directory: Directory, subjects: Collection[str], within: str, *, base: str
) -> Iterator[tuple[str, Entry]]:
    """Yield the entries that have one of the subjects, page by page (RFC 2696)."""
    names = directory.names_of("subject")
    sought = f"(&{within}{_having(directory, subjects)})"
    for entry in directory.pages(sought, base=base, names=[*names, *STATUS]):
        yield entry.text(names), entry


def _having(directory: Directory, subjects: Collection[str]) -> str:
    """Return the filter for the entries with one of the subjects."""
    names = directory.names_of("subject")
    either = (f"({name}={_escaped(name, subject)})" for name in names for subject in subjects)
    return f"(|{''.join(either)})"


def _escaped(name: str, subject: str) -> str:
    value = stored(name, subject)
    if value == subject.encode():
        return str(escape_filter_chars(subject))
    return "".join(f"\\{byte:02x}" for byte in value)
