"""Reads from a directory what its provider needs: the base DN and the user filter."""

from dataclasses import dataclass, replace
from typing import Final

from provisioning.ldap import client, root_dse
from provisioning.ldap.connection import SECONDS, LdapFailed, is_available
from provisioning.providers.config import LdapSettings

if is_available():
    import ldap

# Enabled accounts of people: neither computers nor contacts.
ACTIVE_DIRECTORY_FILTER: Final = (
    "(&(objectCategory=person)(objectClass=user)(sAMAccountName={0})"
    "(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
)
OTHER_FILTER: Final = "(&(objectClass=person)(uid={0}))"
UNITS: Final = "(|(objectClass=organizationalUnit)(objectClass=container))"
MAX_UNITS: Final = 50


@dataclass(frozen=True)
class Proposal:
    base_dn: str
    user_filter: str
    # The units below the base DN that contain such people; each could be the base DN instead.
    units: list[str]


def read(settings: LdapSettings, bind_password: str) -> Proposal:
    """Return what the directory says about itself. The base DN of the settings is ignored.

    :raises LdapFailed: if it does not answer, or does not say it.
    """
    with client.opened(settings, bind_password) as directory:
        root = root_dse.read(directory)
        if not root.base_dn:
            raise LdapFailed("no-root", "The directory does not say which naming contexts it has.")
        user_filter = ACTIVE_DIRECTORY_FILTER if root.is_active_directory else OTHER_FILTER
        proposed = replace(settings, base_dn=root.base_dn, user_filter=user_filter)
        message = directory.connection.search_ext(root.base_dn, ldap.SCOPE_ONELEVEL, UNITS, ["1.1"])
        _, rows = directory.connection.result(message, timeout=SECONDS)
        below = sorted(dn for dn, _ in rows if dn)[:MAX_UNITS]
        units = [dn for dn in below if directory.sample(proposed.anybody, base=dn)]
    return Proposal(root.base_dn, user_filter, units)
