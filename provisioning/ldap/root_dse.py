"""What a directory says about itself at its root (RFC 4512 section 5.1, MS-ADTS 3.1.1.3.2)."""

from dataclasses import dataclass
from typing import Any, Final

from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.entry import Entry

ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"
ATTRIBUTES: Final = (
    *("namingContexts", "defaultNamingContext", "configurationNamingContext"),
    *("supportedCapabilities", "dnsHostName", "vendorName"),
)


@dataclass(frozen=True)
class RootDse:
    base_dn: str
    configuration_dn: str
    is_active_directory: bool


def read(directory: Any) -> RootDse:
    """Return the root of a bound directory.

    :raises LdapFailed: if the service account cannot read it.
    """
    found: list[Entry] = directory.search("(objectClass=*)", most=1, base="", names=ATTRIBUTES)
    if not found:
        raise LdapFailed("no-root", "The directory does not say which naming contexts it has.")
    [root] = found
    return RootDse(
        base_dn=root.text(["defaultNamingContext", "namingContexts"]),
        configuration_dn=root.text(["configurationNamingContext"]),
        is_active_directory=ACTIVE_DIRECTORY in root.texts(["supportedCapabilities"]),
    )
