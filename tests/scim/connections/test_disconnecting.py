"""Disconnecting an identity provider."""

from dataclasses import replace
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client
from django.utils import timezone

from people.models import Event, Invite, Person
from people.operations import people_update
from people.values import Actor
from scim.jobs import reapply
from scim.models import Connection, ScimUser, Token
from scim.tasks import run_sync_cycle
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import RAMP, Provider, managed_by, someone
from tests.factories import core
from tests.factories.large_companies import crowd
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def address_of(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/disconnect/"


def disconnect(client: Client, scim: Provider, name: str = "Okta") -> str:
    return text_of(client.post(address_of(scim), {"name": name}, follow=True))


def person(who: str) -> Person:
    found: Person = Person.objects.get(email=f"{who}@example.com")
    return found


def rename(one: Person) -> None:
    """Change the name of the person as an administrator would."""
    profile = replace(one.profile, given_name="A", family_name="B")
    people_update.revise_person(one, profile, actor=Actor("person", "owner@example.com"))


def stored_people() -> list[dict[str, Any]]:
    """Return all fields of all people, except who manages which field."""
    unowned = (
        "managed_fields",
        "manually_overridden_at",
        "manually_overridden_fields",
        "last_login",
    )
    people = Person.objects.order_by("pk")
    return [model_to_dict(one, exclude=unowned) | {"state": one.state} for one in people]


class TestConfirmation:
    def test_page_explains_what_stays_and_what_to_delete_at_the_provider(
        self, client: Client, scim: Provider
    ) -> None:
        scim.add()
        scim.add("bob")

        page = text_of(client.get(address_of(scim)))

        assert "All 2 people that Okta provisioned" in page
        assert "clear Enable API integration" in page
        assert "refused from the next request" in page

    @pytest.mark.parametrize("name", ["", "Entra", "yes", "Okta\x00"])
    def test_name_of_the_provider_must_be_typed(
        self, client: Client, scim: Provider, name: str
    ) -> None:
        page = disconnect(client, scim, name)

        assert "Type “Okta” to confirm" in page
        assert Connection.objects.get().disconnected_at is None

    def test_disconnected_connection_cannot_be_disconnected_again(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=timezone.now())

        response = client.post(address_of(ended), {"name": "Okta"})

        assert response.status_code == 302
        assert not Event.objects.filter(facts__what="disconnected").exists()


def test_every_request_is_refused_afterwards(client: Client, scim: Provider) -> None:
    scim_id = scim.add()
    disconnect(client, scim)

    assert scim("GET", "/Users").status == 401
    assert scim("POST", "/Users", someone("bob")).status == 401
    assert scim.replace(scim_id, "active", value=False).status == 401
    assert scim("DELETE", f"/Users/{scim_id}").status == 401
    assert scim("GET", "/ServiceProviderConfig").status == 401
    assert person("ada").is_active


def test_people_resources_and_invites_stay_unchanged(client: Client, scim: Provider) -> None:
    scim.add("boss")
    scim.add("ada", **managed_by("boss@example.com"))
    scim.add("waits", **managed_by("nobody@example.com"))
    out = scim.add("bob")
    scim.replace(out, "active", value=False)
    before, invites = stored_people(), list(Invite.objects.order_by("pk").values())

    disconnect(client, scim)
    run_sync_cycle(as_of=timezone.now())

    assert stored_people() == before
    assert list(Invite.objects.order_by("pk").values()) == invites
    assert ScimUser.objects.filter(deleted_at=None).count() == 4
    assert Token.objects.filter(revoked_at=None).count() == 1


def test_disconnection_is_audited_and_shown(client: Client, scim: Provider) -> None:
    page = disconnect(client, scim)

    event = Event.objects.get(facts__what="disconnected")
    assert event.actor == "person:owner@example.com"
    assert event.facts["provider"] == "okta"
    assert "Okta was disconnected on" in page
    assert "Disconnected by <bdi>owner@example.com</bdi>" in page.replace(
        '<span class="text-important">', ""
    ).replace("</span>", "")


class TestReleasingFields:
    def test_fields_are_no_longer_managed(self, client: Client, scim: Provider) -> None:
        scim.add()
        ada = f"/people/{person('ada').pk}/"
        assert "Managed by Okta" in text_of(client.get(ada))

        disconnect(client, scim)

        assert "Managed by" not in text_of(client.get(ada))
        assert "Managed by" not in text_of(client.get(f"{ada}edit/"))

    def test_later_manual_edits_stay(self, client: Client, scim: Provider) -> None:
        scim.add()
        disconnect(client, scim)
        rename(person("ada"))

        run_sync_cycle(as_of=timezone.now())

        assert person("ada").full_name == "A B"
        assert person("ada").manually_overridden_at is None

    def test_earlier_manual_edits_are_not_restored(self, client: Client, scim: Provider) -> None:
        scim.add()
        rename(person("ada"))
        disconnect(client, scim)

        run_sync_cycle(as_of=timezone.now())

        assert person("ada").full_name == "A B"

    def test_fields_of_users_deleted_by_the_provider_are_released(
        self, client: Client, scim: Provider
    ) -> None:
        scim("DELETE", f"/Users/{scim.add()}")

        disconnect(client, scim)

        assert person("ada").managed_fields == {}

    def test_fields_managed_by_another_connection_stay_managed(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        scim("DELETE", f"/Users/{scim.add()}")
        entra = connect("entra")
        entra.add()

        disconnect(client, scim)

        assert person("ada").managed_fields["given_name"]["by"] == "scim:entra"

    def test_sync_cycle_releases_the_fields_of_many_people_in_batches(
        self, client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reapply, "BATCH_SIZE", 7)
        monkeypatch.setattr("scim.views.settings.disconnect.SECONDS", 0)
        crowd(scim.connection, 20)

        page = disconnect(client, scim)
        assert "20 people wait for the sync cycle to release their fields" in page
        run_sync_cycle(as_of=timezone.now())

        assert not Person.objects.exclude(managed_fields={}).exists()
        assert Connection.objects.get().reapply_cursor is None

    def test_thousand_people_need_few_queries(
        self, client: Client, scim: Provider, django_assert_max_num_queries: Any
    ) -> None:
        crowd(scim.connection, 1000)

        with django_assert_max_num_queries(80):
            disconnect(client, scim)

        assert not Person.objects.exclude(managed_fields={}).exists()


def test_new_connection_of_the_same_provider_takes_people_over(
    client: Client, scim: Provider, connect: Connect
) -> None:
    scim.add()
    disconnect(client, scim)

    connect("okta").add("ada", **{RAMP: {"location": "Rome"}})

    assert str(person("ada").location) == "Rome"
    assert Person.objects.filter(email="ada@example.com").count() == 1


def test_other_connections_stay_connected(client: Client, scim: Provider, connect: Connect) -> None:
    entra = connect("entra")
    entra.add("bob")

    disconnect(client, scim)

    assert entra("GET", "/Users").status == 200
    assert person("bob").managed_fields


def test_query_count_does_not_grow_with_people(client: Client, scim: Provider) -> None:
    scim.add()
    few = len(queries_of(client, address_of(scim)))
    crowd(scim.connection, 500)

    assert len(queries_of(client, address_of(scim))) == few


def test_employees_cannot_disconnect(scim: Provider) -> None:
    response = signed_in(core.person()).post(address_of(scim), {"name": "Okta"})

    assert response.headers["Location"].startswith("/sign-in/")
    assert Connection.objects.get().disconnected_at is None
