"""SCIM settings …"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import operations
from people.models import Event, Person
from people.pages import paging
from people.values import Actor
from scim import usage
from scim.models import Connection, RequestLog, Watch
from tests import make
from tests.people.visiting import queries_of, signed_in, text_of
from tests.scim.conftest import Connect
from tests.scim.crowds import crowd, crowd_of_hundreds
from tests.scim.provider import ENT, NOBODY, RAMP, Provider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("swept")]

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
HOME = "/integrations/scim/"
POLICIES = {
    "incomplete": "refuse",
    "default_department": "",
    "default_location": "",
    "unknown_manager": "hold",
    "role_source": "provider",
    "email_link": "adopt",
    "mails_invites": "on",
}


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def address_of(connection: Connection) -> str:
    return f"{HOME}{connection.pk}/"


def page_of(client: Client, connection: Connection) -> str:
    return text_of(client.get(address_of(connection)))


def logged(connection: Connection, at: datetime, status: int = 200, **fields: Any) -> RequestLog:
    usual = {"method": "PATCH", "path": "/Users/x", "milliseconds": 3}
    return RequestLog.objects.create(
        id=uuid4(),
        tenant_id=connection.tenant_id,
        connection=connection,
        status=status,
        received_at=at,
        **usual | fields,
    )


class TestLeadTo:
    """They lead to …"""

    def test_the_newest_connection_that_has_not_ended(
        self, client: Client, connect: Connect
    ) -> None:
        connect("okta")
        entra = connect("entra").connection
        connect("rippling", disconnected_at=timezone.now())

        assert client.get(HOME).headers["Location"] == address_of(entra)

    def test_each_of_several_connections(self, client: Client, connect: Connect) -> None:
        okta = connect("okta").connection
        others = connect("entra").connection, connect("rippling", disconnected_at=NOON).connection

        page = page_of(client, okta)

        for other in others:
            assert f'href="{address_of(other)}"' in page
        assert "Rippling (disconnected)" in page

    def test_no_switcher_where_there_is_nothing_to_switch_to(
        self, client: Client, scim: Provider
    ) -> None:
        assert 'aria-label="Connections"' not in page_of(client, scim.connection)

    def test_integrations_where_nothing_is_connected(self, client: Client) -> None:
        page = text_of(client.get(HOME))

        assert "No identity provider is connected" in page
        assert 'href="/integrations/"' in page

    def test_what_has_ended_where_nothing_else_is_left(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=timezone.now()).connection

        assert f'href="{address_of(ended)}"' in text_of(client.get(HOME))


class TestLastSync:
    """The last sync …"""

    @pytest.mark.parametrize(
        ("provider", "cadence"),
        [
            ("okta", "Okta sends a change 5 to 10 minutes after it was made."),
            ("entra", "Microsoft Entra looks for changes about every 40 minutes."),
            ("rippling", "Rippling promises no time"),
            ("generic", "How soon a change comes is up to the provider."),
        ],
    )
    def test_is_told_against_what_the_provider_promises(
        self, client: Client, connect: Connect, provider: str, cadence: str
    ) -> None:
        connection = connect(provider).connection
        logged(connection, timezone.now() - timedelta(minutes=7))

        page = page_of(client, connection)

        assert "last updated people 7 minutes ago" in " ".join(page.replace("\xa0", " ").split())
        assert cadence in page.replace("&#x27;", "'")
        assert "ramp-notice-good" in page

    def test_is_told_by_the_clock_too(self, client: Client, scim: Provider) -> None:
        with time_machine.travel(NOON, tick=False):
            logged(scim.connection, NOON - timedelta(hours=2))
            page = page_of(signed_in(Person.objects.get()), scim.connection)

        assert "Last update received: <time" in page
        assert "2 March 2026, 10:30 UTC" in page

    def test_is_what_was_received_and_not_what_was_refused_read_or_tried_again(
        self, client: Client, scim: Provider
    ) -> None:
        scim("GET", "/Users")
        logged(scim.connection, timezone.now(), status=400)
        logged(scim.connection, timezone.now(), retried_by="person:owner@example.com")

        page = page_of(client, scim.connection)

        assert "Last update received: none yet" in page

    def test_outlives_the_log(self, client: Client, connect: Connect) -> None:
        at = timezone.now() - timedelta(days=40)
        connection = connect(last_update_at=at).connection

        assert f"{at:%-d %B %Y, %H:%M} UTC" in page_of(client, connection)

    def test_of_a_connection_that_only_reads_is_no_reason_to_worry(
        self, client: Client, connect: Connect
    ) -> None:
        okta = connect(last_update_at=timezone.now() - timedelta(days=40))
        okta("GET", "/Users")
        usage.write_down()

        page = page_of(client, okta.connection)

        assert "ramp-notice-good" in page
        assert "Last request of any kind" in page

    def test_a_day_ago_is_a_reason_to_look(self, client: Client, connect: Connect) -> None:
        now = timezone.now()
        connection = connect(last_update_at=now - timedelta(days=3)).connection
        Watch.objects.create(pk=1, since=now - timedelta(days=30), seen_at=now)

        page = page_of(client, connection).replace("\xa0", " ")

        assert "ramp-notice-warning" in page
        assert "Okta has been silent for 3 days." in page
        assert "</strong> A provider with nothing to say sends nothing." in page

    @pytest.mark.parametrize(
        ("watch", "said"),
        [
            ({}, "own jobs have not run lately"),
            ({"since": 9, "seen_at": 8}, "own jobs have not run lately"),
            ({"since": 0.1, "seen_at": 0}, "Ramp itself was interrupted until"),
        ],
    )
    def test_says_when_we_were_not_there_to_listen(
        self, client: Client, connect: Connect, watch: dict[str, float], said: str
    ) -> None:
        now = timezone.now()
        connection = connect(last_update_at=now - timedelta(days=9)).connection
        if watch:
            ago = {name: now - timedelta(days=days) for name, days in watch.items()}
            Watch.objects.create(pk=1, **ago)

        assert said in page_of(client, connection)

    def test_is_still_to_come_at_first(self, client: Client, scim: Provider) -> None:
        assert "Nothing has been received from Okta yet." in page_of(client, scim.connection)

    def test_is_no_matter_before_activation_or_after_the_end(
        self, client: Client, connect: Connect
    ) -> None:
        begun = connect(activated_at=None, last_update_at=NOON).connection
        ended = connect("entra", disconnected_at=NOON, last_update_at=NOON).connection

        assert "Okta is not activated yet." in page_of(client, begun)
        assert "Microsoft Entra was disconnected on 2 March 2026." in page_of(client, ended)


class TestTheLastDay:
    """The last day …"""

    def test_is_shown_by_hour(self, scim: Provider) -> None:
        with time_machine.travel(NOON, tick=False):
            for minutes, status in ((1, 200), (2, 201), (3, 400), (125, 409), (22 * 60, 204)):
                logged(scim.connection, NOON - timedelta(minutes=minutes), status)
            page = page_of(signed_in(Person.objects.get()), scim.connection)

        assert "3 updates" in page
        assert "2 refused" in page
        assert '<th scope="row">2 Mar, 12:00</th><td>2</td><td>1</td>' in page
        assert '<th scope="row">2 Mar, 10:00</th><td>0</td><td>1</td>' in page
        assert '<th scope="row">1 Mar, 14:00</th><td>1</td><td>0</td>' in page
        assert page.count("<rect") == 4

    def test_leaves_out_what_is_older_of_another_or_tried_again(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        logged(scim.connection, timezone.now() - timedelta(hours=25))
        logged(scim.connection, timezone.now(), retried_by="person:owner@example.com")
        logged(connect("entra").connection, timezone.now())

        page = page_of(client, scim.connection)

        assert "Nothing was written and nothing was refused in the last 24 hours." in page
        assert "<svg" not in page

    def test_shows_one_refusal_beside_thousands_of_updates(
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


class TestNumbers:
    """The numbers …"""

    def numbers(self, client: Client, connection: Connection) -> list[str]:
        page = page_of(client, connection)
        return [page.partition(f"<dt>{name}</dt><dd>")[2].split()[0] for name in NAMES]

    def test_count_whom_the_connection_invited_shut_out_and_lost(
        self, client: Client, scim: Provider
    ) -> None:
        ids = [scim.add(name) for name in ("ada", "bob", "cy", "dan")]
        for scim_id in ids[:3]:
            scim.replace(scim_id, "active", value=False)
        scim.replace(ids[0], "active", value=True)
        gone = Person.objects.filter(email__startswith="cy")
        gone.update(state=Person.State.TERMINATED, terminated_at=timezone.now())

        assert self.numbers(client, scim.connection) == ["4", "1", "1"]

    def test_leave_out_what_was_done_by_hand_or_by_another(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        scim.add()
        connect("entra").add("bob")
        make.person()
        operations.deactivate_person(
            Person.objects.get(email__startswith="ada"), actor=Actor("person", "x@example.com")
        )

        assert self.numbers(client, scim.connection) == ["1", "0", "0"]

    def test_are_not_counted_for_ever(
        self, client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(paging, "COUNTED_AT_MOST", 2)
        for name in ("ada", "bob", "cy"):
            scim.add(name)

        assert self.numbers(client, scim.connection)[0] == "2+"


NAMES = ("Invited", "Inactive now", "Terminated")


class TestPolicies:
    """The policies …"""

    def test_are_saved_and_remembered(self, client: Client, scim: Provider) -> None:
        said = POLICIES | {"incomplete": "hold", "unknown_manager": "reject", "mails_invites": ""}

        page = text_of(client.post(address_of(scim.connection), said, follow=True))

        connection = Connection.objects.get()
        assert connection.incomplete == "hold"
        assert connection.unknown_manager == "reject"
        assert not connection.mails_invites
        assert "The policies were saved." in page
        event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
        assert event.actor == "person:owner@example.com"
        assert event.changes == {
            "incomplete": {"from": "refuse", "to": "hold"},
            "unknown_manager": {"from": "hold", "to": "reject"},
            "mails_invites": {"from": True, "to": False},
        }
        assert "Settings: incomplete, mails invites, unknown manager" in page
        assert "by <bdi>owner@example.com</bdi>" in page

    def test_are_saved_from_the_page_itself(self, owner: Person, scim: Provider) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(owner)
        form = page_of(browser, scim.connection).partition('id="policies"')[2]
        [token] = re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', form)
        said = POLICIES | {"incomplete": "hold", "csrfmiddlewaretoken": token}

        assert browser.post(address_of(scim.connection), said).status_code == 302

        assert Connection.objects.get().incomplete == "hold"

    def test_say_what_each_answer_means(self, client: Client, scim: Provider) -> None:
        page = page_of(client, scim.connection)

        assert "The provider is told what is missing" in page
        assert "what the provider sends about them is passed over" in page
        assert "The manager is assigned and the invite goes out by itself" in page
        assert "A name that is not there yet is made with the first person" in page

    def test_fill_only_with_something(self, client: Client, scim: Provider) -> None:
        said = POLICIES | {"incomplete": "fill", "default_department": " "}

        page = text_of(client.post(address_of(scim.connection), said))

        assert page.count("Name one: people without it are given this.") == 2
        assert Connection.objects.get().incomplete == "refuse"

    def test_count_from_the_next_request_on(self, client: Client, scim: Provider) -> None:
        said = {"incomplete": "fill", "default_department": "New", "default_location": "Rome"}
        client.post(address_of(scim.connection), POLICIES | said)

        scim.add("ada", **{ENT: None, RAMP: None})

        ada = Person.objects.select_related("department", "location").get(email="ada@example.com")
        assert str(ada.department) == "New"
        assert str(ada.location) == "Rome"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"incomplete": "guess"},
            {"incomplete": ""},
            {"unknown_manager": "refuse"},
            {"role_source": "x" * 5000},
            {"email_link": "\x00"},
            {"default_department": "x" * 201},
            {"default_location": "a\x00b"},
        ],
    )
    def test_are_what_they_were_after_nonsense(
        self, client: Client, scim: Provider, wrong: dict[str, str]
    ) -> None:
        page = text_of(client.post(address_of(scim.connection), POLICIES | wrong))

        assert "Nothing was saved yet" in page
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    def test_saved_again_leave_no_trace(self, client: Client, scim: Provider) -> None:
        page = text_of(client.post(address_of(scim.connection), POLICIES, follow=True))

        assert "Nothing has changed." in page
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    def test_of_a_connection_that_has_ended_cannot_be_changed(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=NOON).connection

        page = text_of(client.post(address_of(ended), POLICIES | {"incomplete": "hold"}))

        assert "Save policies" not in page
        assert Connection.objects.get().incomplete == "refuse"

    def test_name_departments_as_text(self, client: Client, scim: Provider) -> None:
        make.department('"><script>alert(1)</script>')

        assert "<script>alert" not in page_of(client, scim.connection)


def test_tell_what_offboarding_means_and_promise_no_termination(
    client: Client, scim: Provider
) -> None:
    page = page_of(client, scim.connection)

    assert "is deactivated here at once" in page
    assert "Auto-termination is off" in page


def test_hold_what_it_takes_to_connect_again(client: Client, scim: Provider) -> None:
    page = page_of(client, scim.connection)

    assert "/scim/v2</code>" in page
    assert f"<code>{scim.connection.pk}</code>" in page
    assert 'href="/integrations/okta/"' in page
    assert scim.token[-4:] in page
    assert scim.token not in page


def test_lead_to_everything_else(client: Client, scim: Provider) -> None:
    page = page_of(client, scim.connection)

    for rest in ("mapping/", "tokens/", "disconnect/", "requests/"):
        assert f'href="{address_of(scim.connection)}{rest}"' in page
    assert 'href="/people/updates/"' in page


class TestAreFor:
    """They are for …"""

    ADDRESSES = ("", "mapping/", "mapping/fields/", "tokens/", "disconnect/")

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_administrators_only(self, scim: Provider, rest: str) -> None:
        client = signed_in(make.person())
        address = address_of(scim.connection) + rest

        for response in (client.get(address), client.post(address, POLICIES)):
            assert response.headers["Location"].startswith("/sign-in/")
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_their_own_company(self, scim: Provider, rest: str) -> None:
        with make.in_another_tenant():
            client = signed_in(make.owner())
        address = address_of(scim.connection) + rest

        for response in (client.get(address), client.post(address, POLICIES)):
            assert response.status_code == 404
        assert client.get(HOME).status_code == 200

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_nobody_who_has_not_signed_in(self, scim: Provider, rest: str) -> None:
        response = Client().get(address_of(scim.connection) + rest)

        assert response.headers["Location"].startswith("/sign-in/")

    @pytest.mark.parametrize("number", [NOBODY, "1", "x"])
    def test_connections_that_there_are(self, client: Client, number: str) -> None:
        assert client.get(f"{HOME}{number}/").status_code == 404


def test_ask_the_same_number_of_queries_for_a_hundred_people_and_for_a_hundred_thousand(
    client: Client, scim: Provider
) -> None:
    scim.add()
    crowd(scim.connection, 100)
    few = len(queries_of(client, address_of(scim.connection)))
    crowd_of_hundreds(scim.connection, 500)

    assert Person.objects.count() > 100_000
    assert len(queries_of(client, address_of(scim.connection))) == few
    assert few <= 24
