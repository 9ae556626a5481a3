"""A person's timeline of events and mails, the latest first."""

from dataclasses import dataclass

from people.models import Event, Mail, Person
from people.presentation.event_text import TimelineEntry, entries_of, entry_of_mail

EVENTS_A_PAGE = 20
MAILS_A_PAGE = 50


@dataclass(frozen=True)
class Timeline:
    entries: list[TimelineEntry]
    # The event before which the next page begins; None on the last page.
    older_than: int | None


def timeline_of(person: Person, *, before: int | None = None) -> Timeline:
    """Return a page of the person's events and mails that are older than event `before`."""
    events = person.events.order_by("-pk")
    if before is not None:
        events = events.filter(pk__lt=before)
    # One more than shown tells whether there is another page.
    page = list(events[: EVENTS_A_PAGE + 1])
    shown = page[:EVENTS_A_PAGE]
    for event in shown:
        # Spares a query for each entry, because all entries are about this person.
        event.person = person
    goes_on = len(page) > EVENTS_A_PAGE
    mails = _mails(person, before=before, since=shown[-1] if goes_on else None)
    entries = []
    # The events keep their order; the mails come between them by time.
    for entry in entries_of(shown):
        later = sum(mail.happened_at >= entry.happened_at for mail in mails)
        entries += [*mails[:later], entry]
        mails = mails[later:]
    return Timeline(entries + mails, older_than=shown[-1].pk if goes_on else None)


def _mails(person: Person, *, before: int | None, since: Event | None) -> list[TimelineEntry]:
    """Return the mails of the period that a page of events covers."""
    # Digests are not about the person.
    mails = person.mails.exclude(kind=Mail.Kind.DIGEST).order_by("-created_at")
    if since:
        mails = mails.filter(created_at__gte=since.happened_at)
    if before is not None:
        later = person.events.filter(pk=before).values("happened_at")[:1]
        mails = mails.filter(created_at__lt=later)
    page = list(mails[:MAILS_A_PAGE])
    for mail in page:
        mail.person = person
    return [entry_of_mail(mail) for mail in page]
