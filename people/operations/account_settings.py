"""Changes what a person has chosen on their account page."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import AccountSettings, Event, Person
from people.models.time_zones import named_zone, zone_of
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
    settings.digest_due_at = next_digest_at(settings, after=timezone.now())
    settings.save()
    what = " and ".join(LABELS[name] for name in changed)
    events.record(
        Event.Kind.ACCOUNT_SETTINGS_CHANGED, person, actor=actor, what=f"changed their {what}"
    )
    return True


def next_digest_at(settings: AccountSettings, *, after: datetime) -> datetime | None:
    """Return the next morning on which the person gets a digest; None if they get none."""
    person = settings.person
    if person.state != Person.State.ACTIVE or not person.is_administrator:
        return None
    if settings.digest == Digest.NEVER:
        return None
    zone = named_zone(settings.time_zone) or zone_of(person)
    day = after.astimezone(zone).date()
    while True:
        morning = datetime.combine(day, MORNING, zone)
        if morning > after and (settings.digest == Digest.DAILY or not day.weekday()):
            return morning
        day += timedelta(days=1)
