"""Notes which sessions a person has, for the list on their account page."""

from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from people import tenancy
from people.client_address import current_client_address
from people.models import Person
from people.operations.sessions import note_session
from people.views.time_zones import browser_zone

# The key of a session that stores when its use was noted last, and how often that happens. Each
# note writes two rows, so not every request makes one.
NOTED_AT: Final = "use_noted_at"
INTERVAL: Final = timedelta(minutes=5)


def note_sign_in(*, request: HttpRequest, user: Person, **_: Any) -> None:
    """Note the session that has just begun."""
    if not request.session.session_key:
        # Django has replaced the session of another person, and saves the new one later.
        request.session.create()
    with tenancy.use(user.tenant_id):
        _note(request, user)


def note_use(request: HttpRequest, person: Person) -> None:
    """Note that the session is used, if the last note is some minutes old."""
    age = timezone.now().timestamp() - request.session.get(NOTED_AT, 0)
    if not 0 <= age < INTERVAL.total_seconds():
        _note(request, person)


def _note(request: HttpRequest, person: Person) -> None:
    request.session[NOTED_AT] = timezone.now().timestamp()
    note_session(
        person,
        request.session.session_key or "",
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        ip=current_client_address(),
        time_zone=browser_zone(request),
    )
