"""An entry of a directory: its attributes as text, and whether its account may be used."""

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
    *("whenCreated", "createTimestamp", "objectSid"),
)
ACCOUNT_DISABLED: Final = 2
# Active Directory counts time in 100 ns since 1601. These two values mean “never”.
WINDOWS_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
NEVER: Final = (0, 2**63 - 1)


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
        text = self.text(["whenCreated", "createTimestamp"])
        try:
            return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None

    @property
    def relative_id(self) -> int | None:
        """Return the account's relative id, which is the end of its SID (MS-DTYP 2.4.2)."""
        sid = next(iter(self.attributes.get("objectsid", [])), b"")
        return int.from_bytes(sid[-4:], "little") if sid else None

    @property
    def is_active_directory(self) -> bool:
        return "objectsid" in self.attributes and "objectguid" in self.attributes


def status_of(entry: Entry, now: datetime) -> AccountStatus:
    """Return the status of the account. A temporary lock after wrong passwords does not count.

    The exception is OpenLDAP's `pwdAccountLockedTime`, because administrators also use it to lock
    accounts permanently.
    """
    control = entry.text(["userAccountControl"])
    is_disabled = (
        (control.isdigit() and bool(int(control) & ACCOUNT_DISABLED))
        or entry.text(["nsAccountLock"]).casefold() == "true"
        or bool(entry.text(["pwdAccountLockedTime"]))
    )
    if is_disabled:
        return AccountStatus.DISABLED
    expires_at = windows_moment(entry.text(["accountExpires"]))
    return AccountStatus.EXPIRED if expires_at and expires_at <= now else AccountStatus.GOOD


def windows_moment(text: str) -> datetime | None:
    """Parse an Active Directory timestamp, in 100 ns since 1601; None for “never”."""
    if not text.isdigit() or int(text) in NEVER:
        return None
    try:
        return WINDOWS_EPOCH + timedelta(microseconds=int(text) // 10)
    except OverflowError:
        return None


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
