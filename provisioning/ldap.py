"""LDAP and Active Directory: from a login name and a password to claims.

The service account finds exactly one entry, then that entry's DN is bound with the password
(RFC 4513). What is typed is escaped for the filter it stands in (RFC 4515).
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from provisioning import circuits
from provisioning.circuits import CircuitOpen
from provisioning.claims import Claims, Group, Groups
from provisioning.definitions import LdapSettings
from provisioning.ldap_connection import (
    SECONDS,
    LdapFailed,
    Unreachable,
    WrongPassword,
    bind,
    connected,
    explained,
    is_available,
)

if is_available():
    import ldap
    from ldap.controls import SimplePagedResultsControl
    from ldap.filter import escape_filter_chars

# Entries of one search for groups; more than that is no list to give roles by.
MOST_GROUPS: Final = 1000
# How deep groups in groups are followed where the server does not do it.
DEEPEST: Final = 10
# For all searches of one sign-in; each alone may take SECONDS.
LONGEST: Final = 10
# Active Directory follows groups in groups itself (MS-ADTS 3.1.1.3.4.4.3).
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
ACCOUNT_DISABLED: Final = 2

USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "subject": ("entryUUID", "objectGUID"),
    "given_name": ("givenName",),
    "family_name": ("sn",),
    "name": ("displayName", "cn"),
    "email": ("mail",),
    "department": ("department", "departmentNumber", "ou"),
    "location": ("l", "physicalDeliveryOfficeName"),
    "groups": ("memberOf",),
}
DISABLING: Final = ("userAccountControl", "nsAccountLock", "pwdAccountLockedTime")
# What Active Directory says of a password that is right all the same (its Win32 error codes).
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "532": ("password-expired", "the password has expired"),
    "773": ("password-expired", "the password has to be changed first"),
    "533": ("account-disabled", "the account is disabled"),
    "701": ("account-disabled", "the account has expired"),
}
BINARY_IDS: Final = ("objectguid", "ms-ds-consistencyguid")


@dataclass(frozen=True)
class Entry:
    """An entry as it was found: attributes by name in lower case."""

    dn: str
    attributes: Mapping[str, list[bytes]]

    def texts(self, names: Iterable[str]) -> list[str]:
        """Return the values of the first of the attributes that has any."""
        for name in names:
            if values := self.attributes.get(name.lower()):
                return [readable(name, value) for value in values]
        return []

    def text(self, names: Iterable[str]) -> str:
        return next(iter(self.texts(names)), "")


def sign_in(settings: LdapSettings, bind_password: str, login: str, password: str) -> Claims:
    """Return who has this login name and password.

    :raises WrongPassword: if nobody has.
    :raises LdapFailed: if the directory cannot say so.
    """
    if not password.strip(" \0") or password.startswith("\0") or not login.strip():
        # An empty password is an unauthenticated bind, which some servers let succeed
        # (RFC 4513 section 5.1.2); no socket is opened for it.
        raise WrongPassword("no-password", "No login name or password was typed.")
    with opened(settings, bind_password) as directory:
        entry = directory.the_one(login)
        directory.check_password(entry, password)
        # Not before: whoever does not know the password is not told how the account stands.
        directory.check_enabled(entry)
        return directory.claims(entry)


def look_up(settings: LdapSettings, bind_password: str, login: str) -> Claims:
    """Return what the directory says about somebody who was authenticated elsewhere.

    :raises LdapFailed: if there is nobody of that name, or the directory cannot say.
    """
    with opened(settings, bind_password) as directory:
        entry = directory.the_one(login)
        directory.check_enabled(entry)
        return directory.claims(entry)


@contextmanager
def opened(settings: LdapSettings, bind_password: str) -> Iterator["Directory"]:
    """Connect, and bind as the service account until the block ends.

    :raises LdapFailed: if that does not work, saying what to correct.
    """
    if not is_available():
        raise LdapFailed("not-installed", "LDAP is not installed here. Run `make setup` as root.")
    try:
        with circuits.guarding(settings.uri, Unreachable), explained(settings):
            connection = connected(settings)
            try:
                bind(connection, settings, bind_password)
                yield Directory(connection, settings)
            finally:
                connection.unbind_ext_s()
    except CircuitOpen as error:
        raise Unreachable(
            "unreachable", f"{settings.uri} did not answer just now; it is asked again soon."
        ) from error


@dataclass(frozen=True)
class Directory:
    """A bound connection, and what is asked of it."""

    connection: Any
    settings: LdapSettings
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST)

    def the_one(self, login: str) -> Entry:
        """Return the one entry of that login name.

        :raises WrongPassword: if there is none.
        :raises LdapFailed: if there are several, or nobody is below the base DN at all.
        """
        sought = self.settings.user_filter.replace("{0}", escape_filter_chars(login))
        found = self.search(sought, most=2)
        if not found:
            self._check_that_there_is_somebody()
            raise WrongPassword("no-entry", f"No entry matches {sought}.")
        if len(found) > 1:
            raise LdapFailed(
                "ambiguous",
                f"Several entries match {sought}. Make the filter tell them apart.",
            )
        return found[0]

    def sample(self, sought: str) -> Entry | None:
        """Return any one entry that matches, however many do.

        :raises LdapFailed: if the base DN or the filter is none.
        """
        # A page of one entry (RFC 2696): a limit on the size would be an error without any.
        page = SimplePagedResultsControl(criticality=True, size=1, cookie="")
        wanted = self._wanted()
        with _explaining(sought, self.settings.base_dn):
            message = self.connection.search_ext(
                self.settings.base_dn, ldap.SCOPE_SUBTREE, sought, wanted, serverctrls=[page]
            )
            _, rows, *_ = self.connection.result3(message, timeout=SECONDS)
        return next((Entry(dn, _lowered(said)) for dn, said in rows if dn), None)

    def search(
        self, sought: str, *, most: int, base: str | None = None, names: Iterable[str] = ()
    ) -> list[Entry]:
        """Return the entries that match, one more than `most` at the most.

        :raises LdapFailed: if the base DN or the filter is none, or there are more.
        """
        wanted = [*(names or self._wanted())]
        where = self.settings.base_dn if base is None else base
        scope = ldap.SCOPE_SUBTREE if base is None else ldap.SCOPE_BASE
        if time.monotonic() > self.until:
            raise LdapFailed("timeout", f"All searches took longer than {LONGEST} seconds.")
        try:
            with _explaining(sought, where):
                message = self.connection.search_ext(
                    where, scope, sought, wanted, sizelimit=most + 1
                )
                _, rows = self.connection.result(message, timeout=SECONDS)
        except ldap.SIZELIMIT_EXCEEDED as error:
            raise LdapFailed("too-many", f"More than {most} entries match {sought}.") from error
        return [Entry(dn, _lowered(attributes)) for dn, attributes in rows if dn]

    def check_enabled(self, entry: Entry) -> None:
        """See that the account is not disabled in the directory.

        :raises LdapFailed: if it is.
        """
        if _is_disabled(entry):
            raise LdapFailed("account-disabled", f"{entry.dn} is disabled in the directory.")

    def check_password(self, entry: Entry, password: str) -> None:
        """See that the password is the entry's, over a connection of its own.

        :raises WrongPassword: if it is not.
        :raises LdapFailed: if it is, and the directory takes it from them no longer.
        """
        asking = connected(self.settings)
        try:
            asking.simple_bind_s(entry.dn, password)
        except (ldap.INVALID_CREDENTIALS, ldap.UNWILLING_TO_PERFORM) as error:
            raise _refused(entry, str(error)) from error
        finally:
            asking.unbind_ext_s()

    def claims(self, entry: Entry) -> Claims:
        """Return what the directory says about the entry."""
        said = {name: entry.text(self.names_of(name)) for name in USUAL if name != "groups"}
        self._check_subject(entry)
        return Claims(
            subject=said["subject"],
            email=said["email"],
            given_name=said["given_name"],
            family_name=said["family_name"],
            name=said["name"],
            department=said["department"],
            location=said["location"],
            groups=self.groups_of(entry),
            said={name: entry.text([name]) for name in entry.attributes} | {"dn": entry.dn},
        )

    def groups_of(self, entry: Entry) -> Groups:
        """Return the groups of the entry and those they are in; unknown if that cannot be told."""
        try:
            found = self._groups_in_chain(entry)
            if found is None:
                found = self._groups_by_hand(entry)
        except (ldap.LDAPError, LdapFailed) as error:
            return Groups(because=f"the directory did not say which groups they are in: {error}")
        return Groups(frozenset(found))

    def groups_at(self, dn: str) -> Groups:
        """Return the groups of the entry of that DN, as a sign-in would.

        :raises LdapFailed: if there is none.
        """
        return self.groups_of(self.search("(objectClass=*)", most=1, base=dn)[0])

    def names_of(self, what: str) -> tuple[str, ...]:
        """Return the attributes that hold it: the one that the settings name, or the usual ones."""
        named = self.settings.attributes.get(what)
        return (named,) if named else USUAL[what]

    def _check_that_there_is_somebody(self) -> None:
        if self.sample(self.settings.anybody) is None:
            raise LdapFailed(
                "no-people",
                f"Nobody matches {self.settings.anybody} below “{self.settings.base_dn}”. "
                "Check the base DN and the user filter.",
            )

    def _check_subject(self, entry: Entry) -> None:
        if len(entry.texts(self.names_of("subject"))) > 1:
            raise LdapFailed(
                "ambiguous",
                f"{entry.dn} has several values of {' or '.join(self.names_of('subject'))}. "
                "Name an attribute that has one for ever.",
            )

    def _groups_in_chain(self, entry: Entry) -> set[Group] | None:
        """Have Active Directory follow groups in groups; None where a server does not."""
        if not entry.texts(["objectGUID"]):
            return None
        sought = f"(member:{IN_CHAIN}:={escape_filter_chars(entry.dn)})"
        return {self._group(one) for one in self.search(sought, most=MOST_GROUPS, names=_NAMING)}

    def _groups_by_hand(self, entry: Entry) -> set[Group]:
        found: dict[str, Group] = {}
        latest = [entry]
        for _ in range(DEEPEST):
            latest = [one for member in latest for one in self._groups_around(member)]
            latest = [one for one in latest if one.dn.casefold() not in found]
            found |= {one.dn.casefold(): self._group(one) for one in latest}
            if not latest or len(found) > MOST_GROUPS:
                break
        if latest:
            raise LdapFailed("too-many", f"they are in over {MOST_GROUPS} groups, or too deep.")
        return set(found.values())

    def _groups_around(self, member: Entry) -> Iterator[Entry]:
        """Yield the groups that name the entry as a member, or that the entry names."""
        sought = self._sought_around(member)
        seen = set()
        for one in self.search(sought, most=MOST_GROUPS, names=_NAMING):
            seen.add(one.dn.casefold())
            yield one
        for dn in member.texts(self.names_of("groups")):
            if dn.casefold() not in seen:
                yield from self.search("(objectClass=*)", most=1, base=dn, names=_NAMING)

    def _sought_around(self, member: Entry) -> str:
        """Return the filter for the groups of an entry, which may list DNs or login names."""
        login = member.text(self.names_of_login())
        # A login name that looks like a DN might be somebody else's.
        listed = [member.dn, login] if login and "=" not in login else [member.dn]
        pattern = self.settings.group_filter.replace("{1}", escape_filter_chars(login))
        sought = [pattern.replace("{0}", escape_filter_chars(one)) for one in listed]
        return f"(|{''.join(sought)})"

    def names_of_login(self) -> tuple[str, ...]:
        named = self.settings.attributes.get("login")
        return (named,) if named else ("uid", "sAMAccountName")

    def _group(self, entry: Entry) -> Group:
        name = entry.text(["cn", "displayName", "ou"]) or entry.dn
        return Group(entry.dn, name)

    def _wanted(self) -> list[str]:
        profile = [name for what in USUAL for name in self.names_of(what)]
        return ["*", *profile, *self.names_of_login(), *DISABLING]


@contextmanager
def _explaining(sought: str, where: str) -> Iterator[None]:
    """Say what is wrong with a filter or a base DN."""
    try:
        yield
    except ldap.NO_SUCH_OBJECT as error:
        raise LdapFailed("no-base", f"Nothing is at “{where}”. Check the base DN.") from error
    except (ldap.FILTER_ERROR, ldap.INVALID_DN_SYNTAX) as error:
        raise LdapFailed(
            "bad-filter", f"The directory does not understand {sought} below “{where}”."
        ) from error


_NAMING: Final = ("cn", "displayName", "ou", "memberOf")


def _lowered(attributes: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name.lower(): values for name, values in attributes.items()}


def readable(name: str, value: bytes) -> str:
    """Return the value as text; an objectGUID is 16 bytes, the first parts little-endian."""
    if name.lower() in BINARY_IDS and len(value) == 16:
        return str(UUID(bytes_le=value))
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Never two values as one text: it may be somebody's subject.
        return value.hex()


def _is_disabled(entry: Entry) -> bool:
    control = entry.text(["userAccountControl"])
    return (
        (control.isdigit() and bool(int(control) & ACCOUNT_DISABLED))
        or entry.text(["nsAccountLock"]).casefold() == "true"
        or bool(entry.text(["pwdAccountLockedTime"]))
    )


def _refused(entry: Entry, said: str) -> LdapFailed:
    """Return why the directory did not take the password."""
    data = re.search(r"\bdata ([0-9a-f]+)", said)
    if data and data[1] in REFUSALS:
        code, reason = REFUSALS[data[1]]
        return LdapFailed(code, f"The directory refused {entry.dn}: {reason}.")
    more = " The account is also disabled or locked there." if _is_disabled(entry) else ""
    return WrongPassword("wrong-password", f"The password is not that of {entry.dn}.{more}")
