"""The groups of a connection bring roles, by its mappings …"""

import json
import re
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Grant, Person, Role
from people.operations.ranks import RoleAboveRank
from people.operations.roles import base_roles
from people.operations.roles.group_mappings import Author, OwnerNotConfirmed
from people.values import Actor
from scim import tasks
from scim.connections import manage
from scim.models import GroupMapping, ScimGroup
from scim.sync import group_mappings
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

OLGA = Author(actor=Actor("person", "owner@example.com"))


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def group(name: str) -> ScimGroup:
    return ScimGroup.objects.select_related("connection").get(scim_display_name=name)


def bring(name: str, role: Role | Person.Role, **more: Any) -> None:
    group_mappings.apply(partial(group_mappings.map_group, group(name), role, author=OLGA, **more))


def person(who: str) -> Person:
    found: Person = Person.objects.get(email=f"{who}@example.com")
    return found


def roles_of(who: str) -> list[str]:
    grants = Grant.objects.filter(person=person(who), role__isnull=False).select_related("role")
    return sorted(grant.role_name for grant in grants)


def cycle() -> int:
    return tasks.run_sync_cycle(as_of=timezone.now())


def member(scim: Provider, op: str, name: str, user: str) -> None:
    value = [{"value": user}]
    body = {"Operations": [{"op": op, "path": "members", "value": value}]}
    assert scim("PATCH", f"/Groups/{group(name).scim_id}", body).status == 204


class TestWhoever:
    """Whoever …"""

    def test_is_in_a_mapped_group_has_its_role(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        scim.add("bob")

        bring("Auditors", auditor)

        assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], [])
        [grant] = Grant.objects.all()
        assert grant.because == "the group “Auditors” of Okta"

    def test_comes_into_it_gets_the_role(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors")
        bring("Auditors", auditor)

        member(scim, "add", "Auditors", scim.add("ada"))

        assert cycle() == 1
        assert roles_of("ada") == ["Auditor"]
        event = Event.objects.get(kind=Event.Kind.ROLE_GRANTED)
        assert event.actor == "scim:okta"

    def test_goes_out_of_it_loses_the_role_and_no_other(
        self, scim: Provider, auditor: Role
    ) -> None:
        ada = scim.add("ada")
        scim.add_group("Auditors", ada)
        bring("Auditors", auditor)
        base_roles.grant_role(person("ada"), auditor, actor=OLGA.actor)

        member(scim, "remove", "Auditors", ada)
        cycle()

        assert [grant.source for grant in Grant.objects.all()] == [str(OLGA.actor)]

    def test_was_deleted_there_loses_the_role(self, scim: Provider, auditor: Role) -> None:
        ada = scim.add("ada")
        scim.add_group("Auditors", ada)
        bring("Auditors", auditor)

        scim("DELETE", f"/Users/{ada}")
        cycle()

        assert roles_of("ada") == []

    def test_gets_a_base_role_has_their_own_again_afterwards(self, scim: Provider) -> None:
        ada = scim.add("ada")
        scim.add_group("Books", ada)

        bring("Books", Person.Role.BOOKKEEPER)
        assert person("ada").role == Person.Role.BOOKKEEPER
        member(scim, "remove", "Books", ada)
        cycle()

        assert person("ada").role == Person.Role.CARDHOLDER

    def test_has_the_role_stays_when_the_provider_is_disconnected(
        self, scim: Provider, auditor: Role, client: Client
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        bring("Auditors", auditor)

        manage.disconnect(scim.connection, actor=OLGA.actor)
        cycle()

        assert roles_of("ada") == ["Auditor"]
        [grant] = Grant.objects.all()
        client.post(f"/people/{grant.person_id}/roles/{grant.pk}/withdraw/")
        assert roles_of("ada") == []
        client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"})
        assert not Role.objects.exists()

    def test_is_in_a_group_of_another_connection_gets_nothing(
        self, scim: Provider, connect: Connect, auditor: Role
    ) -> None:
        entra = connect("entra")
        scim.add_group("Auditors")
        bring("Auditors", auditor)

        entra.add_group("Auditors ", entra.add("bob"))
        cycle()

        assert roles_of("bob") == []


class TestGroups:
    """Groups …"""

    def test_bring_nothing_without_a_mapping_whatever_they_are_called(
        self, scim: Provider, auditor: Role
    ) -> None:
        scim.add_group("Auditor", scim.add("ada"))
        scim.add_group("Admin", scim.add("bob"))

        assert cycle() == 0
        assert person("bob").role == Person.Role.CARDHOLDER
        assert not Grant.objects.exists()

    def test_keep_their_role_from_being_deleted(
        self, client: Client, scim: Provider, auditor: Role
    ) -> None:
        scim.add_group("Auditors")
        bring("Auditors", auditor)

        page = client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"}, follow=True)

        assert "an identity provider group grants it" in text_of(page)

    def test_that_are_deleted_bring_nothing_any_more(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        bring("Auditors", auditor)

        scim("DELETE", f"/Groups/{group('Auditors').scim_id}")
        cycle()

        assert roles_of("ada") == []

    def test_make_an_owner_only_if_that_is_meant(self, scim: Provider) -> None:
        scim.add_group("Owners", scim.add("ada"))

        with pytest.raises(OwnerNotConfirmed):
            bring("Owners", Person.Role.OWNER)
        bring("Owners", Person.Role.OWNER, is_owner_confirmed=True)

        assert person("ada").role == Person.Role.OWNER

    def test_bring_no_more_than_their_author_has(self, scim: Provider) -> None:
        scim.add_group("Admins")
        author = Author(actor=core.person(role=Person.Role.IT_ADMIN).actor)

        with pytest.raises(RoleAboveRank):
            group_mappings.map_group(group("Admins"), Person.Role.ADMIN, author=author)


def test_tell_what_a_push_would_bring(client: Client, scim: Provider, auditor: Role) -> None:
    ada = scim.add("ada")
    scim.add_group("Auditors")
    bring("Auditors", auditor)
    change = {"op": "add", "path": "members", "value": [{"value": ada}]}
    asked = {
        "method": "PATCH",
        "path": f"/Groups/{group('Auditors').scim_id}",
        "body": json.dumps({"Operations": [change]}),
    }

    page = client.post(f"/integrations/scim/{scim.connection.pk}/what-if/", asked)

    assert "Source: the group “Auditors” of Okta." in text_of(page)
    assert not Grant.objects.exists()


class TestPages:
    """The pages of a connection's groups …"""

    @pytest.fixture
    def address(self, scim: Provider) -> str:
        return f"/integrations/scim/{scim.connection.pk}/groups/"

    def test_are_reached_from_the_settings(self, client: Client, scim: Provider) -> None:
        page = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/"))

        assert f"/integrations/scim/{scim.connection.pk}/groups/" in page

    def test_say_that_nothing_was_pushed(self, client: Client, address: str) -> None:
        assert "No groups yet" in text_of(client.get(address))

    def test_show_each_group_its_members_and_what_it_brings(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"), scim.add("bob"))
        scim.add_group("Chess")
        bring("Auditors", auditor)

        page = text_of(client.get(address))

        assert re.search(r"Auditors.*2 people.*Auditor\b.*Chess.*0 people", page)
        assert "Chess" not in text_of(client.get(address, {"q": "audit"}))

    def test_foretell_a_mapping_and_carry_out_what_was_seen(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        mapping = f"{address}{group('Auditors').pk}/"
        said = {"role": f"role:{auditor.pk}"}

        page = text_of(client.get(mapping, said))
        assert "gains Auditor" in page
        assert not Grant.objects.exists()
        seen = re.search('name="seen" value="(.*?)"', page)
        assert seen
        done = client.post(mapping, said | {"seen": seen[1]}, follow=True)

        assert "The roles of 1 person changed" in text_of(done)
        assert roles_of("ada") == ["Auditor"]
        settings = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/"))
        assert "Mapped the group Auditors → Auditor" in settings

    def test_show_again_what_has_changed_since(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        mapping = f"{address}{group('Auditors').pk}/"
        said = {"role": f"role:{auditor.pk}"}
        seen = re.search('name="seen" value="(.*?)"', text_of(client.get(mapping, said)))
        assert seen
        member(scim, "add", "Auditors", scim.add("bob"))

        page = text_of(client.post(mapping, said | {"seen": seen[1]}))

        assert "Something changed since you opened this page" in page
        assert not Grant.objects.exists()

    def test_foretell_what_ends_with_a_mapping(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        bring("Auditors", auditor)
        removal = f"{address}mappings/{GroupMapping.objects.get().pk}/remove/"

        page = text_of(client.get(removal))
        assert "loses Auditor" in page
        seen = re.search('name="seen" value="(.*?)"', page)
        assert seen
        client.post(removal, {"seen": seen[1]})

        assert roles_of("ada") == []
        assert not GroupMapping.objects.exists()

    @pytest.mark.parametrize(
        ("role", "why"),
        [
            ("", "This field is required."),
            ("role:0", "Select a valid choice. role:0 is not"),
            ("GUEST_USER", "Select a valid choice. GUEST_USER is not"),
            ("King", "Select a valid choice. King is not"),
            ("BUSINESS_OWNER", "Select the checkbox to confirm."),
        ],
    )
    def test_say_why_a_group_cannot_bring_that(
        self, client: Client, scim: Provider, address: str, role: str, why: str
    ) -> None:
        scim.add_group("Auditors")

        page = text_of(client.get(f"{address}{group('Auditors').pk}/", {"role": role}))

        assert why in page
        assert not GroupMapping.objects.exists()

    def test_know_no_groups_of_others(
        self, client: Client, scim: Provider, connect: Connect, address: str
    ) -> None:
        entra = connect("entra")
        entra.add_group("Secret")

        assert "Secret" not in text_of(client.get(address))
        assert client.get(f"{address}{group('Secret').pk}/").status_code == 404

    def test_ask_as_little_of_forty_groups_as_of_one(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        bring("Auditors", auditor)
        one = queries_of(client, address)
        for number in range(40):
            scim.add_group(f"Group {number:02}")
            bring(f"Group {number:02}", auditor)

        assert len(queries_of(client, address)) == len(one)
