"""The audit log shows through which interface each change was made."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import BulkChange, Event, Person, Tenant
from people.operations import guests
from people.operations.bulk import undo
from people.operations.invites import lifecycle
from people.values import Actor
from scim.connections import manage
from scim.models import SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, Provider, someone
from tests.clients.spend import Api
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

Interface = Event.Interface


@pytest.fixture
def olga(db: None) -> Any:
    """Activate a tenant, and return its owner."""
    with tenancy.use(core.tenant()):
        yield core.owner()


@pytest.fixture
def client(olga: Person) -> Client:
    return signed_in(olga)


def logged(client: Client, interface: Interface) -> str:
    return text_of(client.get("/audit-log/", {"interface": interface}))


def test_page_with_the_ip_address_of_the_visitor(olga: Person, client: Client) -> None:
    ada = core.person()
    client.post(f"/people/{ada.pk}/deactivate/", REMOTE_ADDR="192.0.2.7")

    event = Event.objects.get()
    assert (event.interface, event.ip, event.actor_person) == (Interface.PAGE, "192.0.2.7", olga)
    assert event.request_id
    assert "deactivated Ada Lovelace" in logged(client, Interface.PAGE)


def test_api(olga: Person, client: Client) -> None:
    Api(olga).post(f"people/{core.person().pk}/deactivate")

    assert Event.objects.latest("pk").actor_person == olga
    assert "deactivated Ada Lovelace" in logged(client, Interface.API)


def test_scim_with_the_ip_address_of_the_provider(client: Client) -> None:
    scim = Provider(scim_connection("okta"))
    scim.replace(scim.add("zoe"), "active", value=False)

    events = Event.objects.filter(actor="scim:okta")
    assert {(one.interface, one.ip) for one in events} == {(Interface.SCIM, "127.0.0.1")}
    assert "Okta deactivated Zoe Lovelace" in logged(client, Interface.SCIM)


def test_sign_in(client: Client) -> None:
    sign_in_flow.come_in(sign_in_flow.provider("Corp"), "ada")

    assert "Corp added Ada Lovelace" in logged(client, Interface.SIGN_IN)


def test_job(client: Client) -> None:
    core.person(role=Person.Role.GUEST, deactivates_at=timezone.now())
    guests.deactivate_due(as_of=timezone.now())

    assert "Ramp deactivated Ada Lovelace" in logged(client, Interface.JOB)


def test_command(db: None) -> None:
    command = ("create_tenant", "acme", "--name=Acme", "--owner-email=olga@acme.example")
    call_command(*command, "--owner-password=correct horse battery staple")

    with tenancy.use(Tenant.objects.get(slug="acme")):
        page = logged(signed_in(Person.objects.get()), Interface.COMMAND)
    assert "An operator created Acme" in page


def test_retried_scim_request_is_logged_as_a_page(client: Client) -> None:
    connection = scim_connection("okta", incomplete_policy="refuse")
    incomplete = someone("zoe", **{ENT: {}})
    assert Provider(connection)("POST", "/Users", incomplete).status == 400
    connection.incomplete_policy, connection.default_department = "fill", "Sales"
    connection.save()

    client.post(f"/people/updates/errors/{SyncError.objects.get().pk}/retry/")

    assert "Okta added Zoe Lovelace" in logged(client, Interface.PAGE)


class TestSettingsAndDecisionsAreLogged:
    @pytest.fixture
    def settings_page(self, olga: Person) -> str:
        return f"/tenants/{olga.tenant.slug}"

    def test_settings_of_the_sign_in_page(self, client: Client, settings_page: str) -> None:
        corp = sign_in_flow.provider("Corp")
        client.post(
            f"{settings_page}/auth-settings/",
            {"default_provider": corp.pk, "begins": "redirect", "allows_passwords": "on"},
        )

        page = logged(client, Interface.PAGE)
        assert "changed the settings of the sign-in page" in page
        assert "Default provider:</span> <ins><bdi>Corp</bdi></ins>" in page
        assert "<del><bdi>no</bdi></del> → <ins><bdi>yes</bdi></ins>" in page

    def test_change_of_the_company(self, client: Client, settings_page: str) -> None:
        client.post(f"{settings_page}/settings/", {"name": "Acme", "domain": "acme.example"})

        page = logged(client, Interface.PAGE)
        assert "renamed the company" in page
        assert "<ins><bdi>acme.example</bdi></ins>" in page

    def test_opened_invite_link(self, client: Client) -> None:
        bob = core.person(given_name="Bob", state=Person.State.INVITED)
        invite = lifecycle.issue_invite(bob, actor=Actor("command", "tests"))
        client.get(f"/people/updates/invites/{invite.pk}/link/")

        assert "opened the invite link of Bob Lovelace" in logged(client, Interface.PAGE)

    def test_dismissed_sync_error(self, client: Client) -> None:
        refused = someone("zoe", name={"givenName": "Zoe", "familyName": "--"})
        Provider(scim_connection("okta"))("POST", "/Users", refused)
        error = SyncError.objects.get()
        dismiss = f"/people/updates/errors/{error.pk}/dismiss/"
        client.post(dismiss, {"because": "A test account"})

        page = logged(client, Interface.PAGE)
        assert "dismissed a sync error: Invalid name of zoe@example.com, from Okta" in page
        assert "Reason: A test account" in page

    def test_tokens_of_a_connection(self, client: Client) -> None:
        okta = scim_connection("okta")
        client.post(f"/integrations/scim/{okta.pk}/tokens/")
        token = okta.tokens.get()
        client.post(f"/integrations/scim/{okta.pk}/tokens/{token.pk}/revoke/")

        page = logged(client, Interface.PAGE)
        assert f"created a SCIM token …{token.hint} for Okta" in page
        assert f"revoked the SCIM token …{token.hint} of Okta" in page

    def test_settings_of_a_connection(self, client: Client, olga: Person) -> None:
        okta = scim_connection("okta")
        changed = {"incomplete_policy": "hold", "may_assign_owner": True}
        manage.revise(okta, changed, actor=olga.actor)

        page = text_of(client.get("/audit-log/"))
        assert f"{olga.full_name} changed the settings of the connection to Okta" in page
        assert "Incomplete policy:</span> <del><bdi>refuse</bdi></del> → <ins><bdi>hold" in page
        assert "May assign Owner:</span> <del><bdi>no</bdi></del> → <ins><bdi>yes" in page

    def test_undo_of_a_bulk_change(self, client: Client, olga: Person) -> None:
        people = [core.person() for _ in range(3)]
        chosen = {"action": "deactivate_selected", "confirmed": "yes"}
        client.post("/people/", chosen | {"_selected_action": [one.pk for one in people]})
        change = BulkChange.objects.get()
        client.post(f"/people/bulk-changes/{change.pk}/undo/", {"kept": undo.fingerprint([])})

        assert f"{olga.full_name} undid the bulk change" in logged(client, Interface.PAGE)
