"""Groups that are members of other groups."""

import pytest
from pytest_django import DjangoAssertNumQueries

from people.models import Role
from scim.models import ScimSubgroup, ScimWaitingMember
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Json, Provider, address
from tests.scim.conftest import Connect
from tests.scim.sync.test_roles_of_groups import add_mapping, cycle, group, member, roles_of

pytestmark = pytest.mark.django_db


def members_of(scim: Provider, name: str) -> list[tuple[str, str]]:
    body = scim("GET", f"/Groups/{group(name).scim_id}").body
    return [(one["type"], one["value"]) for one in body.get("members", [])]


def test_nested_group_is_stored_and_returned_as_a_member(scim: Provider) -> None:
    ada, emea = scim.add("ada"), scim.add_group("EMEA")

    answer = scim(
        "POST",
        "/Groups",
        {"displayName": "Sales", "members": [{"value": ada}, {"value": emea, "type": "Group"}]},
    )

    assert answer.status == 201
    assert members_of(scim, "Sales") == [("User", ada), ("Group", emea)]
    assert answer.body["members"][1]["$ref"].endswith(f"/scim/v2/Groups/{emea}")
    assert not ScimWaitingMember.objects.exists()


def test_members_of_nested_groups_get_roles_of_the_outer_group(
    scim: Provider, auditor: Role
) -> None:
    oslo = scim.add_group("Oslo", scim.add("ada"))
    emea = scim.add_group("EMEA", scim.add("bob"), oslo)
    scim.add_group("Sales", scim.add("cy"), emea)
    scim.add_group("Others", scim.add("dan"))

    add_mapping("Sales", auditor)

    assert [roles_of(who) for who in ("ada", "bob", "cy", "dan")] == [["Auditor"]] * 3 + [[]]


@pytest.mark.parametrize("way", ["remove", "replace", "put", "delete"])
def test_removing_nested_group_revokes_roles_of_the_outer_group(
    scim: Provider, auditor: Role, way: str
) -> None:
    emea, sales = scim.add_group("EMEA", scim.add("ada")), scim.add_group("Sales")
    member(scim, "add", "Sales", emea)
    add_mapping("Sales", auditor)
    assert roles_of("ada") == ["Auditor"]

    if way == "remove":
        member(scim, "remove", "Sales", emea)
    elif way == "replace":
        change: Json = {"op": "replace", "path": "members", "value": []}
        scim("PATCH", f"/Groups/{sales}", {"Operations": [change]})
    elif way == "put":
        scim("PUT", f"/Groups/{sales}", {"displayName": "Sales", "members": []})
    else:
        scim("DELETE", f"/Groups/{emea}")
    cycle()

    assert roles_of("ada") == []
    assert not ScimSubgroup.objects.exists()


def groups_of(scim: Provider, who: str) -> list[tuple[str, str]]:
    """Return the groups of the user with their types, and check that all reads agree."""
    response = scim("GET", f"/Users/{who}").body.get("groups", [])
    listed = scim("GET", "/Users").body["Resources"]
    assert next(one for one in listed if one["id"] == who).get("groups", []) == response
    patched = scim.patch(who, {"op": "replace", "path": "title", "value": "Clerk"})
    assert patched.body.get("groups", []) == response
    return [(one["display"], one["type"]) for one in response]


def test_user_is_indirect_member_of_outer_groups(scim: Provider) -> None:
    ada, bob, cy = scim.add("ada"), scim.add("bob"), scim.add("cy")
    oslo = scim.add_group("Oslo", ada)
    emea = scim.add_group("EMEA", bob, oslo)
    scim.add_group("Sales", cy, emea, ada)

    assert groups_of(scim, ada) == [
        *(("Oslo", "direct"), ("Sales", "direct")),
        ("EMEA", "indirect"),
    ]
    assert groups_of(scim, bob) == [("EMEA", "direct"), ("Sales", "indirect")]
    assert groups_of(scim, cy) == [("Sales", "direct")]


def test_direct_membership_is_not_repeated_as_indirect_in_a_circle(scim: Provider) -> None:
    ada = scim.add("ada")
    oslo = scim.add_group("Oslo", ada)
    emea = scim.add_group("EMEA", oslo)
    member(scim, "add", "Oslo", emea)

    assert groups_of(scim, ada) == [("Oslo", "direct"), ("EMEA", "indirect")]


def test_deleting_outer_group_ends_indirect_membership(scim: Provider) -> None:
    ada = scim.add("ada")
    sales = scim.add_group("Sales", scim.add_group("Oslo", ada))
    scim("DELETE", f"/Groups/{sales}")

    assert groups_of(scim, ada) == [("Oslo", "direct")]


def test_reads_need_more_queries_only_for_users_in_nested_groups(
    scim: Provider, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ada = scim.add("ada")
    oslo = scim.add_group("Oslo", ada)

    def query_count() -> int:
        with django_assert_max_num_queries(99) as asked:
            scim("GET", f"/Users/{ada}")
        return len(asked)

    before = query_count()
    scim.add_group("Others", scim.add_group("Inner"))
    assert query_count() == before
    scim.add_group("Sales", oslo)
    # One query for each level of groups around the user's group.
    assert query_count() == before + 2


def test_user_who_joins_nested_group_later_gets_the_role(scim: Provider, auditor: Role) -> None:
    emea = scim.add_group("EMEA")
    scim.add_group("Sales", emea)
    add_mapping("Sales", auditor)

    member(scim, "add", "EMEA", scim.add("ada"))
    cycle()

    assert roles_of("ada") == ["Auditor"]


def test_circular_nesting_of_groups_is_allowed(scim: Provider, auditor: Role) -> None:
    sales = scim.add_group("Sales", scim.add("ada"))
    emea = scim.add_group("EMEA", scim.add("bob"), sales)
    member(scim, "add", "Sales", emea)
    member(scim, "add", "Sales", sales)

    add_mapping("EMEA", auditor)

    assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], ["Auditor"])


def test_member_of_both_groups_gets_the_role_once(scim: Provider, auditor: Role) -> None:
    ada = scim.add("ada")
    scim.add_group("Sales", ada, scim.add_group("EMEA", ada))

    add_mapping("Sales", auditor)

    assert roles_of("ada") == ["Auditor"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('members.value eq "{emea}"', ["Sales"]),
        ('members[value eq "{emea}"]', ["Sales"]),
        ('members eq "{emea}" and displayName eq "Sales"', ["Sales"]),
        ('members[type eq "Group"]', ["Sales"]),
        ('members[type eq "User"]', ["EMEA"]),
        ('members[value eq "{ada}"]', ["EMEA"]),
        ('members[value eq "{emea}" and type eq "User"]', []),
        ("members pr", ["EMEA", "Sales"]),
        ("not (members pr)", ["Empty"]),
    ],
)
def test_filters_find_groups_by_nested_members(scim: Provider, text: str, names: list[str]) -> None:
    ada = scim.add("ada")
    emea = scim.add_group("EMEA", ada)
    scim.add_group("Sales", emea)
    scim.add_group("Empty")

    found = scim("GET", address("/Groups", filter=text.format(emea=emea, ada=ada)))

    assert found.names == names


def test_groups_page_names_nested_group(scim: Provider, owner: object) -> None:
    scim.add_group("Sales", scim.add_group("EMEA", scim.add("ada")))

    page = text_of(signed_in(owner).get(f"/integrations/scim/{scim.connection.pk}/groups/"))  # type: ignore[arg-type]

    assert "and the members of <bdi>EMEA</bdi>" in page


def test_group_of_another_connection_is_a_waiting_member(connect: Connect) -> None:
    foreign = connect("entra").add_group("EMEA")
    okta = connect("okta")

    okta.add_group("Sales", foreign)

    assert members_of(okta, "Sales") == []
    assert ScimWaitingMember.objects.get().value == foreign
