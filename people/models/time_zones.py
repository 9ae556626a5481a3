from collections.abc import Iterable
from datetime import UTC, tzinfo
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from people.models.account_settings import AccountSettings
from people.models.person import Person
from people.models.sessions import PersonSession


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones, such as Europe/Berlin."""
    # Some systems also list these two, which are names of files and not of zones.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def named_zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in zone_names() else None


def zone_of(person: Person) -> tzinfo:
    """Return the zone of the account, otherwise of the last browser, otherwise UTC."""
    chosen = AccountSettings.objects.filter(person=person).values_list("time_zone", flat=True)
    return named_zone(chosen.first() or "") or browser_zones([person.pk]).get(person.pk, UTC)


def browser_zones(people: Iterable[UUID]) -> dict[UUID, tzinfo]:
    """Return the zone of each person's last browser, with one query; some people have none."""
    sessions = PersonSession.objects.filter(person__in=list(people)).exclude(time_zone="")
    # The last session of each person comes last, and stays in the dictionary.
    seen = dict(sessions.order_by("last_used_at").values_list("person_id", "time_zone"))
    found = ((person_id, named_zone(name)) for person_id, name in seen.items())
    return {person_id: zone for person_id, zone in found if zone}
