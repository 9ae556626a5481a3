"""Reads the account status of many people from a directory, by their subjects."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice

from django.utils import timezone

from provisioning.ldap.client import PAGE, Directory
from provisioning.ldap.connection import LdapFailed, is_available
from provisioning.ldap.entry import STATUS, Entry, escape_bytes, status_of, stored
from provisioning.models.account_status import AccountStatus

if is_available():
    import ldap
    from ldap.filter import escape_filter_chars


def statuses(directory: Directory, subjects: Collection[str]) -> dict[str, AccountStatus]:
    """Return the account status of each subject.

    :raises LdapFailed: if an answer is incomplete.
    """
    statuses: dict[str, AccountStatus] = {}
    settings, remaining = directory.settings, iter(subjects)
    while batch := list(islice(remaining, PAGE)):
        now = timezone.now()
        among = _entries(directory, batch, settings.anybody, base=settings.base_dn)
        found = {subject: status_of(entry, now) for subject, entry in among}
        missing = [subject for subject in batch if subject not in found]
        elsewhere: dict[str, AccountStatus] = {}
        if missing:
            # A user filter may leave disabled accounts out. They are disabled then, and not
            # outside. The service account may not be allowed to search in the whole domain, so
            # errors are ignored.
            with suppress(LdapFailed, ldap.LDAPError):
                among = _entries(directory, missing, "", base=settings.domain)
                elsewhere = {
                    one: status_of(entry, now) or AccountStatus.OUTSIDE for one, entry in among
                }
        for subject in missing:
            found[subject] = elsewhere.get(subject, AccountStatus.UNKNOWN)
        statuses |= found
    return statuses


def entry_with(directory: Directory, subject: str) -> Entry | None:
    """Return the entry with this subject among those that may sign in."""
    sought = f"(&{directory.settings.anybody}{_having(directory, [subject])})"
    found = directory.search(sought, most=2)
    return found[0] if len(found) == 1 else None


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
    conditions = []
    for name in directory.names_of("subject"):
        for subject in subjects:
            value = stored(name, subject)
            is_text = value == subject.encode()
            escaped = escape_filter_chars(subject) if is_text else escape_bytes(value)
            conditions.append(f"({name}={escaped})")
    return f"(|{''.join(conditions)})"
