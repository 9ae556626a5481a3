"""Limits on guessing passwords.

Tries are counted for each account and source: the client's address, or a device on which somebody
has signed in to the account before. So a stranger's wrong passwords delay the stranger and not the
account's owner. All tries from addresses together are counted as well, which slows down guessing
from many addresses; known devices are exempt from that.

Every process counts in the same rows. A try is booked before it is judged, so that many at once
are not judged for the price of one; names that nobody has cost the same as others. While a source
has to wait, the right password is not accepted from it either, or the answer would tell which
guess was right.
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
from provisioning.models import FailedLogins
from provisioning.sign_in.errors import SignInRefused

FREE_TRIES: Final = 5
# From all addresses together. One address counts for no more than its share of them, so that it
# alone cannot slow down the others.
FREE_TRIES_OF_ALL: Final = 100
SHARE_OF_ONE: Final = 20
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
# After this time without tries, the count is reset.
MEMORY: Final = timedelta(days=1)
# How long one password may be judged, and how long the next one waits for that.
JUDGING: Final = timedelta(seconds=15)
PATIENCE_SECONDS: Final = 10
EVERYBODY: Final = "everybody"


class GuessedTooOften(SignInRefused):
    def __init__(self, until: datetime) -> None:
        super().__init__(
            "Too many incorrect passwords were entered for this name. Try again after "
            f"{until:%H:%M:%S} UTC."
        )
        self.until = until


@dataclass(frozen=True)
class Source:
    """The source of tries; `accounts` are those with a successful sign-in on the device."""

    address: str = ""
    device: str = ""
    accounts: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        return bool(self.device) and account_of(name) in self.accounts


NOWHERE: Final = Source()


def check(name: str, source: Source = NOWHERE) -> None:
    """Book a try to sign in under the name, at the tenant in force or wherever one may.

    It stands as a failure unless `note_success` or `take_back` says otherwise.

    :raises GuessedTooOften: while the source has to wait; nothing may be tried then.
    """
    now = timezone.now()
    with transaction.atomic():
        own = _booked(name, _of_source(name, source), FREE_TRIES, now)
        if not source.knows(name) and own.tries <= SHARE_OF_ONE:
            _booked(name, EVERYBODY, FREE_TRIES_OF_ALL, now)
        elif not source.knows(name):
            _check_wait(_locked(name, EVERYBODY, now), now)
    FailedLogins.objects.filter(last_at__lt=now - MEMORY).delete()


def note_success(name: str, source: Source = NOWHERE) -> None:
    """Forget the tries of this source and of everybody: the account's owner has come."""
    digests = [_digest(name, _of_source(name, source)), _digest(name, EVERYBODY)]
    FailedLogins.objects.filter(digest__in=digests).delete()


def forget(name: str) -> None:
    """Delete all tries under the name, for example after its owner has chosen a new password."""
    FailedLogins.objects.filter(account=account_of(name)).delete()


def take_back(name: str, source: Source = NOWHERE) -> None:
    """Remove a try that could not be judged, for example when the directory was unavailable."""
    now = timezone.now()
    whose = [_of_source(name, source)] + ([] if source.knows(name) else [EVERYBODY])
    with transaction.atomic():
        for one in whose:
            guesses = _locked(name, one, now)
            guesses.tries, guesses.locked_until = max(guesses.tries - 1, 0), None
            guesses.save()


def waits_until(name: str) -> datetime | None:
    """Return until when some source of tries under the name has to wait; None if none has."""
    waiting = FailedLogins.objects.filter(account=account_of(name), locked_until__gt=timezone.now())
    until: datetime | None = waiting.aggregate(until=Max("locked_until"))["until"]
    return until


def wait_after(tries: int, free: int = FREE_TRIES) -> timedelta:
    """Return how long the name waits after so many tries in a row."""
    if tries < free:
        return timedelta()
    doublings = min(tries - free, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Let nobody else judge a password for the name, in any process, until the block ends.

    :raises GuessedTooOften: if others take too long.
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
    """Return the digest of the account's name, however it is written, in the tenant in force."""
    said = f"{tenancy.scope()} {normalized(name)}"
    return salted_hmac("provisioning.guessing", said, algorithm="sha256").hexdigest()


def normalized(name: str) -> str:
    """Return the form in which login names are counted.

    Directories compare names without regard to compatibility letters, such as bold and full-width
    ones, case, invisible characters and repeated spaces (RFC 4518).
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
    said = f"{account_of(name)} {whose}"
    return salted_hmac("provisioning.guessing", said, algorithm="sha256").hexdigest()
