"""What a directory says about one person now, without their password."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from provisioning.ldap import client, login_names
from provisioning.ldap.account_status import entry_with, statuses
from provisioning.ldap.connection import LdapFailed, WrongPassword, is_available
from provisioning.ldap.entry import Account, Entry, status_of
from provisioning.models.account_status import AccountStatus
from provisioning.providers.config import LdapSettings

if is_available():
    from ldap.filter import escape_filter_chars

# An administrator waits for it, and there may be several directories.
SECONDS = 4


@dataclass(frozen=True)
class Standing:
    status: AccountStatus
    # None if the account is outside of the base DN or the user filter, was deleted, or was found by
    # its subject and cannot be used.
    account: Account | None = None


def standing_of(
    settings: LdapSettings, bind_password: str, *, subject: str = "", names: Collection[str] = ()
) -> Standing | None:
    """Return the standing of the account with this subject, or else with one of these names.

    :param names: login names or addresses.
    :returns: None if the directory has no such account. A subject that is missing was deleted.
    :raises LdapFailed: if the directory does not answer, or several accounts match.
    """
    with client.opened(settings, bind_password, seconds=SECONDS) as directory:
        if subject:
            status = statuses(directory, [subject])[subject]
            known = entry_with(directory, subject) if status == AccountStatus.GOOD else None
            return Standing(status, directory.account_of(known) if known else None)
        for name in names:
            entry: Entry | None
            try:
                entry = login_names.find_one(directory, name)
            except WrongPassword as error:
                if error.account:
                    return Standing(AccountStatus.OUTSIDE, error.account)
                entry = _by_address(directory, name)
            if entry is not None:
                status = status_of(entry, timezone.now())
                return Standing(status, directory.account_of(entry))
    return None


def _by_address(directory: client.Directory, address: str) -> Entry | None:
    """Return the only account with that address among those that may sign in."""
    if "@" not in address:
        return None
    named = "".join(
        f"({name}={escape_filter_chars(address)})" for name in directory.names_of("email")
    )
    found = directory.search(f"(&{directory.settings.anybody}(|{named}))", most=2)
    if len(found) > 1:
        raise LdapFailed("ambiguous", f"Several entries have the address {address}.")
    return found[0] if found else None
