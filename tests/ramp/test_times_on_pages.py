"""Times and time zones on pages.

The addresses come from the resolver, so a new page is tested as soon as it has one.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from people import tenancy
from people.models import AccountSettings, Event, Person, PersonSession, Tenant
from people.operations.account_settings import change_account_settings
from people.presentation.times import moment_text
from tests.clients.pages import signed_in, text_of
from tests.clients.spend import Api
from tests.factories import core
from tests.ramp.test_unusual_requests import World, addresses, filled

pytestmark = pytest.mark.django_db

# In Kolkata it is 02:00 of the next day.
EVENING: Final = datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
KOLKATA: Final = "Asia/Kolkata"
PASSWORD = "correct horse"
# Texts in parentheses or quotes are excluded: charts count days in UTC, and say so.
OTHER_ZONE = re.compile(r".{0,60}(?<![(\"])\bUTC\b(?!\+5:30).{0,20}")
OTHER_DAY = re.compile(r".{0,60}\b5 Mar(?:ch)? 2026.{0,20}")
OTHER_INSTANT = re.compile(r'<time datetime="[^"]*(?<!\+05:30)"')
TIMES = re.compile(r"\d\d:\d\d")
# Code that formats a time itself. ISO dates are allowed: files and the API use UTC.
FORMATS = re.compile(r"\{[^{}:]*:%(?!Y-%m-%d)|\|date:\"[^\"]*[Hi]|strftime")


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    tenant = core.tenant()
    with tenancy.use(tenant), time_machine.travel(EVENING, tick=True):
        yield tenant


@pytest.fixture
def owner(company: Tenant) -> Person:
    return core.owner(email="olga@example.com", password=PASSWORD)


def choose(person: Person, zone: str) -> None:
    change_account_settings(person, {"time_zone": zone}, actor=person.actor)


def with_browser_in(person: Person, zone: str) -> Client:
    client = signed_in(person)
    client.cookies["time_zone"] = zone
    return client


def test_every_page_uses_the_time_zone_of_the_viewer(company: Tenant, owner: Person) -> None:
    world = World(company, owner)
    choose(owner, KOLKATA)
    client, wrong, shown = signed_in(owner), [], 0
    client.raise_request_exception = False

    for address in addresses():
        if not address.startswith(("/api/", "/admin/jsi18n", "/readyz")):
            answer = client.get(filled(address, world.values(address)))
            if answer["Content-Type"].startswith("text/html") and answer.status_code == 200:
                page = text_of(answer)
                faults = (rule.findall(page) for rule in (OTHER_ZONE, OTHER_DAY, OTHER_INSTANT))
                wrong += [(address, fault) for found in faults for fault in found]
                shown += len(TIMES.findall(page))

    assert wrong == []
    assert shown > 100


def test_times_are_formatted_only_in_the_times_module() -> None:
    formatted = {
        f"{path.relative_to(settings.BASE_DIR)}: {line.strip()}"
        for folder in ("people", "scim", "provisioning", "templates")
        for path in (Path(settings.BASE_DIR) / folder).rglob("*.*")
        if path.suffix in (".py", ".html", ".txt") and path.name != "times.py"
        for line in path.read_text().splitlines()
        if FORMATS.search(line) and "migrations" not in path.parts
    }

    assert formatted == set()


def test_default_is_the_time_zone_of_the_browser(owner: Person) -> None:
    page = text_of(with_browser_in(owner, KOLKATA).get("/account/"))

    assert "6 March 2026, 02:00 UTC+5:30" in page
    assert "Asia/Kolkata, as in your browser" in page


def test_chosen_time_zone_has_priority_over_the_browser(owner: Person) -> None:
    choose(owner, "America/St_Johns")

    page = text_of(with_browser_in(owner, KOLKATA).get("/account/"))

    assert "5 March 2026, 17:00 UTC-3:30" in page


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "localtime", "x" * 3000])
def test_unknown_time_zone_of_the_browser_means_utc(owner: Person, zone: str) -> None:
    assert "5 March 2026, 20:30 UTC" in text_of(with_browser_in(owner, zone).get("/account/"))


def test_time_zone_is_not_kept_for_the_next_request(owner: Person) -> None:
    signed_in(owner).get("/account/", headers={"Cookie": "time_zone=Asia/Kolkata"})

    assert "20:30 UTC" in text_of(signed_in(owner).get("/account/"))


def test_api_and_exports_use_utc(owner: Person) -> None:
    choose(owner, KOLKATA)
    client = with_browser_in(owner, KOLKATA)
    export = client.get("/audit-log/export/", {"format": "jsonl"})
    rows = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
    api = Api(owner).client
    api.cookies = client.cookies

    assert "2026-03-05T20:30" in rows
    assert "+05:30" not in rows
    assert "2026-03-05T20:30" in api.get("/api/v1/audit-events").content.decode()


def test_summer_time_does_not_change_the_text_of_utc_times() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)

    assert moment_text(summer) == "1 July 2026, 12:00 UTC"


class TestDateFilters:
    def test_use_days_of_the_viewer(self, owner: Person) -> None:
        choose(owner, KOLKATA)
        client = signed_in(owner)

        def found(day: str) -> int:
            page = client.get("/audit-log/", {"since": day, "until": day})
            return len(page.context["rows"])

        assert found("2026-03-06") == Event.objects.count()
        assert found("2026-03-05") == 0

    def test_name_the_time_zone(self, owner: Person) -> None:
        choose(owner, KOLKATA)

        page = text_of(signed_in(owner).get("/audit-log/"))

        assert "From and To are whole days in the time zone Asia/Kolkata." in page


class TestPreferences:
    def test_store_time_zone_and_phone_number(self, owner: Person) -> None:
        client = signed_in(owner)
        answer = client.post(
            "/account/preferences/",
            {"time_zone": KOLKATA, "phone": "+49 30 901820", "digest": "weekly"},
            follow=True,
        )

        assert "6 March 2026, 02:00 UTC+5:30" in text_of(answer)
        assert "+49 30 901820" in text_of(client.get(f"/people/{owner.pk}/"))
        assert "changed their phone number and time zone" in text_of(client.get("/audit-log/"))

    def test_saved_unchanged_store_nothing(self, owner: Person) -> None:
        answer = signed_in(owner).post(
            "/account/preferences/", {"time_zone": "", "phone": "", "digest": "weekly"}, follow=True
        )

        assert "Nothing has changed." in text_of(answer)
        assert not AccountSettings.objects.exists()

    @pytest.mark.parametrize(
        ("name", "value", "advice"),
        [
            ("time_zone", "Mars/Olympus", "Choose a time zone of the list"),
            ("phone", "call me", "Enter a phone number"),
            ("digest", "hourly", "Select a valid choice"),
        ],
    )
    def test_refuse_invalid_values(self, owner: Person, name: str, value: str, advice: str) -> None:
        usual = {"time_zone": "", "phone": "", "digest": "weekly"}

        page = text_of(signed_in(owner).post("/account/preferences/", usual | {name: value}))

        assert advice in page
        assert not AccountSettings.objects.exists()

    def test_offer_no_digest_to_employees(self, owner: Person) -> None:
        ada = core.person(email="ada@example.com")

        assert "attention" not in text_of(signed_in(ada).get("/account/preferences/"))
        assert "attention" not in text_of(signed_in(ada).get("/account/"))


def test_session_stores_the_time_zone_of_its_browser(owner: Person) -> None:
    client = Client()
    client.cookies["time_zone"] = KOLKATA
    client.post("/sign-in/", {"email": owner.email, "password": PASSWORD})

    assert PersonSession.objects.get().time_zone == KOLKATA
