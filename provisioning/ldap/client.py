"""LDAP and Active Directory: from a login name and a password to claims.

The service account searches for exactly one entry. Then Ramp binds as that entry's DN with the
password (RFC 4513). Input is escaped for search filters (RFC 4515).
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from provisioning.claims import Claims, Groups
from provisioning.ldap import groups, login_names
from provisioning.ldap.connection import (
    SECONDS,
    AccountRefused,
    LdapFailed,
    WrongPassword,
    bound,
    connected,
    is_available,
)
from provisioning.ldap.entry import STATUS, Account, Entry, status_of
from provisioning.models.account_status import AccountStatus
from provisioning.providers.config import LdapSettings

if is_available():
    import ldap
    from ldap.controls import SimplePagedResultsControl

# Entries in one page. Service accounts may be limited to few.
PAGE: Final = 50
# The time limit for all searches of one sign-in, in seconds. Each search may take SECONDS.
MAX_TOTAL_SECONDS: Final = 10

DEFAULT_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "subject": ("entryUUID", "objectGUID"),
    "given_name": ("givenName",),
    "family_name": ("sn",),
    "name": ("displayName", "cn"),
    "email": ("mail",),
    "department": ("department", "departmentNumber", "ou"),
    "location": ("l", "physicalDeliveryOfficeName"),
    "groups": ("memberOf",),
}
# Active Directory's Win32 error codes (in hex) for refusals although the password is correct.
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "532": ("password-expired", "the password has expired"),
    "773": ("password-must-change", "the password must be changed first"),
    "533": ("account-disabled", "the account is disabled"),
    "701": ("account-expired", "the account has expired"),
    "530": ("logon-hours", "the account may not sign in at this time (logonHours)"),
    "531": (
        "workstation-refused",
        "the account may sign in only on the computers in userWorkstations (“Log On To”), and "
        "this domain controller is none of them",
    ),
}
# The code for a locked account. Active Directory sends it whatever the password is, so a visitor
# must not learn it.
LOCKED: Final = "775"
MAX_ADDRESS_LENGTH: Final = 254


def sign_in(
    settings: LdapSettings,
    bind_password: str,
    login: str,
    password: str,
    *,
    around_binding: "Guard | None" = None,
) -> Claims:
    """Return the claims of the person with this login name and password.

    :param around_binding: a context manager around the bind. It may raise to refuse the attempt.
    :raises WrongPassword: if there is no such person, or the password is incorrect.
    :raises AccountRefused: if the account is disabled, expired or ambiguous.
    :raises LdapFailed: if the directory does not work as configured.
    """
    if not password.strip(" \0") or password.startswith("\0") or not login.strip():
        # An empty password is an unauthenticated bind, which some servers let succeed
        # (RFC 4513 section 5.1.2); no socket is opened for it.
        raise WrongPassword("no-password", "No login name or password was entered.")
    with opened(settings, bind_password) as directory:
        entry = login_names.find_one(directory, login)
        with around_binding(directory, entry) if around_binding else nullcontext():
            directory.check_password(entry, password)
        # Only now: the account status must not be revealed without the correct password.
        directory.check_enabled(entry)
        return directory.claims(entry)


def look_up(
    settings: LdapSettings,
    bind_password: str,
    login: str,
    *,
    realm: str = "",
    relative_id: int | None = None,
) -> Claims:
    """Return the claims of a person who was authenticated elsewhere, such as by Kerberos.

    :param realm: the Kerberos realm of the account.
    :param relative_id: the relative id that the account must have in its Windows domain. It also
        finds an account of this domain that was renamed after the ticket was issued.
    :raises AccountRefused: if the account is missing, disabled, expired or another one.
    :raises LdapFailed: if the directory does not work as configured.
    """
    with opened(settings, bind_password) as directory:
        # A relative id is only unique in its own domain.
        is_here = realm.casefold() == settings.dns_domain.casefold()
        entry = login_names.find_by_relative_id(directory, relative_id) if is_here else None
        if entry is None:
            entry = login_names.find_authenticated(directory, login)
        if relative_id is not None and entry.relative_id not in (None, relative_id):
            # Not with the account of the entry: that is somebody else.
            raise AccountRefused(
                "account-replaced",
                f"The ticket is for account {relative_id} of the domain, but {login} is now "
                f"account {entry.relative_id}: {entry.dn}.",
            )
        directory.check_enabled(entry)
        return directory.claims(entry)


@contextmanager
def opened(
    settings: LdapSettings, bind_password: str, *, seconds: float = MAX_TOTAL_SECONDS
) -> Iterator["Directory"]:
    """Connect and bind as the service account, until the block ends.

    :param seconds: the time limit for all searches.
    :raises LdapFailed: if that fails, with what to correct.
    """
    if not is_available():
        raise LdapFailed(
            "not-installed", "LDAP is not installed on this server. Run `make setup` as root."
        )
    with bound(settings, bind_password) as (connection, alone):
        yield Directory(connection, alone, time.monotonic() + seconds)


@dataclass(frozen=True)
class Directory:
    """A bound connection to a directory."""

    connection: Any
    settings: LdapSettings
    # The time after which no further search starts, by the monotonic clock.
    until: float

    def sample(self, sought: str, *, base: str | None = None) -> Entry | None:
        """Return any entry that matches, or None.

        :raises LdapFailed: if the base DN or the filter is invalid.
        """
        # A page of one entry: a size limit would raise an error if more entries match.
        return next(self.pages(sought, base=base, size=1), None)

    def pages(
        self, sought: str, *, base: str | None = None, names: Iterable[str] = (), size: int = PAGE
    ) -> Iterator[Entry]:
        """Yield the entries that match, one page at a time (RFC 2696).

        :raises LdapFailed: if the base DN or the filter is invalid, or the time is over.
        """
        where = self.settings.base_dn if base is None else base
        requested = [*(names or self._attribute_names())]
        page = SimplePagedResultsControl(criticality=True, size=size, cookie="")
        while True:
            self._check_time()
            with _explaining(sought, where):
                message = self.connection.search_ext(
                    where, ldap.SCOPE_SUBTREE, sought, requested, serverctrls=[page]
                )
                _, rows, _, controls = self.connection.result3(message, timeout=SECONDS)
            yield from (Entry(dn, _lowered(attributes)) for dn, attributes in rows if dn)
            page.cookie = next((one.cookie for one in controls if hasattr(one, "cookie")), "")
            if not page.cookie:
                return

    def search(
        self, sought: str, *, most: int, base: str | None = None, names: Iterable[str] = ()
    ) -> list[Entry]:
        """Return the entries that match below the base DN, or the entry at `base`.

        :raises LdapFailed: if the base DN or the filter is invalid, or more than `most` match.
        """
        requested = [*(names or self._attribute_names())]
        where = self.settings.base_dn if base is None else base
        scope = ldap.SCOPE_SUBTREE if base is None else ldap.SCOPE_BASE
        self._check_time()
        try:
            with _explaining(sought, where):
                message = self.connection.search_ext(
                    where, scope, sought, requested, sizelimit=most + 1
                )
                _, rows = self.connection.result(message, timeout=SECONDS)
        except ldap.SIZELIMIT_EXCEEDED as error:
            raise LdapFailed("too-many", f"More than {most} entries match {sought}.") from error
        # The root's DN is empty, and a referral has none.
        return [Entry(dn, _lowered(attributes)) for dn, attributes in rows if dn is not None]

    def _check_time(self) -> None:
        if time.monotonic() > self.until:
            raise LdapFailed(
                "timeout", f"The searches took longer than {MAX_TOTAL_SECONDS} seconds in total."
            )

    def check_enabled(self, entry: Entry) -> None:
        """Check that the account is neither disabled nor expired in the directory.

        :raises AccountRefused: if it is.
        """
        status = status_of(entry, timezone.now())
        if status != AccountStatus.GOOD:
            refused = AccountRefused(status, f"{entry.dn} is {status.label} in the directory.")
            refused.account = self.account_of(entry)
            raise refused

    def check_password(self, entry: Entry, password: str) -> None:
        """Check the entry's password by a bind on a separate connection.

        :raises WrongPassword: if it is incorrect.
        :raises AccountRefused: if it is correct, but expired or the account is disabled.
        """
        # This connection stays bound as the service account.
        connection = connected(self.settings)
        try:
            connection.simple_bind_s(entry.dn, password)
        except (ldap.INVALID_CREDENTIALS, ldap.UNWILLING_TO_PERFORM) as error:
            raise _refused(entry, str(error)) from error
        finally:
            connection.unbind_ext_s()

    def claims(self, entry: Entry) -> Claims:
        """Return what the directory says about the entry."""
        texts = {
            name: entry.text(self.names_of(name)) for name in DEFAULT_ATTRIBUTES if name != "groups"
        }
        self._check_subject(entry)
        return Claims(
            subject=texts["subject"],
            # A longer one cannot be an address (RFC 5321 section 4.5.3.1), nor be stored.
            email=texts["email"] if len(texts["email"]) <= MAX_ADDRESS_LENGTH else "",
            given_name=texts["given_name"],
            family_name=texts["family_name"],
            name=texts["name"],
            department=texts["department"],
            location=texts["location"],
            alternatives={
                name: tuple(entry.texts(self.names_of(name)))
                for name in ("email", "given_name", "family_name")
            },
            groups=self.groups_of(entry),
            account_created_at=entry.created_at,
            text_claims={name: entry.text([name]) for name in entry.attributes} | {"dn": entry.dn},
        )

    def account_of(self, entry: Entry) -> Account:
        return Account(
            entry.dn,
            subject=entry.text(self.names_of("subject")),
            login=entry.text(self.names_of_login()),
            email=entry.text(self.names_of("email")),
        )

    def groups_of(self, entry: Entry) -> Groups:
        """Return all groups of the entry, including nested ones; unknown if that fails."""
        return groups.groups_of(self, entry)

    def groups_at(self, dn: str) -> Groups:
        """Return the groups of the entry at that DN, as a sign-in would.

        :raises LdapFailed: if there is no such entry.
        """
        return self.groups_of(self.search("(objectClass=*)", most=1, base=dn)[0])

    def names_of(self, what: str) -> tuple[str, ...]:
        """Return the attribute names for a field: the one in the settings, or the defaults."""
        named = self.settings.attributes.get(what)
        return (named,) if named else DEFAULT_ATTRIBUTES[what]

    def check_has_people(self) -> None:
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

    def _attribute_names(self) -> list[str]:
        profile = [name for what in DEFAULT_ATTRIBUTES for name in self.names_of(what)]
        return ["*", *profile, *self.names_of_login(), *STATUS]


Guard = Callable[[Directory, Entry], AbstractContextManager[None]]


@contextmanager
def _explaining(sought: str, where: str) -> Iterator[None]:
    """Convert errors about a filter or a base DN to LdapFailed."""
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
    # RFC 4511 section 4.1.7 allows an attribute without values.
    return {name.lower(): values for name, values in attributes.items() if values}


def _refused(entry: Entry, message: str) -> LdapFailed:
    """Return the reason for a refused bind, from the text of the error."""
    data = re.search(r"\bdata ([0-9a-f]+)", message)
    if data and data[1] in REFUSALS:
        code, reason = REFUSALS[data[1]]
        return AccountRefused(code, f"The directory rejected the sign-in of {entry.dn}: {reason}.")
    if (data and data[1] == LOCKED) or entry.text(["pwdAccountLockedTime"]):
        return WrongPassword("account-locked", f"{entry.dn} is locked in the directory.")
    status = status_of(entry, timezone.now())
    more = "" if status == AccountStatus.GOOD else f" The account is also {status.label}."
    return WrongPassword("wrong-password", f"Incorrect password for {entry.dn}.{more}")
