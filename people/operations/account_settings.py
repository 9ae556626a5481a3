"""Changes what a person has chosen on their account page."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import AccountSettings, Event, Person
from people.models.time_zones import browser_zones, named_zone
from people.operations import ranks
from people.operations.locks import lock
from people.values import Actor

Digest = AccountSettings.Digest
LABELS = {"phone": "phone number", "time_zone": "time zone", "digest": "email digest"}
# When a digest arrives, in the zone of the person.
MORNING = time(8)


def account_settings_of(person: Person) -> AccountSettings:
    """Return the settings of the person, or unsaved ones with the defaults."""
    found = AccountSettings.objects.filter(person=person).first()
    return found or AccountSettings(person=person, tenant_id=person.tenant_id)


@transaction.atomic
def change_account_settings(person: Person, values: Mapping[str, str], *, actor: Actor) -> bool:
    """Store the settings, and tell whether that changed any.

    :param values: some of `phone`, `time_zone` and `digest`.
    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    settings = account_settings_of(person)
    changed = [name for name, value in values.items() if getattr(settings, name) != value]
    if not changed:
        return False
    for name in changed:
        setattr(settings, name, values[name])
    browser_zone = browser_zones([person.pk]).get(person.pk, UTC)
    settings.digest_due_at = next_digest_at(
        settings, after=timezone.now(), browser_zone=browser_zone
    )
    settings.save()
    what = " and ".join(LABELS[name] for name in changed)
    events.record(
        Event.Kind.ACCOUNT_SETTINGS_CHANGED, person, actor=actor, what=f"changed their {what}"
    )
    return True


@transaction.atomic
def unsubscribe_from_digest(person: Person) -> bool:
    """End the digest of the person, who has opened the link in it; return False if they get none.

    The link proves only that somebody reads the mailbox, so nothing else can be changed by it.
    """
    lock(person)
    settings = account_settings_of(person)
    if settings.digest == Digest.NEVER or not person.is_active:
        return False
    settings.digest, settings.digest_due_at = Digest.NEVER, None
    settings.save()
    what = "ended their email digest, by the link in the email"
    events.record(Event.Kind.ACCOUNT_SETTINGS_CHANGED, person, actor=person.actor, what=what)
    return True


def next_digest_at(
    settings: AccountSettings, *, after: datetime, browser_zone: tzinfo
) -> datetime | None:
    """Return the next morning on which the person gets a digest; None if they get none.

    :param browser_zone: the zone for people who have not chosen one.
    """
    person = settings.person
    if person.state != Person.State.ACTIVE or not person.is_administrator:
        return None
    if settings.digest == Digest.NEVER:
        return None
    zone = named_zone(settings.time_zone) or browser_zone
    day = after.astimezone(zone).date()
    while True:
        morning = datetime.combine(day, MORNING, zone)
        if morning > after and (settings.digest == Digest.DAILY or not day.weekday()):
            return morning
        day += timedelta(days=1)
