"""Limits on guessing passwords.

Attempts are counted for each account and source. A source is the client's address, or a device on
which the account has signed in before. So an attacker's incorrect passwords delay the attacker and
not the account's owner. The attempts from all addresses together are counted too, which slows down
guessing from many addresses. Known devices are exempt from that.

All processes count in the same rows. An attempt is counted before the password is checked, so that
parallel attempts all count. Unknown names are treated like others. While a source has to wait, even
the correct password is refused, because the response would reveal which guess was correct.
"""

import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from people import tenancy
from people.presentation.times import exact_clock_text
from provisioning.models import FailedLogins
from provisioning.sign_in.errors import SignInRefused

FREE_TRIES: Final = 5
# From all addresses together. One address contributes at most its share, so that it cannot lock out
# the others alone.
FREE_TRIES_OF_ALL: Final = 100
SHARE_OF_ONE: Final = 20
FIRST_WAIT: Final = timedelta(seconds=30)
MAX_WAIT: Final = timedelta(minutes=15)
# After this time without attempts, the count is reset.
MEMORY: Final = timedelta(days=1)
# How long the check of one password may take, and how long the next one waits for it.
JUDGING: Final = timedelta(seconds=15)
PATIENCE_SECONDS: Final = 10
EVERYBODY: Final = "everybody"


class GuessedTooOften(SignInRefused):
    def __init__(self, until: datetime) -> None:
        super().__init__(
            "Too many incorrect passwords were entered for this name. Try again after "
            f"{exact_clock_text(until)}."
        )
        self.until = until


@dataclass(frozen=True)
class Source:
    """The source of attempts. `accounts` are those with a successful sign-in on the device."""

    address: str = ""
    device: str = ""
    accounts: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        return bool(self.device) and account_of(name) in self.accounts


NOWHERE: Final = Source()


def check(name: str, source: Source = NOWHERE) -> None:
    """Count an attempt for the name, in the tenant in force or across all tenants.

    It counts as a failure until `record_success` or `cancel_try`.

    :raises GuessedTooOften: while the source has to wait. Do not check the password then.
    """
    now = timezone.now()
    with transaction.atomic():
        own = _booked(name, _of_source(name, source), FREE_TRIES, now)
        # Beyond its share, an address does not add to the common count.
        if not source.knows(name) and own.tries <= SHARE_OF_ONE:
            _booked(name, EVERYBODY, FREE_TRIES_OF_ALL, now)
        elif not source.knows(name):
            _check_wait(_locked(name, EVERYBODY, now), now)
    FailedLogins.objects.filter(last_at__lt=now - MEMORY).delete()


def record_success(name: str, source: Source = NOWHERE) -> None:
    """Reset the counts of this source and of all sources after a successful sign-in."""
    digests = [_digest(name, _of_source(name, source)), _digest(name, EVERYBODY)]
    FailedLogins.objects.filter(digest__in=digests).delete()


def forget(name: str) -> None:
    """Reset all counts for the name, for example after its owner has chosen a new password."""
    FailedLogins.objects.filter(account=account_of(name)).delete()


def cancel_try(name: str, source: Source = NOWHERE) -> None:
    """Uncount an attempt that could not be checked, for example if the directory is unavailable."""
    now = timezone.now()
    whose = [_of_source(name, source)] + ([] if source.knows(name) else [EVERYBODY])
    with transaction.atomic():
        for one in whose:
            guesses = _locked(name, one, now)
            guesses.tries, guesses.locked_until = max(guesses.tries - 1, 0), None
            guesses.save()


def waits_until(name: str) -> datetime | None:
    """Return until when a source of attempts for the name has to wait; None if none has."""
    waiting = FailedLogins.objects.filter(account=account_of(name), locked_until__gt=timezone.now())
    until: datetime | None = waiting.aggregate(until=Max("locked_until"))["until"]
    return until


def wait_after(tries: int, free: int = FREE_TRIES) -> timedelta:
    """Return the wait after this number of attempts in a row."""
    if tries < free:
        return timedelta()
    # MAX_WAIT is reached long before. A larger number could overflow.
    doublings = min(tries - free, 20)
    return min(FIRST_WAIT * (1 << doublings), MAX_WAIT)


@contextmanager
def judge_exclusively(name: str) -> Iterator[None]:
    """Keep all processes from checking another password for the name until the block ends.

    It is a lease in the row and not a row lock, because the block calls another server and must
    not keep a transaction open.

    :raises GuessedTooOften: if another process takes too long.
    """
    row = FailedLogins.objects.filter(digest=_digest(name, EVERYBODY))
    with transaction.atomic():
        _locked(name, EVERYBODY, timezone.now())
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = timezone.now()
        is_free = Q(judging_until=None) | Q(judging_until__lte=now)
        if row.filter(is_free).update(judging_until=now + JUDGING):
            break
        if time.monotonic() > give_up_at:
            raise GuessedTooOften(now + JUDGING)
        time.sleep(0.05)
    try:
        yield
    finally:
        row.update(judging_until=None)


def account_of(name: str) -> str:
    """Return the digest of the normalized name in the tenant in force."""
    text = f"{tenancy.scope()} {normalized(name)}"
    return salted_hmac("provisioning.guessing", text, algorithm="sha256").hexdigest()


def normalized(name: str) -> str:
    """Return the form of a login name for which attempts are counted.

    Directories ignore compatibility forms such as full-width letters, case, invisible characters
    and repeated spaces (RFC 4518), so an attacker could spell one name in many ways.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Cc"))
    return " ".join(unicodedata.normalize("NFKC", visible).split())


def _booked(name: str, whose: str, free: int, now: datetime) -> FailedLogins:
    guesses = _locked(name, whose, now)
    _check_wait(guesses, now)
    is_fresh = guesses.last_at <= now - MEMORY
    guesses.tries = 1 if is_fresh else guesses.tries + 1
    wait = wait_after(guesses.tries, free)
    guesses.last_at, guesses.locked_until = now, now + wait if wait else None
    guesses.save(update_fields=["tries", "last_at", "locked_until"])
    return guesses


def _check_wait(guesses: FailedLogins, now: datetime) -> None:
    if guesses.locked_until and guesses.locked_until > now:
        raise GuessedTooOften(guesses.locked_until)


def _of_source(name: str, source: Source) -> str:
    return f"device {source.device}" if source.knows(name) else f"address {source.address}"


def _locked(name: str, whose: str, now: datetime) -> FailedLogins:
    digest, usual = _digest(name, whose), {"last_at": now, "account": account_of(name)}
    FailedLogins.objects.get_or_create(digest=digest, defaults=usual)
    guesses: FailedLogins = FailedLogins.objects.select_for_update().get(digest=digest)
    return guesses


def _digest(name: str, whose: str) -> str:
    text = f"{account_of(name)} {whose}"
    return salted_hmac("provisioning.guessing", text, algorithm="sha256").hexdigest()
