"""Prevents sign-in attempts in Ramp from locking Active Directory accounts.

A locked Windows account keeps its owner from working, so attackers must not be able to cause that
through Ramp's form. Ramp does not try a password that could be the last one before the lock. The
last but one is reserved for known devices.

Each domain controller counts separately and reports to the PDC emulator, so the provider should
name a server that is close to it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from people.presentation.times import clock_text
from provisioning.ldap.client import Directory
from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.entry import Entry, windows_moment
from provisioning.passwords.lockout import GuessedTooOften

COUNTS: Final = (
    *("badPwdCount", "badPasswordTime", "lockoutTime", "msDS-ResultantPSO"),
    "msDS-User-Account-Control-Computed",
)
DOMAIN_POLICY: Final = ("lockoutThreshold", "lockOutObservationWindow", "lockoutDuration")
# Attributes of a password settings object, which replaces the domain's policy for some accounts.
OBJECT_POLICY: Final = (
    *("msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration"),
)
LOCKED_OUT: Final = 0x10


@dataclass(frozen=True)
class Policy:
    # A threshold of 0 means that no account is ever locked.
    threshold: int
    window: timedelta
    # None if only an administrator unlocks an account.
    duration: timedelta | None


# A cautious assumption for when the service account may not read the policy.
STRICT_POLICY: Final = Policy(3, timedelta(minutes=30), timedelta(minutes=30))


class NearlyLocked(GuessedTooOften):
    """One more wrong password would lock the account in the directory."""

    reason = "nearly-locked"

    def __init__(self, until: datetime, detail: str) -> None:
        super().__init__(until)
        self.detail = detail


class LockedThere(NearlyLocked):
    """The account is locked in the directory, whichever password is entered."""

    reason = "account-locked"

    def __init__(self, dn: str, until: datetime | None) -> None:
        self.ends = (
            f"It is unlocked automatically at {clock_text(until)}."
            if until
            else "An administrator of the directory has to unlock it."
        )
        detail = f"{dn} is locked in the directory after too many wrong passwords. {self.ends}"
        super().__init__(until or timezone.now() + STRICT_POLICY.window, detail)


def check(directory: Directory, entry: Entry, *, is_known_device: bool) -> None:
    """Check that an incorrect password would not lock the account.

    :raises LockedThere: if the account is locked already.
    :raises NearlyLocked: if it might.
    :raises LdapFailed: if the counts cannot be read.
    """
    now = timezone.now()
    [counts] = directory.search("(objectClass=*)", most=1, base=entry.dn, names=COUNTS)
    policy = _policy(directory, counts)
    if int(counts.text(["msDS-User-Account-Control-Computed"]) or 0) & LOCKED_OUT:
        locked_at = windows_moment(counts.text(["lockoutTime"])) or now
        ends_at = None if policy.duration is None else max(locked_at + policy.duration, now)
        raise LockedThere(entry.dn, ends_at)
    last_wrong_at = windows_moment(counts.text(["badPasswordTime"]))
    is_recent = last_wrong_at is not None and last_wrong_at + policy.window > now
    wrong = int(counts.text(["badPwdCount"]) or 0) if is_recent else 0
    threshold = policy.threshold
    allowed = threshold - 1 if is_known_device else max(threshold - 2, min(threshold - 1, 1))
    if threshold and wrong >= allowed:
        raise NearlyLocked(
            max((last_wrong_at or now) + policy.window, now),
            f"{entry.dn} has {wrong} incorrect passwords and is locked after {threshold}. Ramp "
            "does not try more until the directory resets the count. Signing in to Windows also "
            "resets it.",
        )


def _policy(directory: Directory, counts: Entry) -> Policy:
    own = counts.text(["msDS-ResultantPSO"])
    names, where = (OBJECT_POLICY, own) if own else (DOMAIN_POLICY, directory.settings.domain)
    try:
        [policy] = directory.search("(objectClass=*)", most=1, base=where, names=names)
    except (LdapFailed, ValueError):
        return STRICT_POLICY
    threshold, window, duration = (policy.text([name]) for name in names)
    if own and not threshold:
        return STRICT_POLICY
    is_endless = abs(int(duration or 0)) in (0, 2**63)
    lasts = None if is_endless else _interval(duration)
    return Policy(int(threshold or 0), _interval(window), lasts)


def _interval(text: str) -> timedelta:
    """Return an interval, which is a negative number in 100 ns. “Forever” is capped."""
    return timedelta(microseconds=min(abs(int(text or 0)) // 10, 10**14))
