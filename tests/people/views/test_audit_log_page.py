"""The audit log page and its export."""

import csv
import json
import tracemalloc
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import tenancy
from people.models import Event, Person
from people.operations import people_update
from people.operations.people import deactivate_person, reactivate_person
from people.values import Actor, Profile
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
LOG = "/audit-log/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def happened(number: int = 1, **fields: Any) -> list[Event]:
    """Make events of the current tenant, one second apart; the last one happened just now."""
    usual = {
        "tenant_id": tenancy.current_id(),
        "kind": Event.Kind.SESSIONS_ENDED,
        "actor": str(OKTA),
        "interface": Event.Interface.SCIM,
    }
    now = timezone.now()
    return Event.objects.bulk_create(
        [
            Event(**{"happened_at": now - timedelta(seconds=number - one)} | usual | fields)
            for one in range(number)
        ]
    )


def shown(client: Client, **query: Any) -> list[int]:
    """Return the ids of the events that the page lists."""
    response: Any = client.get(LOG, query)
    assert response.status_code == 200
    return [row.event.pk for row in response.context["rows"]]


def exported(client: Client, **query: Any) -> str:
    response: Any = client.get(f"{LOG}export/", query)
    assert response.streaming
    with core.in_another_tenant():
        # The response is written after the request, without its tenant.
        return b"".join(response.streaming_content).decode("utf-8-sig")


def test_shows_actor_change_reason_interface_and_ip_address(client: Client, owner: Person) -> None:
    ada = core.person(email="ada@example.com")
    client.post(f"/people/{ada.pk}/deactivate/", {"reason": "Laptop stolen"})

    page = text_of(client.get(LOG))

    assert f"{owner.full_name} deactivated Ada Lovelace" in page
    assert "Reason: Laptop stolen" in page
    assert "<del><bdi>Active</bdi></del> → <ins><bdi>Inactive</bdi></ins>" in page
    assert "Page" in page
    assert "127.0.0.1" in page


def test_timeline_and_event_link_to_each_other(client: Client) -> None:
    ada = core.person(email="ada@example.com")
    deactivate_person(ada, actor=OKTA)
    event = Event.objects.get()

    assert f'href="{LOG}{event.pk}/"' in client.get(f"/people/{ada.pk}/").content.decode()
    page = client.get(f"{LOG}{event.pk}/").content.decode()
    assert f'href="/people/{ada.pk}/#timeline"' in page
    assert "Okta deactivated Ada Lovelace" in page


def test_names_the_actor_and_not_a_later_holder_of_their_address(client: Client) -> None:
    olga = core.owner(given_name="Olga", family_name="Owner", email="olga@example.com")
    ada = core.person()
    deactivate_person(ada, actor=olga.actor)
    Person.objects.filter(pk=olga.pk).update(email="o@example.com", email_key="o@example.com")
    core.person(given_name="New", family_name="Holder", email="olga@example.com")

    page = text_of(client.get(LOG))

    assert "Olga Owner deactivated" in page
    assert "New Holder deactivated" not in page
    assert shown(client, actor="o@example.com") == [Event.objects.get().pk]
    assert shown(client, actor="olga@example.com") == []


class TestFilters:
    def test_by_actor(self, client: Client, owner: Person) -> None:
        [by_owner] = happened(actor=str(owner.actor), actor_person_id=owner.pk)
        [before_then] = happened(actor=str(owner.actor))
        [by_okta] = happened()
        happened(actor="job:sync cycle")

        for called in (owner.email, owner.email.upper(), owner.full_name, str(owner.pk)):
            assert shown(client, actor=called) == [before_then.pk, by_owner.pk]
        assert shown(client, actor="scim:okta") == [by_okta.pk]
        assert shown(client, actor="nobody at all") == []

    def test_by_person(self, client: Client) -> None:
        ada, eve = core.person(email="ada@example.com"), core.person(family_name="Adams")
        [of_ada] = happened(person=ada)
        [of_eve] = happened(person=eve)

        assert shown(client, person="ada@example.com") == [of_ada.pk]
        assert shown(client, person="adams") == [of_eve.pk]
        assert shown(client, person=str(ada.pk)) == [of_ada.pk]
        assert shown(client, person="xyzzy") == []

    def test_by_several_actions(self, client: Client) -> None:
        [granted] = happened(kind=Event.Kind.ROLE_GRANTED)
        [removed] = happened(kind=Event.Kind.ROLE_REMOVED)
        happened()

        assert shown(client, action=["role.granted", "role.withdrawn"]) == [removed.pk, granted.pk]

    @pytest.mark.parametrize("interface", Event.Interface)
    def test_by_interface(self, client: Client, interface: Event.Interface) -> None:
        wanted = {one: happened(interface=one)[0].pk for one in Event.Interface}

        assert shown(client, interface=interface) == [wanted[interface]]

    def test_by_days_including_first_and_last(self, client: Client) -> None:
        for day in ("2026-03-01", "2026-03-02", "2026-03-03"):
            happened(happened_at=datetime.fromisoformat(f"{day}T23:59:59+00:00"))
        [_, second, third] = Event.objects.order_by("pk")

        assert shown(client, since="2026-03-02", until="2026-03-03") == [third.pk, second.pk]

    def test_combined(self, client: Client) -> None:
        ada = core.person()
        [wanted] = happened(person=ada, kind=Event.Kind.ROLE_GRANTED)
        happened(person=ada)
        happened(kind=Event.Kind.ROLE_GRANTED)

        assert shown(client, person=str(ada.pk), action="role.granted") == [wanted.pk]

    @pytest.mark.parametrize(
        "query", [{"since": "yesterday"}, {"action": "fly"}, {"interface": "telepathy"}]
    )
    def test_page_reports_invalid_filters(self, client: Client, query: dict[str, str]) -> None:
        happened()

        assert "These filters are invalid and were ignored" in text_of(client.get(LOG, query))

    def test_are_kept_on_the_next_page_and_in_the_export(self, client: Client) -> None:
        happened(51)

        page = client.get(LOG, {"actor": "scim:okta"}).content.decode()

        assert "?actor=scim%3Aokta&amp;before=" in page
        assert f"{LOG}export/?actor=scim%3Aokta" in page


class TestPagination:
    def test_shows_each_event_once_while_others_are_added(self, client: Client) -> None:
        expected = [event.pk for event in reversed(happened(120))]
        seen: list[int] = []
        before: dict[str, int] = {}
        while True:
            response: Any = client.get(LOG, before)
            seen += [row.event.pk for row in response.context["rows"]]
            happened()
            if not response.context["older_than"]:
                break
            before = {"before": response.context["older_than"]}

        assert seen == expected

    def test_keeps_the_order_of_events_of_the_same_time(self, client: Client) -> None:
        expected = [one.pk for one in reversed(happened(60, happened_at=timezone.now()))]

        assert shown(client) + shown(client, before=expected[49]) == expected

    def test_page_of_an_unknown_event_is_not_found(self, client: Client) -> None:
        with core.in_another_tenant():
            [hidden] = happened()

        for before in (hidden.pk, 10**17, "x"):
            assert client.get(LOG, {"before": before}).status_code == 404

    def test_takes_the_same_queries_for_any_number_of_rows(
        self, client: Client, owner: Person
    ) -> None:
        deactivate_person(core.person(), actor=owner.actor)
        few = queries_of(client, LOG)
        for _ in range(20):
            manager, person = core.person(), core.person()
            profile = Profile(given_name="A", family_name="B", email=person.email)
            people_update.revise_person(person, profile, manager=manager, actor=core.owner().actor)

        many = queries_of(client, LOG)

        assert len(many) == len(few)
        assert not [sql for sql in many if "people_event" in sql and "COUNT(" in sql.upper()]
        assert not [sql for sql in many if " OFFSET " in sql]


class TestExport:
    def test_contains_the_same_events_as_the_page(self, client: Client) -> None:
        happened(3, actor=str(OKTA))
        happened(actor="job:sync cycle")
        on_page = shown(client, actor="scim:okta")

        rows = list(csv.DictReader(StringIO(exported(client, actor="scim:okta"))))
        lines = [
            json.loads(line)
            for line in exported(client, actor="scim:okta", format="jsonl").splitlines()
        ]

        assert [int(row["id"]) for row in rows] == on_page
        assert [line["id"] for line in lines] == on_page
        assert rows[0]["summary"] == lines[0]["summary"]

    def test_is_recorded_as_an_event(self, client: Client, owner: Person) -> None:
        exported(client, action="role.granted")
        client.get("/people/export/?q=ada")

        page = text_of(client.get(LOG))

        assert f"{owner.full_name} exported the audit log as CSV" in page
        assert f"{owner.full_name} exported people as CSV" in page
        assert [one.facts["filters"] for one in Event.objects.order_by("pk")] == [
            "action=role.granted",
            "q=ada",
        ]

    def test_escapes_formulas(self, client: Client) -> None:
        happened(person=core.person(given_name="=HYPERLINK(1)", family_name="X"))

        [row] = csv.DictReader(StringIO(exported(client, action="person.sessions-ended")))

        assert row["person_name"] == "'=HYPERLINK(1) X"

    def test_contains_each_changed_field(self, client: Client) -> None:
        ada = core.person(email="ada@example.com")
        new = Profile(given_name="Ada", family_name="King", email=ada.email, department="Legal")
        people_update.revise_person(ada, new, actor=OKTA)

        [row] = csv.DictReader(StringIO(exported(client, action="person.revised")))
        line = json.loads(exported(client, action="person.revised", format="jsonl"))

        assert row["changes"] == "last name: Lovelace → King; department: — → Legal"
        assert line["changes"][0] == {"field": "last name", "before": "Lovelace", "after": "King"}

    @pytest.mark.parametrize("format", ["csv", "jsonl"])
    def test_of_10_000_events_is_streamed_with_little_memory(
        self, client: Client, format: str
    ) -> None:
        Event.objects.bulk_create(
            [
                Event(
                    tenant_id=tenancy.current_id(),
                    kind=Event.Kind.SESSIONS_ENDED,
                    actor=str(OKTA),
                    happened_at=timezone.now(),
                )
                for _ in range(10_000)
            ],
            batch_size=5_000,
        )
        # Load templates and URLs before measuring.
        exported(client, action="role.granted", format=format)

        with CaptureQueriesContext(connection) as until_first_byte:
            response: Any = client.get(f"{LOG}export/", {"format": format})
            content = iter(response.streaming_content)
            next(content)
        reading = [one["sql"] for one in until_first_byte if "ORDER BY" in one["sql"]]
        tracemalloc.start()
        lines = sum(1 for _ in content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        # The header of a CSV file is sent before the first batch is read.
        assert len([sql for sql in reading if "people_event" in sql]) == (format == "jsonl")
        assert lines >= 10_000
        assert peak < 6 * 1024 * 1024


class TestAccess:
    @pytest.mark.parametrize("address", ["", "export/", "{event}/"])
    def test_is_limited_to_administrators(self, owner: Person, address: str) -> None:
        [event] = happened()
        path = LOG + address.format(event=event.pk)

        for role in Person.Role:
            client = signed_in(core.person(role=role))
            expected = 200 if role in Person.ADMINISTERING else 302
            assert client.get(path).status_code == expected, role
        assert Client().get(path).status_code == 302
        assert signed_in(core.owner(is_operator=True)).get(path).status_code == 403

    def test_is_limited_to_the_own_company(self, client: Client) -> None:
        with core.in_another_tenant():
            stranger = core.person(given_name="Hidden", family_name="Stranger")
            [event] = happened(person=stranger, actor="person:hidden@example.com")

        assert client.get(f"{LOG}{event.pk}/").status_code == 404
        assert "Stranger" not in client.get(LOG).content.decode()
        assert shown(client, person=str(stranger.pk)) == []
        assert shown(client, actor="person:hidden@example.com") == []
        assert "Stranger" not in exported(client)
        assert "Stranger" not in exported(client, format="jsonl")


def test_shows_events_of_a_person_after_reactivation(client: Client) -> None:
    ada = core.person()
    deactivate_person(ada, actor=OKTA)
    reactivate_person(ada, actor=OKTA)

    assert len(shown(client, person=str(ada.pk))) == 2
