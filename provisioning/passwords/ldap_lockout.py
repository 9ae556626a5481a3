"""Prevents sign-in attempts in Ramp from locking Active Directory accounts.

A locked Windows account keeps its owner from working, so attackers must not be able to cause that
through Ramp's form. Ramp does not try a password that could be the last one before the lock. The
last but one is reserved for known devices.

Each domain controller counts separately and reports to the PDC emulator, so the provider should
name a server that is close to it.
"""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from provisioning.ldap.client import Directory
from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.entry import Entry, windows_moment
from provisioning.passwords.lockout import GuessedTooOften

COUNTS: Final = (
    *("badPwdCount", "badPasswordTime", "lockoutTime", "msDS-ResultantPSO"),
    "msDS-User-Account-Control-Computed",
)
DOMAIN_POLICY: Final = ("lockoutThreshold", "lockOutObservationWindow")
# Attributes of a password settings object, which replaces the domain's policy for some accounts.
OBJECT_POLICY: Final = ("msDS-LockoutThreshold", "msDS-LockoutObservationWindow")
# A cautious assumption for when the service account may not read the policy.
STRICT_POLICY: Final = (3, timedelta(minutes=30))
LOCKED_OUT: Final = 0x10


class NearlyLocked(GuessedTooOften):
    """One more wrong password would lock the account in the directory, or it is locked there."""

    def __init__(self, until: datetime, detail: str) -> None:
        super().__init__(until)
        self.detail = detail


def check(directory: Directory, entry: Entry, *, is_known_device: bool) -> None:
    """Check that an incorrect password would not lock the account.

    :raises NearlyLocked: if it might, or if the account is locked already.
    :raises LdapFailed: if the counts cannot be read.
    """
    now = timezone.now()
    [counts] = directory.search("(objectClass=*)", most=1, base=entry.dn, names=COUNTS)
    threshold, window = _policy(directory, counts)
    last_wrong_at = windows_moment(counts.text(["badPasswordTime"]))
    is_recent = last_wrong_at is not None and last_wrong_at + window > now
    wrong = int(counts.text(["badPwdCount"]) or 0) if is_recent else 0
    flags = int(counts.text(["msDS-User-Account-Control-Computed"]) or 0)
    allowed = threshold - 1 if is_known_device else max(threshold - 2, min(threshold - 1, 1))
    until = (last_wrong_at or now) + window
    if flags & LOCKED_OUT:
        raise NearlyLocked(max(until, now), f"{entry.dn} is locked in the directory.")
    if threshold and wrong >= allowed:
        raise NearlyLocked(
            max(until, now),
            f"{entry.dn} has {wrong} incorrect passwords and is locked after {threshold}. Ramp "
            "does not try more until the directory resets the count. Signing in to Windows also "
            "resets it.",
        )


def _policy(directory: Directory, counts: Entry) -> tuple[int, timedelta]:
    """Return the lockout threshold and the time window. A threshold of 0 means never."""
    own = counts.text(["msDS-ResultantPSO"])
    names, where = (OBJECT_POLICY, own) if own else (DOMAIN_POLICY, directory.settings.domain)
    try:
        [policy] = directory.search("(objectClass=*)", most=1, base=where, names=names)
    except (LdapFailed, ValueError):
        return STRICT_POLICY
    threshold, interval = (policy.text([name]) for name in names)
    if own and not threshold:
        return STRICT_POLICY
    # A negative number in 100 ns. The minimum value means forever, so it is capped.
    window = min(abs(int(interval or 0)) // 10, 10**14)
    return int(threshold or 0), timedelta(microseconds=window)
