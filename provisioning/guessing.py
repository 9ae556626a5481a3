"""Guessed passwords: after a few, each further guess at a login name has to wait longer.

Every process counts in the same rows. A try is booked before it is judged, so that many at
once are not judged for the price of one; names that nobody has cost the same as others. Who
knows the password waits too, or the answer would tell which guess was right.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from people import tenancy
from people.values import fold
from provisioning.models import Guesses
from provisioning.refusals import SignInRefused

FREE_TRIES: Final = 5
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
# Who stays away this long begins anew.
MEMORY: Final = timedelta(days=1)


class GuessedTooOften(SignInRefused):
    def __init__(self, until: datetime) -> None:
        super().__init__(
            "Too many wrong passwords were given for this name, so it has to wait. "
            f"Try again after {until:%H:%M:%S} UTC."
        )
        self.until = until


def check(name: str) -> None:
    """Book a try to sign in under the name, at the tenant in force or wherever one may.

    It stands as a failure unless `note_success` or `take_back` says otherwise.

    :raises GuessedTooOften: while the name has to wait; nothing may be tried then.
    """
    now = timezone.now()
    with transaction.atomic():
        guesses = _locked(name, now)
        if guesses.locked_until and guesses.locked_until > now:
            raise GuessedTooOften(guesses.locked_until)
        fresh = guesses.last_at <= now - MEMORY
        guesses.tries = 1 if fresh else guesses.tries + 1
        wait = wait_after(guesses.tries)
        guesses.last_at, guesses.locked_until = now, now + wait if wait else None
        guesses.save()
    Guesses.objects.filter(last_at__lt=now - MEMORY).delete()


def note_success(name: str) -> None:
    """Forget the tries under the name: whoever they were of knew the password."""
    Guesses.objects.filter(digest=_digest(name)).delete()


def take_back(name: str) -> None:
    """Take back a try that nobody could judge, such as when the directory was away."""
    with transaction.atomic():
        guesses = _locked(name, timezone.now())
        guesses.tries, guesses.locked_until = max(guesses.tries - 1, 0), None
        guesses.save()


def waits_until(name: str) -> datetime | None:
    """Return until when the name has to wait; None if it may be tried."""
    guesses = Guesses.objects.filter(digest=_digest(name)).first()
    until = guesses.locked_until if guesses else None
    return until if until and until > timezone.now() else None


def wait_after(tries: int) -> timedelta:
    """Return how long the name waits after so many tries in a row."""
    if tries < FREE_TRIES:
        return timedelta()
    doublings = min(tries - FREE_TRIES, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _locked(name: str, now: datetime) -> Guesses:
    digest = _digest(name)
    Guesses.objects.get_or_create(digest=digest, defaults={"last_at": now})
    guesses: Guesses = Guesses.objects.select_for_update().get(digest=digest)
    return guesses


def _digest(name: str) -> str:
    said = f"{tenancy.scope()} {fold(name.strip())}"
    return salted_hmac("provisioning.guessing", said, algorithm="sha256").hexdigest()
