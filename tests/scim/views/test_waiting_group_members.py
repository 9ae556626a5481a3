"""The Group members tab of Team updates, which lists waiting members."""

import pytest
from django.test import Client

from people.models import Person
from scim.models import ScimUser
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import NOBODY, Provider, someone
from tests.scim.conftest import Connect
from tests.scim.sync.test_roles_of_groups import cycle

pytestmark = pytest.mark.django_db

PAGE = "/people/updates/members/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def listed(client: Client, query: str = "") -> str:
    return text_of(client.get(PAGE + query)).replace("<bdi>", "").replace("</bdi>", "")


def test_unknown_members_are_listed(client: Client, scim: Provider) -> None:
    scim.add_group("Sales", scim.add("ada"), "grace@example.com", NOBODY)

    page = listed(client)

    assert "grace@example.com is named as a member of Sales, but has not arrived." in page
    assert f"{NOBODY} is named as a member of Sales, but has not arrived." in page
    assert "ada" not in page.lower()
    assert 'Group members <span class="ramp-count">2</span>' in page


def test_value_too_long_to_be_stored_is_listed(client: Client, scim: Provider) -> None:
    group = scim.add_group("Sales", "grace@example.com")
    member = {"path": "members", "value": [{"value": "x" * 300}]}

    for op, left in (("add", 2), ("remove", 1)):
        body = {"Operations": [{"op": op} | member]}
        assert scim("PATCH", f"/Groups/{group}", body).status == 204
        assert f'Group members <span class="ramp-count">{left}</span>' in listed(client)


def test_member_is_not_listed_after_joining(client: Client, scim: Provider) -> None:
    scim.add_group("Sales", "grace@example.com")
    scim.add("grace")
    cycle()

    assert "Nobody is missing" in listed(client)
    assert ScimUser.objects.get().external_groups.get().scim_display_name == "Sales"


def test_deleted_user_is_listed_with_name_and_date(client: Client, scim: Provider) -> None:
    grace = scim.add("grace")
    assert scim("DELETE", f"/Users/{grace}").status == 204

    scim.add_group("Sales", grace)

    day = f"{ScimUser.objects.get().deleted_at:%-d %B %Y}"
    page = listed(client)
    assert (
        f"Grace Lovelace is named as a member of Sales, but was deleted by Okta on {day}." in page
    )

    # A user who returns as the same person has the same id.
    assert scim("POST", "/Users", someone("grace")).id == grace
    cycle()
    assert "Nobody is missing" in listed(client)


def test_deleted_nested_group_is_listed(client: Client, scim: Provider) -> None:
    emea = scim.add_group("EMEA")
    scim("DELETE", f"/Groups/{emea}")
    scim.add_group("Sales", emea)

    assert "Group EMEA is named as a member of Sales, but was deleted by Okta" in listed(client)


def test_search_by_group_and_member(client: Client, scim: Provider) -> None:
    scim.add_group("Sales", "grace@example.com")
    scim.add_group("Legal", "linus@example.com")

    assert "linus" not in listed(client, "?q=sales")
    assert "grace" not in listed(client, "?q=LINUS")
    assert "No member matches" in listed(client, "?q=xyzzy")


def test_deleted_groups_and_disconnected_connections_are_left_out(
    client: Client, connect: Connect
) -> None:
    okta, entra = connect("okta"), connect("entra")
    okta("DELETE", f"/Groups/{okta.add_group('Sales', 'grace@example.com')}")
    entra.add_group("Legal", "linus@example.com")
    entra.connection.disconnected_at = entra.connection.activated_at
    entra.connection.save()

    assert "Nobody is missing" in listed(client)


def test_query_count_does_not_grow_with_members(client: Client, scim: Provider) -> None:
    scim.add_group("Sales", NOBODY)
    few = queries_of(client, PAGE)
    scim.add_group("Legal", *(f"p{number}" for number in range(30)))

    assert len(queries_of(client, PAGE)) == len(few)


def test_groups_page_shows_the_number_of_waiting_members(client: Client, scim: Provider) -> None:
    scim.add_group("Sales", "grace@example.com")

    page = listed(client)
    assert f'href="/integrations/scim/{scim.connection.pk}/groups/?q=Sales"' in page
    groups = text_of(client.get(f"/integrations/scim/{scim.connection.pk}/groups/"))
    assert f'<a href="{PAGE}?q=Sales" class="ramp-link block">1 not arrived</a>' in groups
