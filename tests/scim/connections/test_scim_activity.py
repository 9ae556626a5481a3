"""The activity of a connection in its SCIM settings."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people.models import Person
from people.operations import people
from people.presentation import page_links
from people.values import Actor
from scim.api import token_usage
from scim.models import Connection, RequestLog, SyncHeartbeat
from tests.clients.pages import signed_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.scim_settings import NOON, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("swept")]


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def add_request(
    connection: Connection, at: datetime, status: int = 200, **fields: Any
) -> RequestLog:
    usual = {"method": "PATCH", "path": "/Users/x", "milliseconds": 3}
    return RequestLog.objects.create(
        id=uuid4(),
        tenant_id=connection.tenant_id,
        connection=connection,
        status=status,
        received_at=at,
        **usual | fields,
    )


class TestLastSync:
    @pytest.mark.parametrize(
        ("provider", "cadence"),
        [
            ("okta", "Okta sends changes within 5 to 10 minutes."),
            ("entra", "Microsoft Entra sends changes about every 40 minutes."),
            ("rippling", "Rippling guarantees no interval"),
            ("onelogin", "OneLogin sends a change at once"),
            ("ping", "Ping Identity guarantees no interval"),
            ("jumpcloud", "JumpCloud guarantees no interval"),
            ("generic", "The provider decides how soon it sends a change."),
        ],
    )
    def test_time_is_shown_with_the_interval_of_the_provider(
        self, client: Client, connect: Connect, provider: str, cadence: str
    ) -> None:
        connection = connect(provider).connection
        add_request(connection, timezone.now() - timedelta(minutes=7))

        page = page_of(client, connection)

        assert "last updated people 7 minutes ago" in " ".join(page.replace("\xa0", " ").split())
        assert cadence in page.replace("&#x27;", "'")
        assert "ramp-notice-good" in page

    def test_absolute_time_is_shown(self, client: Client, scim: Provider) -> None:
        with time_machine.travel(NOON, tick=False):
            add_request(scim.connection, NOON - timedelta(hours=2))
            page = page_of(signed_in(Person.objects.get()), scim.connection)

        assert "Last update received: <time" in page
        assert "2 March 2026, 10:30 UTC" in page

    def test_refused_read_and_retried_requests_do_not_count(
        self, client: Client, scim: Provider
    ) -> None:
        scim("GET", "/Users")
        add_request(scim.connection, timezone.now(), status=400)
        add_request(scim.connection, timezone.now(), retried_by="person:owner@example.com")

        page = page_of(client, scim.connection)

        assert "Last update received: none yet" in page

    def test_time_is_shown_after_the_log_was_deleted(
        self, client: Client, connect: Connect
    ) -> None:
        at = timezone.now() - timedelta(days=40)
        connection = connect(last_update_at=at).connection

        assert f"{at:%-d %B %Y, %H:%M} UTC" in page_of(client, connection)

    def test_connection_that_only_reads_is_not_warned_about(
        self, client: Client, connect: Connect
    ) -> None:
        okta = connect(last_update_at=timezone.now() - timedelta(days=40))
        okta("GET", "/Users")
        token_usage.save_uses()

        page = page_of(client, okta.connection)

        assert "ramp-notice-good" in page
        assert "Last request of any kind" in page

    def test_connection_without_requests_for_days_is_warned_about(
        self, client: Client, connect: Connect
    ) -> None:
        now = timezone.now()
        connection = connect(last_update_at=now - timedelta(days=3)).connection
        SyncHeartbeat.objects.create(pk=1, since=now - timedelta(days=30), seen_at=now)

        page = page_of(client, connection).replace("\xa0", " ")

        assert "ramp-notice-warning" in page
        assert "No requests from Okta for 3 days." in page
        assert "</strong> A provider without changes sends no requests." in page

    @pytest.mark.parametrize(
        ("watch", "text"),
        [
            ({}, "background jobs have not run recently"),
            ({"since": 9, "seen_at": 8}, "background jobs have not run recently"),
            ({"since": 0.1, "seen_at": 0}, "Ramp itself was interrupted until"),
        ],
    )
    def test_outage_of_ramp_is_mentioned(
        self, client: Client, connect: Connect, watch: dict[str, float], text: str
    ) -> None:
        now = timezone.now()
        connection = connect(last_update_at=now - timedelta(days=9)).connection
        if watch:
            ago = {name: now - timedelta(days=days) for name, days in watch.items()}
            SyncHeartbeat.objects.create(pk=1, **ago)

        assert text in page_of(client, connection)

    def test_connection_without_requests_is_explained(self, client: Client, scim: Provider) -> None:
        assert "Nothing has been received from Okta yet." in page_of(client, scim.connection)

    def test_connection_before_activation_or_after_disconnecting_is_explained(
        self, client: Client, connect: Connect
    ) -> None:
        begun = connect(activated_at=None, last_update_at=NOON).connection
        ended = connect("entra", disconnected_at=NOON, last_update_at=NOON).connection

        assert "Okta is not activated yet." in page_of(client, begun)
        assert "Microsoft Entra was disconnected on 2 March 2026." in page_of(client, ended)


class TestLast24Hours:
    def test_updates_and_refusals_are_shown_by_hour(self, scim: Provider) -> None:
        with time_machine.travel(NOON, tick=False):
            for minutes, status in ((1, 200), (2, 201), (3, 400), (125, 409), (22 * 60, 204)):
                add_request(scim.connection, NOON - timedelta(minutes=minutes), status)
            page = page_of(signed_in(Person.objects.get()), scim.connection)

        assert "Updates: 3" in page
        assert "Refused: 2" in page
        assert '<th scope="row">2 Mar, 12:00</th><td>2</td><td>1</td>' in page
        assert '<th scope="row">2 Mar, 10:00</th><td>0</td><td>1</td>' in page
        assert '<th scope="row">1 Mar, 14:00</th><td>1</td><td>0</td>' in page
        assert page.count("<rect") == 4

    def test_older_retried_and_other_requests_are_left_out(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        add_request(scim.connection, timezone.now() - timedelta(hours=25))
        add_request(scim.connection, timezone.now(), retried_by="person:owner@example.com")
        add_request(connect("entra").connection, timezone.now())

        page = page_of(client, scim.connection)

        assert "No updates and no refused requests in the last 24 hours." in page
        assert "<svg" not in page

    def test_single_refusal_is_visible_beside_thousands_of_updates(
        self, client: Client, scim: Provider
    ) -> None:
        now = timezone.now()
        RequestLog.objects.bulk_create(
            RequestLog(
                id=uuid4(),
                tenant_id=scim.connection.tenant_id,
                connection=scim.connection,
                status=400 if number == 0 else 200,
                received_at=now,
                method="PUT",
                path="/Users/x",
                milliseconds=1,
            )
            for number in range(2000)
        )

        page = page_of(client, scim.connection)

        assert '<rect class="ramp-refusals" x="460" y="0" width="16" height="2">' in page


NAMES = ("Invited", "Inactive now", "Terminated")


class TestCounts:
    def numbers(self, client: Client, connection: Connection) -> list[str]:
        page = page_of(client, connection)
        return [page.partition(f"<dt>{name}</dt><dd>")[2].split()[0] for name in NAMES]

    def test_invited_inactive_and_terminated_people_are_counted(
        self, client: Client, scim: Provider
    ) -> None:
        ids = [scim.add(name) for name in ("ada", "bob", "cy", "dan")]
        for scim_id in ids[:3]:
            scim.replace(scim_id, "active", value=False)
        scim.replace(ids[0], "active", value=True)
        gone = Person.objects.filter(email__startswith="cy")
        gone.update(state=Person.State.TERMINATED, terminated_at=timezone.now())

        assert self.numbers(client, scim.connection) == ["4", "1", "1"]

    def test_manual_changes_and_other_connections_are_not_counted(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        scim.add()
        connect("entra").add("bob")
        core.person()
        people.deactivate_person(
            Person.objects.get(email__startswith="ada"), actor=Actor("person", "x@example.com")
        )

        assert self.numbers(client, scim.connection) == ["1", "0", "0"]

    def test_counts_are_limited(
        self, client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 2)
        for name in ("ada", "bob", "cy"):
            scim.add(name)

        assert self.numbers(client, scim.connection)[0] == "2+"
