"""How many wrong passwords Active Directory still takes before it locks an account.

A locked Windows account keeps its owner from working, so nobody may bring that about through our
form. Ramp asks for no password that could be the last one. The one before that is reserved for
devices on which the owner has signed in before.

Each domain controller counts for itself and reports to the PDC emulator; have the provider name a
server that is close to it.
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
# A password settings object of its own for some accounts, by which the domain's does not count.
OWN_POLICY: Final = ("msDS-LockoutThreshold", "msDS-LockoutObservationWindow")
# What is assumed where the service account may not read the object.
USUAL_POLICY: Final = (3, timedelta(minutes=30))
LOCKED_OUT: Final = 0x10


class NearlyLocked(GuessedTooOften):
    """One more wrong password would lock the account in the directory, or it is locked there."""

    def __init__(self, until: datetime, detail: str) -> None:
        super().__init__(until)
        self.detail = detail


def check(directory: Directory, entry: Entry, *, is_known_device: bool) -> None:
    """See that a wrong password would leave the account unlocked.

    :raises NearlyLocked: if it might not, or the account is locked already.
    :raises LdapFailed: if the directory does not say.
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
    """Return after how many wrong passwords within which time the account is locked; 0: never."""
    own = counts.text(["msDS-ResultantPSO"])
    names, where = (OWN_POLICY, own) if own else (DOMAIN_POLICY, directory.settings.domain)
    try:
        [policy] = directory.search("(objectClass=*)", most=1, base=where, names=names)
    except (LdapFailed, ValueError):
        return USUAL_POLICY
    said = [policy.text([name]) for name in names]
    if own and not said[0]:
        return USUAL_POLICY
    # A negative number of 100 ns; the smallest one means forever.
    window = min(abs(int(said[1] or 0)) // 10, 10**14)
    return int(said[0] or 0), timedelta(microseconds=window)
