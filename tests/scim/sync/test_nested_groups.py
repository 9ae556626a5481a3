"""A group that is a member of another group …"""

import pytest
from pytest_django import DjangoAssertNumQueries

from people.models import Role
from scim.models import ScimSubgroup, ScimWaitingMember
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Json, Provider, address
from tests.scim.conftest import Connect
from tests.scim.sync.test_roles_of_groups import bring, cycle, group, member, roles_of

pytestmark = pytest.mark.django_db


def members_of(scim: Provider, name: str) -> list[tuple[str, str]]:
    body = scim("GET", f"/Groups/{group(name).scim_id}").body
    return [(one["type"], one["value"]) for one in body.get("members", [])]


def test_is_stored_and_answered_as_a_member(scim: Provider) -> None:
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


def test_brings_its_people_the_roles_of_the_outer_group(scim: Provider, auditor: Role) -> None:
    oslo = scim.add_group("Oslo", scim.add("ada"))
    emea = scim.add_group("EMEA", scim.add("bob"), oslo)
    scim.add_group("Sales", scim.add("cy"), emea)
    scim.add_group("Others", scim.add("dan"))

    bring("Sales", auditor)

    assert [roles_of(who) for who in ("ada", "bob", "cy", "dan")] == [["Auditor"]] * 3 + [[]]


@pytest.mark.parametrize("way", ["remove", "replace", "put", "delete"])
def test_takes_the_roles_with_it_when_it_is_no_longer_a_member(
    scim: Provider, auditor: Role, way: str
) -> None:
    emea, sales = scim.add_group("EMEA", scim.add("ada")), scim.add_group("Sales")
    member(scim, "add", "Sales", emea)
    bring("Sales", auditor)
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
    """Return the groups of the user with their types, and see that all reads agree."""
    said = scim("GET", f"/Users/{who}").body.get("groups", [])
    listed = scim("GET", "/Users").body["Resources"]
    assert next(one for one in listed if one["id"] == who).get("groups", []) == said
    patched = scim.patch(who, {"op": "replace", "path": "title", "value": "Clerk"})
    assert patched.body.get("groups", []) == said
    return [(one["display"], one["type"]) for one in said]


def test_makes_its_people_indirect_members_of_the_outer_groups(scim: Provider) -> None:
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


def test_makes_nobody_an_indirect_member_of_their_own_group(scim: Provider) -> None:
    ada = scim.add("ada")
    oslo = scim.add_group("Oslo", ada)
    emea = scim.add_group("EMEA", oslo)
    member(scim, "add", "Oslo", emea)

    assert groups_of(scim, ada) == [("Oslo", "direct"), ("EMEA", "indirect")]


def test_is_no_membership_any_more_once_the_outer_group_is_deleted(scim: Provider) -> None:
    ada = scim.add("ada")
    sales = scim.add_group("Sales", scim.add_group("Oslo", ada))
    scim("DELETE", f"/Groups/{sales}")

    assert groups_of(scim, ada) == [("Oslo", "direct")]


def test_costs_reads_a_statement_only_where_it_is(
    scim: Provider, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ada = scim.add("ada")
    oslo = scim.add_group("Oslo", ada)

    def reads() -> int:
        with django_assert_max_num_queries(99) as asked:
            scim("GET", f"/Users/{ada}")
        return len(asked)

    before = reads()
    scim.add_group("Others", scim.add_group("Inner"))
    assert reads() == before
    scim.add_group("Sales", oslo)
    # One for each level of groups around the user's.
    assert reads() == before + 2


def test_gives_the_role_to_those_who_join_it_later(scim: Provider, auditor: Role) -> None:
    emea = scim.add_group("EMEA")
    scim.add_group("Sales", emea)
    bring("Sales", auditor)

    member(scim, "add", "EMEA", scim.add("ada"))
    cycle()

    assert roles_of("ada") == ["Auditor"]


def test_may_contain_the_outer_group_in_turn(scim: Provider, auditor: Role) -> None:
    sales = scim.add_group("Sales", scim.add("ada"))
    emea = scim.add_group("EMEA", scim.add("bob"), sales)
    member(scim, "add", "Sales", emea)
    member(scim, "add", "Sales", sales)

    bring("EMEA", auditor)

    assert (roles_of("ada"), roles_of("bob")) == (["Auditor"], ["Auditor"])


def test_counts_once_for_somebody_who_is_in_both(scim: Provider, auditor: Role) -> None:
    ada = scim.add("ada")
    scim.add_group("Sales", ada, scim.add_group("EMEA", ada))

    bring("Sales", auditor)

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
def test_is_found_by_filters(scim: Provider, text: str, names: list[str]) -> None:
    ada = scim.add("ada")
    emea = scim.add_group("EMEA", ada)
    scim.add_group("Sales", emea)
    scim.add_group("Empty")

    found = scim("GET", address("/Groups", filter=text.format(emea=emea, ada=ada)))

    assert found.names == names


def test_is_named_on_the_page_of_the_groups(scim: Provider, owner: object) -> None:
    scim.add_group("Sales", scim.add_group("EMEA", scim.add("ada")))

    page = text_of(signed_in(owner).get(f"/integrations/scim/{scim.connection.pk}/groups/"))  # type: ignore[arg-type]

    assert "and the members of <bdi>EMEA</bdi>" in page


def test_of_another_connection_is_unknown(connect: Connect) -> None:
    foreign = connect("entra").add_group("EMEA")
    okta = connect("okta")

    okta.add_group("Sales", foreign)

    assert members_of(okta, "Sales") == []
    assert ScimWaitingMember.objects.get().value == foreign
