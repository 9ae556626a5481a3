"""An entry of a directory: its attributes as text, and whether its account may be used."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from provisioning.models.account_status import AccountStatus

BINARY_IDS: Final = ("objectguid", "ms-ds-consistencyguid")
# The attributes for `status_of`, `created_at` and `relative_id`. Directories send some of them only
# if a search requests them by name.
STATUS: Final = (
    *("userAccountControl", "accountExpires", "nsAccountLock", "pwdAccountLockedTime"),
    *("krbPrincipalExpiration", "whenCreated", "createTimestamp", "objectSid"),
)
ACCOUNT_DISABLED: Final = 2
# Active Directory counts time in 100 ns since 1601. These two values mean “never”.
WINDOWS_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
NEVER: Final = (0, 2**63 - 1)
# The value of `pwdAccountLockedTime` with which an administrator locks an account (slapo-ppolicy).
LOCKED_BY_ADMINISTRATOR: Final = "000001010000Z"
# No number of a directory is longer, and Python refuses to parse a very long one.
MAX_DIGITS: Final = 20


@dataclass(frozen=True)
class Entry:
    """An entry with its attributes, by lower-case name."""

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

    @property
    def created_at(self) -> datetime | None:
        """Return when the entry was created; None if that is unknown."""
        return generalized_time(self.text(["whenCreated", "createTimestamp"]))

    @property
    def relative_id(self) -> int | None:
        """Return the account's relative id, which is the end of its SID (MS-DTYP 2.4.2)."""
        sid = next(iter(self.attributes.get("objectsid", [])), b"")
        return int.from_bytes(sid[-4:], "little") if sid else None

    @property
    def is_active_directory(self) -> bool:
        return "objectsid" in self.attributes and "objectguid" in self.attributes


@dataclass(frozen=True)
class Account:
    """Whose entry it is, for the provider log."""

    dn: str
    subject: str = ""
    login: str = ""
    email: str = ""


def status_of(entry: Entry, now: datetime) -> AccountStatus:
    """Return the status of the account. A temporary lock after wrong passwords does not count.

    Anybody could cause such a lock, and the directory itself ends it.
    """
    control = entry.text(["userAccountControl"])
    is_disabled = (
        bool(_number(control) & ACCOUNT_DISABLED)
        or entry.text(["nsAccountLock"]).casefold() == "true"
        or entry.text(["pwdAccountLockedTime"]) == LOCKED_BY_ADMINISTRATOR
    )
    if is_disabled:
        return AccountStatus.DISABLED
    moments = (
        windows_moment(entry.text(["accountExpires"])),
        generalized_time(entry.text(["krbPrincipalExpiration"])),
    )
    is_expired = any(moment is not None and moment <= now for moment in moments)
    return AccountStatus.EXPIRED if is_expired else AccountStatus.GOOD


def windows_moment(text: str) -> datetime | None:
    """Parse an Active Directory timestamp, in 100 ns since 1601; None for “never”."""
    number = _number(text)
    if number in NEVER:
        return None
    try:
        return WINDOWS_EPOCH + timedelta(microseconds=number // 10)
    except OverflowError:
        return None


def generalized_time(text: str) -> datetime | None:
    """Parse a GeneralizedTime in UTC, such as 20260131120000Z (RFC 4517 section 3.3.13)."""
    if not re.fullmatch(r"[0-9]{14}([.,][0-9]+)?Z", text):
        return None
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else 0


def readable(name: str, value: bytes) -> str:
    """Return the value as text. An objectGUID is a UUID in Microsoft's mixed-endian order."""
    if name.lower() in BINARY_IDS and len(value) == 16:
        return str(UUID(bytes_le=value))
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Not with replacement characters: two values would become the same text, which may be the
        # subject of a person.
        return value.hex()


def stored(name: str, text: str) -> bytes:
    """Return the value for the text: the reverse of `readable`."""
    if name.lower() in BINARY_IDS:
        try:
            return UUID(text).bytes_le
        except ValueError:
            pass
    return text.encode()


def escape_bytes(value: bytes) -> str:
    """Return the value for a search filter, with each byte escaped (RFC 4515 section 3)."""
    return "".join(f"\\{byte:02x}" for byte in value)
