"""A sign-in whose password was correct, while the second factor is missing.

The session belongs to nobody until then. It remembers the person for 15 minutes, in which they can
install an authenticator app.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from people.models import Person
from people.session_backend import SessionBackend

PENDING: Final = "second_factor_pending"
LIFETIME: Final = timedelta(minutes=15)


def begin(request: HttpRequest, person: Person, came_through: dict[str, Any] | None) -> None:
    """Remember that the visitor has entered the person's password."""
    # The key may be known to somebody who visited with this browser before.
    request.session.cycle_key()
    request.session[PENDING] = {
        "person": str(person.pk),
        # Ends the sign-in if the password changes or the sessions of the person are ended.
        "hash": person.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "came_through": came_through,
        "accounts": [],
    }


def remember_accounts(request: HttpRequest, accounts: Iterable[str]) -> None:
    """Have the browser become a known device of these accounts once the sign-in is complete."""
    if PENDING in request.session:
        request.session[PENDING] |= {"accounts": list(accounts)}
        request.session.modified = True


def pending_person(request: HttpRequest) -> Person | None:
    """Return the person whose password was entered, if they may still sign in."""
    pending = request.session.get(PENDING)
    if not pending:
        return None
    age = timezone.now().timestamp() - pending["at"]
    person = SessionBackend().get_user(pending["person"])
    if person is None or not 0 <= age < LIFETIME.total_seconds():
        return None
    is_current = constant_time_compare(pending["hash"], person.get_session_auth_hash())
    return person if is_current else None


def finish(request: HttpRequest) -> tuple[dict[str, Any] | None, list[str]]:
    """Forget the pending sign-in; return what the session stores of it, and its accounts."""
    pending = request.session.pop(PENDING)
    return pending["came_through"], pending["accounts"]
