r"""Finds the entry of a login name, in each form in which people type it.

Active Directory knows an account as `ada`, `CORP\ada` and `ada@corp.example.com`, also if its
userPrincipalName is another (MS-ADTS 5.1.1.1.1). Names that look the same may be encoded in two
ways, composed (NFC) and decomposed (NFD); Apple's systems often send the second.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from django.utils import timezone

from provisioning.ldap import root_dse
from provisioning.ldap.connection import AccountRefused, LdapFailed, WrongPassword, is_available
from provisioning.ldap.entry import Entry, escape_bytes, status_of
from provisioning.models.account_status import AccountStatus

if is_available():
    import ldap
    from ldap.filter import escape_filter_chars

# A condition of the user filter with the placeholder for the login name.
NAMING: Final = re.compile(r"\([^()]*\{0\}[^()]*\)")


def find_one(directory: Any, login: str) -> Entry:
    """Return the only entry with that login name.

    A disabled or expired account is returned even if the user filter leaves such accounts out, so
    that its owner learns why they cannot sign in.

    :raises WrongPassword: if there is none.
    :raises AccountRefused: if there are several.
    :raises LdapFailed: if there are no people at all below the base DN.
    """
    settings = directory.settings
    for sought in _filters(directory, login):
        found: list[Entry] = directory.search(sought, most=2)
        if len(found) > 1:
            raise AccountRefused(
                "ambiguous",
                f"Several entries match {sought}. Change the filter so that it matches only one.",
            )
        if found:
            return found[0]
    directory.check_has_people()
    apart = _apart_from_filter(directory, login, base=settings.base_dn)
    if apart and status_of(apart, timezone.now()) != AccountStatus.GOOD:
        return apart
    sought = settings.user_filter.replace("{0}", escape_filter_chars(login))
    missing = WrongPassword("no-entry", f"No entry matches {sought}.")
    if elsewhere := apart or _apart_from_filter(directory, login, base=settings.domain):
        missing = WrongPassword(
            "no-entry",
            f"{elsewhere.dn} is not below “{settings.base_dn}” or does not match "
            f"{settings.user_filter}.",
        )
        missing.account = directory.account_of(elsewhere)
    raise missing


def find_authenticated(directory: Any, login: str) -> Entry:
    """Return the entry of somebody who was authenticated elsewhere, such as by Kerberos.

    :raises AccountRefused: if there is none: outside of the base DN or the filter, or no account.
    :raises LdapFailed: as `find_one`.
    """
    try:
        return find_one(directory, login)
    except WrongPassword as error:
        if error.account:
            outside = AccountRefused(AccountStatus.OUTSIDE, str(error))
            outside.account = error.account
            raise outside from error
        raise AccountRefused(
            AccountStatus.UNKNOWN, f"The account “{login}” no longer exists in the directory."
        ) from error


def find_by_relative_id(directory: Any, relative_id: int | None) -> Entry | None:
    """Return the account of the directory's own domain with this relative id (MS-DTYP 2.4.2).

    It has the id also after it was renamed.
    """
    settings = directory.settings
    if relative_id is None or not settings.is_active_directory:
        return None
    [domain] = directory.search(
        "(objectClass=*)", most=1, base=settings.domain, names=["objectSid"]
    )
    sid = next(iter(domain.attributes.get("objectsid", [])), b"")
    if len(sid) < 8:
        return None
    # The domain's identifier with one more part at the end.
    account = bytes([sid[0], sid[1] + 1]) + sid[2:] + relative_id.to_bytes(4, "little")
    sought = f"(&{settings.anybody}(objectSid={escape_bytes(account)}))"
    found: list[Entry] = directory.search(sought, most=1)
    return found[0] if found else None


def _filters(directory: Any, login: str) -> Iterator[str]:
    """Yield the filters that find the account among those that may sign in, one after another."""
    settings = directory.settings
    yield _any_of(settings.user_filter.replace("{0}", form) for form in _forms(login))
    for condition in _names_in_domain(directory, login):
        yield f"(&{settings.anybody}{condition})"


def _apart_from_filter(directory: Any, login: str, *, base: str) -> Entry | None:
    """Return the only account with that name, whatever else the user filter demands of it.

    Often the service account may not read the whole domain, so errors count as no account.
    """
    names = [f"({name}={{0}})" for name in directory.names_of_login()]
    by_name = dict.fromkeys([*NAMING.findall(directory.settings.user_filter), *names])
    conditions = [one.replace("{0}", form) for form in _forms(login) for one in by_name]
    with suppress(LdapFailed, ldap.LDAPError):
        for sought in (_any_of(conditions), *_names_in_domain(directory, login)):
            found = list(islice(directory.pages(sought, base=base, size=2), 2))
            if found:
                return found[0] if len(found) == 1 else None
    return None


def _names_in_domain(directory: Any, login: str) -> Iterator[str]:
    r"""Yield conditions for `CORP\ada` and `ada@corp.example.com` in Active Directory.

    Another domain's name finds nobody. An account whose userPrincipalName is the name comes before
    one whose implicit name it is, as in Active Directory itself.
    """
    domain, backslash, name = login.partition("\\")
    if not backslash:
        name, _, domain = login.rpartition("@")
    names = _domain_names(directory) if name and domain else set()
    if not names:
        return
    if not backslash:
        explicit = _any_of(f"(userPrincipalName={form})" for form in _forms(login))
        yield explicit
        if directory.sample(explicit, base=directory.settings.domain):
            return
    if domain.strip().casefold() in names:
        yield _any_of(f"(sAMAccountName={form})" for form in _forms(name))


def _domain_names(directory: Any) -> set[str]:
    """Return the DNS name and the NetBIOS name of the domain; none outside of Active Directory."""
    domain = directory.settings.domain
    names = {directory.settings.dns_domain}
    with suppress(LdapFailed, ldap.LDAPError):
        root = root_dse.read(directory)
        if not root.is_active_directory:
            return set()
        sought = f"(nCName={escape_filter_chars(domain)})"
        partitions = f"CN=Partitions,{root.configuration_dn}"
        for one in directory.pages(sought, base=partitions, names=["nETBIOSName", "dnsRoot"]):
            names |= {one.text(["nETBIOSName"]), one.text(["dnsRoot"])}
        return {name.casefold() for name in names if name}
    return set()


def _forms(login: str) -> list[str]:
    """Return the login name as typed, composed and decomposed, escaped for filters (RFC 4515)."""
    forms = (login, unicodedata.normalize("NFC", login), unicodedata.normalize("NFD", login))
    return [escape_filter_chars(form) for form in dict.fromkeys(forms)]


def _any_of(conditions: Any) -> str:
    several = [one if one.startswith("(") else f"({one})" for one in conditions]
    return several[0] if len(several) == 1 else f"(|{''.join(several)})"
