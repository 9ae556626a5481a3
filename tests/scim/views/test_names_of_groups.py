"""Names of groups: renaming by the provider, and several groups with the same name."""

import pytest
from django.test import Client

from people.models import Person, Role
from scim.models import GroupMapping, ScimGroup
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, address
from tests.scim.conftest import Connect
from tests.scim.sync.test_roles_of_groups import add_mapping, cycle, member, roles_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def page_of(client: Client, scim: Provider) -> str:
    page = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/groups/"))
    return page.replace("<bdi>", "").replace("</bdi>", "")


def rename(scim: Provider, group: str, name: str) -> None:
    body = {"Operations": [{"op": "replace", "value": {"id": group, "displayName": name}}]}
    assert scim("PATCH", f"/Groups/{group}", body).status == 204


class TestRenamedGroup:
    def test_renamed_group_keeps_mapping_and_roles(
        self, client: Client, scim: Provider, auditor: Role
    ) -> None:
        sales = scim.add_group("Sales", scim.add("ada"))
        add_mapping("Sales", auditor)

        rename(scim, sales, "Sales EMEA")
        member(scim, "add", "Sales EMEA", scim.add("bob"))
        cycle()

        assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], ["Auditor"])
        page = page_of(client, scim)
        assert "Called Sales until Okta renamed it on" in page
        assert "Its mapping still applies." in page

    def test_new_group_with_the_old_name_does_not_get_the_mapping(
        self, scim: Provider, auditor: Role
    ) -> None:
        sales = scim.add_group("Sales")
        add_mapping("Sales", auditor)
        rename(scim, sales, "Sales EMEA")

        scim.add_group("Sales", scim.add("ada"))
        cycle()

        assert roles_of("ada") == []
        assert GroupMapping.objects.get().group.scim_display_name == "Sales EMEA"

    def test_rename_is_audited_once(self, client: Client, scim: Provider) -> None:
        sales = scim.add_group("Sales")
        for _ in range(2):
            rename(scim, sales, "Sales EMEA")

        settings = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/"))

        assert settings.count("Renamed the group Sales to Sales EMEA") == 1

    def test_only_the_latest_former_name_is_shown(self, client: Client, scim: Provider) -> None:
        sales = scim.add_group("A")
        for name in ("B", "C"):
            rename(scim, sales, name)

        assert "Called B until Okta" in page_of(client, scim)
        assert "Called A" not in page_of(client, scim)


class TestSharedName:
    def test_two_groups_may_share_a_name_and_show_their_ids(
        self, client: Client, scim: Provider, auditor: Role
    ) -> None:
        ada, bob = scim.add("ada"), scim.add("bob")
        first = scim("POST", "/Groups", {"displayName": "Sales", "externalId": "G-1"})
        second = scim("POST", "/Groups", {"displayName": "sales", "members": [{"value": bob}]})
        assert (first.status, second.status) == (201, 201)
        add_mapping("Sales", auditor)
        change = {"op": "add", "path": "members", "value": [{"value": ada}]}
        scim("PATCH", f"/Groups/{first.id}", {"Operations": [change]})
        cycle()

        assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], [])
        page = page_of(client, scim)
        assert page.count("1 other group of Okta has this name.") == 2
        assert 'external ID <code class="ramp-break">G-1</code>' in page
        assert f'the ID <code class="ramp-break">{second.id}</code>' in page
        found = scim("GET", address("/Groups", filter='displayName eq "Sales"'))
        assert found.body["totalResults"] == 2

    def test_groups_of_other_connections_and_deleted_groups_do_not_count(
        self, client: Client, connect: Connect
    ) -> None:
        connect("entra").add_group("Sales")
        okta = connect("okta")
        okta("DELETE", f"/Groups/{okta.add_group('Sales')}")
        okta.add_group("Sales")

        assert "this name" not in page_of(client, okta)


def test_query_count_does_not_grow_with_groups(client: Client, scim: Provider) -> None:
    scim.add_group("A")
    few = queries_of(client, f"/integrations/scim/{scim.connection.pk}/groups/")
    for number in range(10):
        rename(scim, scim.add_group("Sales"), f"Sales {number % 2}")

    assert ScimGroup.objects.count() == 11
    many = queries_of(client, f"/integrations/scim/{scim.connection.pk}/groups/")
    assert len(many) == len(few)
