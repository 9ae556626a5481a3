from datetime import UTC, tzinfo
from functools import cache
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
    sessions = PersonSession.objects.filter(person=person).exclude(time_zone="")
    seen = sessions.order_by("-last_used_at").values_list("time_zone", flat=True)
    return named_zone(chosen.first() or "") or named_zone(seen.first() or "") or UTC
