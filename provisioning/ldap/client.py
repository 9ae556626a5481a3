"""LDAP and Active Directory: from a login name and a password to claims.

The service account finds exactly one entry, then that entry's DN is bound with the password
(RFC 4513). What is typed is escaped for the filter it stands in (RFC 4515).
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from provisioning.claims import Claims, Groups
from provisioning.ldap import groups
from provisioning.ldap.connection import (
    SECONDS,
    AccountRefused,
    LdapFailed,
    Unreachable,
    WrongPassword,
    bind,
    connected,
    explained,
    is_available,
)
from provisioning.ldap.entry import STATUS, Entry, status_of
from provisioning.models.account_status import AccountStatus
from provisioning.net import circuit_breaker
from provisioning.net.circuit_breaker import CircuitOpen
from provisioning.providers.config import LdapSettings

if is_available():
    import ldap
    from ldap.controls import SimplePagedResultsControl
    from ldap.filter import escape_filter_chars

# Entries of one page: service accounts may be limited to few.
PAGE: Final = 50
# For all searches of one sign-in; each alone may take SECONDS.
LONGEST: Final = 10

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
# What Active Directory says of a password that is right all the same (its Win32 error codes).
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "532": ("password-expired", "the password has expired"),
    "773": ("password-must-change", "the password must be changed first"),
    "533": ("account-disabled", "the account is disabled"),
    "701": ("account-expired", "the account has expired"),
}


def sign_in(
    settings: LdapSettings,
    bind_password: str,
    login: str,
    password: str,
    *,
    around_binding: "Guard | None" = None,
) -> Claims:
    """Return who has this login name and password.

    The password is tried inside of `around_binding`, which may refuse it by raising.

    :raises WrongPassword: if nobody has.
    :raises LdapFailed: if the directory cannot say so.
    """
    if not password.strip(" \0") or password.startswith("\0") or not login.strip():
        # An empty password is an unauthenticated bind, which some servers let succeed
        # (RFC 4513 section 5.1.2); no socket is opened for it.
        raise WrongPassword("no-password", "No login name or password was entered.")
    with opened(settings, bind_password) as directory:
        entry = directory.the_one(login)
        with around_binding(directory, entry) if around_binding else nullcontext():
            directory.check_password(entry, password)
        # Only now: the account status must not be revealed without the correct password.
        directory.check_enabled(entry)
        return directory.claims(entry)


def look_up(
    settings: LdapSettings, bind_password: str, login: str, *, relative_id: int | None = None
) -> Claims:
    """Return the claims of a person who was authenticated elsewhere.

    With `relative_id`, the account has to have that number in its domain.

    :raises AccountRefused: if it says that they may not come in.
    :raises LdapFailed: if it cannot say.
    """
    with opened(settings, bind_password) as directory:
        try:
            entry = directory.the_one(login)
        except WrongPassword as error:
            raise directory.not_among_people(login) from error
        if relative_id is not None and entry.relative_id not in (None, relative_id):
            raise AccountRefused(
                "account-replaced",
                f"The ticket is for account {relative_id} of the domain, but {login} is now "
                f"account {entry.relative_id}: {entry.dn}.",
            )
        directory.check_enabled(entry)
        return directory.claims(entry)


@contextmanager
def opened(
    settings: LdapSettings, bind_password: str, *, seconds: float = LONGEST
) -> Iterator["Directory"]:
    """Connect, and bind as the service account until the block ends or the time is over.

    :raises LdapFailed: if that does not work, saying what to correct.
    """
    if not is_available():
        raise LdapFailed(
            "not-installed", "LDAP is not installed on this server. Run `make setup` as root."
        )
    try:
        with circuit_breaker.circuit(settings.uri, Unreachable), explained(settings):
            connection = connected(settings)
            try:
                bind(connection, settings, bind_password)
                yield Directory(connection, settings, time.monotonic() + seconds)
            finally:
                connection.unbind_ext_s()
    except CircuitOpen as error:
        raise Unreachable(
            "unreachable", f"{settings.uri} did not respond recently. Ramp tries again soon."
        ) from error


@dataclass(frozen=True)
class Directory:
    """A bound connection, and what is asked of it."""

    connection: Any
    settings: LdapSettings
    # When it is too late to begin another search, by the monotonic clock.
    until: float

    def the_one(self, login: str) -> Entry:
        """Return the one entry of that login name.

        :raises WrongPassword: if there is none.
        :raises AccountRefused: if there are several.
        :raises LdapFailed: if nobody is below the base DN at all.
        """
        sought = self.settings.user_filter.replace("{0}", escape_filter_chars(login))
        found = self.search(sought, most=2)
        if not found:
            self.check_that_there_is_somebody()
            raise WrongPassword("no-entry", f"No entry matches {sought}.")
        if len(found) > 1:
            raise AccountRefused(
                "ambiguous",
                f"Several entries match {sought}. Change the filter so that it matches only one.",
            )
        return found[0]

    def not_among_people(self, login: str) -> AccountRefused:
        """Return why nobody has the login name: another place, another filter, or no account."""
        names = "".join(f"({name}={escape_filter_chars(login)})" for name in self.names_of_login())
        with suppress(LdapFailed, ldap.LDAPError):
            if found := self.sample(f"(|{names})", base=self.settings.domain):
                return AccountRefused(
                    AccountStatus.OUTSIDE,
                    f"{found.dn} is not below “{self.settings.base_dn}” or does not match "
                    f"{self.settings.user_filter}.",
                )
        return AccountRefused(
            AccountStatus.UNKNOWN, f"The account “{login}” no longer exists in the directory."
        )

    def sample(self, sought: str, *, base: str | None = None) -> Entry | None:
        """Return any one entry that matches, however many do.

        :raises LdapFailed: if the base DN or the filter is none.
        """
        # A limit on the size would be an error where there are more.
        return next(self.pages(sought, base=base, size=1), None)

    def pages(
        self, sought: str, *, base: str | None = None, names: Iterable[str] = (), size: int = PAGE
    ) -> Iterator[Entry]:
        """Yield the entries that match, asking for a page at a time (RFC 2696).

        :raises LdapFailed: if the base DN or the filter is none, or time is over.
        """
        where = self.settings.base_dn if base is None else base
        wanted = [*(names or self._wanted())]
        page = SimplePagedResultsControl(criticality=True, size=size, cookie="")
        while True:
            self._check_time()
            with _explaining(sought, where):
                message = self.connection.search_ext(
                    where, ldap.SCOPE_SUBTREE, sought, wanted, serverctrls=[page]
                )
                _, rows, _, controls = self.connection.result3(message, timeout=SECONDS)
            yield from (Entry(dn, _lowered(said)) for dn, said in rows if dn)
            page.cookie = next((one.cookie for one in controls if hasattr(one, "cookie")), "")
            if not page.cookie:
                return

    def search(
        self, sought: str, *, most: int, base: str | None = None, names: Iterable[str] = ()
    ) -> list[Entry]:
        """Return the entries that match: those below the base DN, or the one entry at `base`.

        :raises LdapFailed: if the base DN or the filter is none, or there are more.
        """
        wanted = [*(names or self._wanted())]
        where = self.settings.base_dn if base is None else base
        scope = ldap.SCOPE_SUBTREE if base is None else ldap.SCOPE_BASE
        self._check_time()
        try:
            with _explaining(sought, where):
                message = self.connection.search_ext(
                    where, scope, sought, wanted, sizelimit=most + 1
                )
                _, rows = self.connection.result(message, timeout=SECONDS)
        except ldap.SIZELIMIT_EXCEEDED as error:
            raise LdapFailed("too-many", f"More than {most} entries match {sought}.") from error
        return [Entry(dn, _lowered(attributes)) for dn, attributes in rows if dn]

    def _check_time(self) -> None:
        if time.monotonic() > self.until:
            raise LdapFailed(
                "timeout", f"The searches took longer than {LONGEST} seconds in total."
            )

    def check_enabled(self, entry: Entry) -> None:
        """See that the account is neither disabled nor expired in the directory.

        :raises AccountRefused: if it is.
        """
        status = status_of(entry, timezone.now())
        if status != AccountStatus.GOOD:
            raise AccountRefused(status, f"{entry.dn} is {status.label} in the directory.")

    def check_password(self, entry: Entry, password: str) -> None:
        """See that the password is the entry's, over a connection of its own.

        :raises WrongPassword: if it is not.
        :raises AccountRefused: if it is, and the directory takes it from them no longer.
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
            account_created_at=entry.created_at,
            said={name: entry.text([name]) for name in entry.attributes} | {"dn": entry.dn},
        )

    def groups_of(self, entry: Entry) -> Groups:
        """Return the groups of the entry and those they are in; unknown if that cannot be told."""
        return groups.groups_of(self, entry)

    def groups_at(self, dn: str) -> Groups:
        """Return the groups of the entry of that DN, as a sign-in would.

        :raises LdapFailed: if there is none.
        """
        return self.groups_of(self.search("(objectClass=*)", most=1, base=dn)[0])

    def names_of(self, what: str) -> tuple[str, ...]:
        """Return the attributes that hold it: the one that the settings name, or the usual ones."""
        named = self.settings.attributes.get(what)
        return (named,) if named else USUAL[what]

    def check_that_there_is_somebody(self) -> None:
        if self.sample(self.settings.anybody) is None:
            raise LdapFailed(
                "no-people",
                f"No entry matches {self.settings.anybody} below “{self.settings.base_dn}”. Check "
                "the base DN and the user filter.",
            )

    def _check_subject(self, entry: Entry) -> None:
        if len(entry.texts(self.names_of("subject"))) > 1:
            raise LdapFailed(
                "ambiguous",
                f"{entry.dn} has several values of {' or '.join(self.names_of('subject'))}. "
                "Choose an attribute with one permanent value.",
            )

    def names_of_login(self) -> tuple[str, ...]:
        named = self.settings.attributes.get("login")
        return (named,) if named else ("uid", "sAMAccountName")

    def _wanted(self) -> list[str]:
        profile = [name for what in USUAL for name in self.names_of(what)]
        return ["*", *profile, *self.names_of_login(), *STATUS]


Guard = Callable[[Directory, Entry], AbstractContextManager[None]]


@contextmanager
def _explaining(sought: str, where: str) -> Iterator[None]:
    """Say what is wrong with a filter or a base DN."""
    try:
        yield
    except ldap.NO_SUCH_OBJECT as error:
        raise LdapFailed(
            "no-base", f"There is no entry at “{where}”. Check the base DN."
        ) from error
    except (ldap.FILTER_ERROR, ldap.INVALID_DN_SYNTAX) as error:
        raise LdapFailed(
            "bad-filter", f"The directory rejected the filter {sought} or the base DN “{where}”."
        ) from error


def _lowered(attributes: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name.lower(): values for name, values in attributes.items()}


def _refused(entry: Entry, said: str) -> LdapFailed:
    """Return why the directory did not take the password."""
    data = re.search(r"\bdata ([0-9a-f]+)", said)
    if data and data[1] in REFUSALS:
        code, reason = REFUSALS[data[1]]
        return AccountRefused(code, f"The directory rejected the sign-in of {entry.dn}: {reason}.")
    is_good = status_of(entry, timezone.now()) == AccountStatus.GOOD
    more = "" if is_good else " The account is also disabled, expired or locked in the directory."
    return WrongPassword("wrong-password", f"Incorrect password for {entry.dn}.{more}")
