"""The SCIM settings of a connection."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Person
from scim.models import Connection
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import ENT, NOBODY, RAMP, Provider
from tests.factories import core
from tests.factories.large_companies import crowd, crowd_of_hundreds
from tests.scim.conftest import Connect
from tests.support.scim_settings import HOME, NOON, address_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("swept")]

POLICIES = {
    "incomplete_policy": "refuse",
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


class TestHome:
    def test_redirects_to_newest_live_connection(self, client: Client, connect: Connect) -> None:
        connect("okta")
        entra = connect("entra").connection
        connect("rippling", disconnected_at=timezone.now())

        assert client.get(HOME).headers["Location"] == address_of(entra)

    def test_settings_link_to_all_other_connections(self, client: Client, connect: Connect) -> None:
        okta = connect("okta").connection
        others = connect("entra").connection, connect("rippling", disconnected_at=NOON).connection

        page = page_of(client, okta)

        for other in others:
            assert f'href="{address_of(other)}"' in page
        assert "Rippling (disconnected)" in page

    def test_single_connection_has_no_switcher(self, client: Client, scim: Provider) -> None:
        assert 'aria-label="Connections"' not in page_of(client, scim.connection)

    def test_links_to_integrations_without_a_connection(self, client: Client) -> None:
        page = text_of(client.get(HOME))

        assert "No identity provider is connected" in page
        assert 'href="/integrations/"' in page

    def test_links_to_disconnected_connection_if_there_is_no_other(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=timezone.now()).connection

        assert f'href="{address_of(ended)}"' in text_of(client.get(HOME))


class TestPolicies:
    def test_policies_are_saved_and_audited(self, client: Client, scim: Provider) -> None:
        values = POLICIES | {
            "incomplete_policy": "hold",
            "unknown_manager": "reject",
            "mails_invites": "",
        }

        page = text_of(client.post(address_of(scim.connection), values, follow=True))

        connection = Connection.objects.get()
        assert connection.incomplete_policy == "hold"
        assert connection.unknown_manager == "reject"
        assert not connection.mails_invites
        assert "The policies were saved." in page
        event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
        assert event.actor == "person:owner@example.com"
        assert event.changes == {
            "incomplete_policy": {"from": "refuse", "to": "hold"},
            "unknown_manager": {"from": "hold", "to": "reject"},
            "mails_invites": {"from": True, "to": False},
        }
        assert "Settings: incomplete policy, mails invites, unknown manager" in page
        assert "by <bdi>owner@example.com</bdi>" in page

    def test_policies_are_saved_by_the_form_of_the_page(
        self, owner: Person, scim: Provider
    ) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(owner)
        form = page_of(browser, scim.connection).partition('id="policies"')[2]
        [token] = re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', form)
        values = POLICIES | {"incomplete_policy": "hold", "csrfmiddlewaretoken": token}

        assert browser.post(address_of(scim.connection), values).status_code == 302

        assert Connection.objects.get().incomplete_policy == "hold"

    def test_page_explains_each_choice(self, client: Client, scim: Provider) -> None:
        page = page_of(client, scim.connection)

        assert "The provider receives an error that names the missing fields" in page
        assert "Roles that the provider sends are ignored" in page
        assert "the manager is assigned and the invite is sent automatically" in page
        assert "If the name does not exist yet, it is created with the first person" in page

    def test_fill_policy_needs_defaults(self, client: Client, scim: Provider) -> None:
        values = POLICIES | {"incomplete_policy": "fill", "default_department": " "}

        page = text_of(client.post(address_of(scim.connection), values))

        # Beside each of the two fields, and in the summary of errors.
        assert page.count("Enter a default for people without one.") == 4
        assert Connection.objects.get().incomplete_policy == "refuse"

    def test_saved_policy_applies_to_the_next_request(self, client: Client, scim: Provider) -> None:
        values = {
            "incomplete_policy": "fill",
            "default_department": "New",
            "default_location": "Rome",
        }
        client.post(address_of(scim.connection), POLICIES | values)

        scim.add("ada", **{ENT: None, RAMP: None})

        ada = Person.objects.select_related("department", "location").get(email="ada@example.com")
        assert str(ada.department) == "New"
        assert str(ada.location) == "Rome"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"incomplete_policy": "guess"},
            {"incomplete_policy": ""},
            {"unknown_manager": "refuse"},
            {"role_source": "x" * 5000},
            {"email_link": "\x00"},
            {"default_department": "x" * 201},
            {"default_location": "a\x00b"},
        ],
    )
    def test_invalid_value_changes_nothing(
        self, client: Client, scim: Provider, wrong: dict[str, str]
    ) -> None:
        page = text_of(client.post(address_of(scim.connection), POLICIES | wrong))

        assert "Nothing was saved" in page
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    def test_unchanged_policies_are_not_audited(self, client: Client, scim: Provider) -> None:
        page = text_of(client.post(address_of(scim.connection), POLICIES, follow=True))

        assert "Nothing has changed." in page
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    def test_policies_of_disconnected_connection_cannot_be_changed(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=NOON).connection

        page = text_of(client.post(address_of(ended), POLICIES | {"incomplete_policy": "hold"}))

        assert "Save policies" not in page
        assert Connection.objects.get().incomplete_policy == "refuse"

    def test_department_names_are_escaped(self, client: Client, scim: Provider) -> None:
        core.department('"><script>alert(1)</script>')

        assert "<script>alert" not in page_of(client, scim.connection)


def test_page_explains_offboarding_while_auto_termination_is_off(
    client: Client, scim: Provider
) -> None:
    page = page_of(client, scim.connection)

    assert "Ramp deactivates them immediately" in page
    assert "Auto-termination is off" in page


def test_page_shows_connection_values_without_the_token(client: Client, scim: Provider) -> None:
    page = page_of(client, scim.connection)

    assert "/scim/v2</code>" in page
    assert f"<code>{scim.connection.pk}</code>" in page
    assert 'href="/integrations/okta/"' in page
    assert scim.token[-4:] in page
    assert scim.token not in page


def test_page_links_to_all_other_pages_of_the_connection(client: Client, scim: Provider) -> None:
    page = page_of(client, scim.connection)

    for rest in ("mapping/", "tokens/", "disconnect/", "requests/"):
        assert f'href="{address_of(scim.connection)}{rest}"' in page
    assert 'href="/people/updates/"' in page
    assert 'href="/people/why/"' in page


class TestAccess:
    ADDRESSES = ("", "mapping/", "mapping/fields/", "tokens/", "disconnect/")

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_employees_are_redirected(self, scim: Provider, rest: str) -> None:
        client = signed_in(core.person())
        address = address_of(scim.connection) + rest

        for response in (client.get(address), client.post(address, POLICIES)):
            assert response.headers["Location"].startswith("/sign-in/")
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_connection_of_another_company_is_not_found(self, scim: Provider, rest: str) -> None:
        with core.in_another_tenant():
            client = signed_in(core.owner())
        address = address_of(scim.connection) + rest

        for response in (client.get(address), client.post(address, POLICIES)):
            assert response.status_code == 404
        assert client.get(HOME).status_code == 200

    @pytest.mark.parametrize("rest", ADDRESSES)
    def test_sign_in_is_required(self, scim: Provider, rest: str) -> None:
        response = Client().get(address_of(scim.connection) + rest)

        assert response.headers["Location"].startswith("/sign-in/")

    @pytest.mark.parametrize("number", [NOBODY, "1", "x"])
    def test_unknown_connection_is_not_found(self, client: Client, number: str) -> None:
        assert client.get(f"{HOME}{number}/").status_code == 404


def test_query_count_does_not_grow_to_a_hundred_thousand_people(
    client: Client, scim: Provider
) -> None:
    scim.add()
    crowd(scim.connection, 100)
    few = len(queries_of(client, address_of(scim.connection)))
    crowd_of_hundreds(scim.connection, 500)
    many = queries_of(client, address_of(scim.connection))

    assert Person.objects.count() > 100_000
    # EXPLAIN estimates a number that is not counted.
    assert sum(not sql.startswith("EXPLAIN") for sql in many) == few
    assert few <= 24
