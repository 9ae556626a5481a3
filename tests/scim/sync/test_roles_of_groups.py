"""Roles that the groups of a connection grant by group mappings."""

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


def add_mapping(name: str, role: Role | Person.Role, **more: Any) -> None:
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


class TestGroupMember:
    def test_member_of_mapped_group_gets_the_role(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        scim.add("bob")

        add_mapping("Auditors", auditor)

        assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], [])
        [grant] = Grant.objects.all()
        assert grant.because == "the group “Auditors” of Okta"

    def test_new_member_gets_the_role_in_next_cycle(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors")
        add_mapping("Auditors", auditor)

        member(scim, "add", "Auditors", scim.add("ada"))

        assert cycle() == 1
        assert roles_of("ada") == ["Auditor"]
        event = Event.objects.get(kind=Event.Kind.ROLE_GRANTED)
        assert event.actor == "scim:okta"

    def test_removed_member_loses_only_the_role_of_the_group(
        self, scim: Provider, auditor: Role
    ) -> None:
        ada = scim.add("ada")
        scim.add_group("Auditors", ada)
        add_mapping("Auditors", auditor)
        base_roles.grant_role(person("ada"), auditor, actor=OLGA.actor)

        member(scim, "remove", "Auditors", ada)
        cycle()

        assert [grant.source for grant in Grant.objects.all()] == [str(OLGA.actor)]

    def test_deleted_user_loses_the_role(self, scim: Provider, auditor: Role) -> None:
        ada = scim.add("ada")
        scim.add_group("Auditors", ada)
        add_mapping("Auditors", auditor)

        scim("DELETE", f"/Users/{ada}")
        cycle()

        assert roles_of("ada") == []

    def test_removed_member_gets_previous_base_role_back(self, scim: Provider) -> None:
        ada = scim.add("ada")
        scim.add_group("Books", ada)

        add_mapping("Books", Person.Role.BOOKKEEPER)
        assert person("ada").role == Person.Role.BOOKKEEPER
        member(scim, "remove", "Books", ada)
        cycle()

        assert person("ada").role == Person.Role.CARDHOLDER

    def test_role_stays_after_disconnecting_and_can_be_revoked_by_hand(
        self, scim: Provider, auditor: Role, client: Client
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        add_mapping("Auditors", auditor)

        manage.disconnect(scim.connection, actor=OLGA.actor)
        cycle()

        assert roles_of("ada") == ["Auditor"]
        [grant] = Grant.objects.all()
        client.post(f"/people/{grant.person_id}/roles/{grant.pk}/withdraw/")
        assert roles_of("ada") == []
        client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"})
        assert not Role.objects.exists()

    def test_member_of_group_in_another_connection_gets_nothing(
        self, scim: Provider, connect: Connect, auditor: Role
    ) -> None:
        entra = connect("entra")
        scim.add_group("Auditors")
        add_mapping("Auditors", auditor)

        entra.add_group("Auditors ", entra.add("bob"))
        cycle()

        assert roles_of("bob") == []


class TestGroup:
    def test_group_named_like_a_role_grants_nothing_without_mapping(
        self, scim: Provider, auditor: Role
    ) -> None:
        scim.add_group("Auditor", scim.add("ada"))
        scim.add_group("Admin", scim.add("bob"))

        assert cycle() == 0
        assert person("bob").role == Person.Role.CARDHOLDER
        assert not Grant.objects.exists()

    def test_role_of_a_mapping_cannot_be_deleted(
        self, client: Client, scim: Provider, auditor: Role
    ) -> None:
        scim.add_group("Auditors")
        add_mapping("Auditors", auditor)

        page = client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"}, follow=True)

        assert "an identity provider group grants it" in text_of(page)

    def test_deleted_group_grants_nothing(self, scim: Provider, auditor: Role) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        add_mapping("Auditors", auditor)

        scim("DELETE", f"/Groups/{group('Auditors').scim_id}")
        cycle()

        assert roles_of("ada") == []

    def test_mapping_to_owner_needs_confirmation(self, scim: Provider) -> None:
        scim.add_group("Owners", scim.add("ada"))

        with pytest.raises(OwnerNotConfirmed):
            add_mapping("Owners", Person.Role.OWNER)
        add_mapping("Owners", Person.Role.OWNER, is_owner_confirmed=True)

        assert person("ada").role == Person.Role.OWNER

    def test_mapping_cannot_grant_a_role_above_the_rank_of_its_author(self, scim: Provider) -> None:
        scim.add_group("Admins")
        author = Author(actor=core.person(role=Person.Role.IT_ADMIN).actor)

        with pytest.raises(RoleAboveRank):
            group_mappings.map_group(group("Admins"), Person.Role.ADMIN, author=author)


def test_dry_run_of_group_change_shows_role_without_granting_it(
    client: Client, scim: Provider, auditor: Role
) -> None:
    ada = scim.add("ada")
    scim.add_group("Auditors")
    add_mapping("Auditors", auditor)
    change = {"op": "add", "path": "members", "value": [{"value": ada}]}
    asked = {
        "method": "PATCH",
        "path": f"/Groups/{group('Auditors').scim_id}",
        "body": json.dumps({"Operations": [change]}),
    }

    page = client.post(f"/integrations/scim/{scim.connection.pk}/what-if/", asked)

    assert "Source: the group “Auditors” of Okta." in text_of(page)
    assert not Grant.objects.exists()


class TestGroupPages:
    @pytest.fixture
    def address(self, scim: Provider) -> str:
        return f"/integrations/scim/{scim.connection.pk}/groups/"

    def test_settings_link_to_the_groups_page(self, client: Client, scim: Provider) -> None:
        page = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/"))

        assert f"/integrations/scim/{scim.connection.pk}/groups/" in page

    def test_groups_page_is_empty_before_the_first_group(
        self, client: Client, address: str
    ) -> None:
        assert "No groups yet" in text_of(client.get(address))

    def test_groups_page_shows_member_counts_and_roles(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"), scim.add("bob"))
        scim.add_group("Chess")
        add_mapping("Auditors", auditor)

        page = text_of(client.get(address))

        assert re.search(r"Auditors.*2 people.*Auditor\b.*Chess.*0 people", page)
        assert "Chess" not in text_of(client.get(address, {"q": "audit"}))

    def test_mapping_is_previewed_and_then_applied(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        mapping = f"{address}{group('Auditors').pk}/"
        values = {"role": f"role:{auditor.pk}"}

        page = text_of(client.get(mapping, values))
        assert "gains Auditor" in page
        assert not Grant.objects.exists()
        seen = re.search('name="seen" value="(.*?)"', page)
        assert seen
        done = client.post(mapping, values | {"seen": seen[1]}, follow=True)

        assert "The roles of 1 person changed" in text_of(done)
        assert roles_of("ada") == ["Auditor"]
        settings = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/"))
        assert "Mapped the group Auditors → Auditor" in settings

    def test_preview_is_shown_again_if_members_changed_since(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        mapping = f"{address}{group('Auditors').pk}/"
        values = {"role": f"role:{auditor.pk}"}
        seen = re.search('name="seen" value="(.*?)"', text_of(client.get(mapping, values)))
        assert seen
        member(scim, "add", "Auditors", scim.add("bob"))

        page = text_of(client.post(mapping, values | {"seen": seen[1]}))

        assert "Something changed since you opened this page" in page
        assert not Grant.objects.exists()

    def test_removal_of_mapping_is_previewed_and_then_applied(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        add_mapping("Auditors", auditor)
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
    def test_invalid_role_is_refused_with_a_reason(
        self, client: Client, scim: Provider, address: str, role: str, why: str
    ) -> None:
        scim.add_group("Auditors")

        page = text_of(client.get(f"{address}{group('Auditors').pk}/", {"role": role}))

        assert why in page
        assert not GroupMapping.objects.exists()

    def test_groups_of_another_connection_are_not_found(
        self, client: Client, scim: Provider, connect: Connect, address: str
    ) -> None:
        entra = connect("entra")
        entra.add_group("Secret")

        assert "Secret" not in text_of(client.get(address))
        assert client.get(f"{address}{group('Secret').pk}/").status_code == 404

    def test_query_count_does_not_grow_with_groups(
        self, client: Client, scim: Provider, address: str, auditor: Role
    ) -> None:
        scim.add_group("Auditors", scim.add("ada"))
        add_mapping("Auditors", auditor)
        one = queries_of(client, address)
        for number in range(40):
            scim.add_group(f"Group {number:02}")
            add_mapping(f"Group {number:02}", auditor)

        assert len(queries_of(client, address)) == len(one)
