"""The effects of one request, page view or job: its events and mails."""

from dataclasses import dataclass
from uuid import UUID

from people.models import Event, Mail
from people.presentation.actor_names import actor_name
from people.presentation.event_text import TimelineEntry, entries_of, entry_of_mail

EVENTS_A_PAGE = 100


@dataclass(frozen=True)
class RequestEffects:
    """A page of the effects of a request, in the order of time."""

    entries: list[TimelineEntry]
    mails: list[TimelineEntry]
    actor: str
    # The event after which the next page begins; None on the last page.
    next_page_after: int | None

    def __bool__(self) -> bool:
        return bool(self.entries or self.mails)


def request_effects(request_id: UUID, *, after: int = 0) -> RequestEffects:
    """Return a page of the events and mails that the request has caused in the tenant."""
    events = Event.objects.filter(request_id=request_id, pk__gt=after)
    # One more than shown tells whether there is another page.
    page = list(events.select_related("person").order_by("pk")[: EVENTS_A_PAGE + 1])
    shown = page[:EVENTS_A_PAGE]
    entries, mails = entries_of(shown), []
    # Only on the first page, because the pages follow the events.
    if not after:
        caused = Mail.objects.filter(request_id=request_id).select_related("person")
        mails = [entry_of_mail(mail) for mail in caused.order_by("created_at")[:EVENTS_A_PAGE]]
    return RequestEffects(
        entries=entries,
        mails=mails,
        actor=actor_name(shown[0].actor) if shown else "Ramp",
        next_page_after=shown[-1].pk if len(page) > EVENTS_A_PAGE else None,
    )
