"""Creating, changing and deleting SCIM groups."""

from itertools import chain, combinations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Event
from scim.models import RequestLog, ScimGroup, ScimMembership, ScimUser
from tests.clients.scim import GROUP, NOBODY, PATCH, Answer, Json, Provider
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db


class Group:
    """The group Editors with the members Ada and Bob; Cy is not a member."""

    def __init__(self, scim: Provider) -> None:
        self.scim = scim
        self.ids = {name: scim.add(name) for name in ("ada", "bob", "cy")}
        self.id = scim.add_group("Editors", self.ids["ada"], self.ids["bob"])
        self.path = f"/Groups/{self.id}"

    def change(self, *operations: Json) -> Answer:
        sent = [self._with_ids(operation) for operation in operations]
        return self.scim("PATCH", self.path, {"schemas": [PATCH], "Operations": sent})

    def _with_ids(self, value: Any) -> Any:
        """Replace the names of Ada, Bob and Cy by their ids."""
        match value:
            case dict():
                return {key: self._with_ids(one) for key, one in value.items()}
            case list():
                return [self._with_ids(one) for one in value]
            case str():
                for name, scim_id in self.ids.items():
                    value = scim_id if value == name else value.replace(f'"{name}"', f'"{scim_id}"')
        return value

    @property
    def members(self) -> str:
        values = {one["value"] for one in self.scim("GET", self.path).body.get("members", [])}
        return " ".join(name for name, scim_id in self.ids.items() if scim_id in values)


@pytest.fixture
def group(scim: Provider) -> Group:
    return Group(scim)


def one(op: str, *names: str, path: str = "members") -> Json:
    return {"op": op, "path": path, "value": [{"value": name} for name in names]}


def chosen(op: str, text: str, **value: Any) -> Json:
    return {"op": op, "path": f"members[{text}]", **value}


class TestCreation:
    def test_group_is_created_with_members(self, scim: Provider) -> None:
        ada = scim.add("ada")
        sent = {"schemas": [GROUP], "displayName": "Editors", "externalId": "G-1"}

        answer = scim("POST", "/Groups", sent | {"members": [{"value": ada, "display": "A"}]})

        assert answer.status == 201
        assert answer.headers["Location"].endswith(f"/scim/v2/Groups/{answer.id}")
        assert answer.body["externalId"] == "G-1"
        [member] = answer.body["members"]
        assert (member["value"], member["type"]) == (ada, "User")
        assert member["$ref"].endswith(f"/scim/v2/Users/{ada}")
        assert scim("GET", f"/Groups/{answer.id}").body == answer.body
        assert [one["value"] for one in scim.read(ada)["groups"]] == [answer.id]

    @pytest.mark.parametrize("members", [None, [], ""], ids=["null", "none", "blank"])
    def test_group_is_created_without_members(self, scim: Provider, members: Any) -> None:
        answer = scim("POST", "/Groups", {"displayName": "Editors", "members": members})

        assert answer.status == 201
        assert "members" not in answer.body

    def test_new_group_has_no_effect_on_people(self, scim: Provider) -> None:
        scim.add_group("Owner")

        assert not Event.objects.exists()

    @pytest.mark.parametrize("name", [None, "", "  ", {"x": 5}, ["Editors", "Writers"]])
    def test_name_is_required(self, scim: Provider, name: Any) -> None:
        answer = scim("POST", "/Groups", {"displayName": name})

        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert "displayName" in answer.detail

    def test_groups_may_share_an_external_id(self, scim: Provider) -> None:
        """It is the client's own identifier (RFC 7643 section 3.1)."""
        sent = {"displayName": "Editors", "externalId": "G-1"}
        first = scim("POST", "/Groups", sent)

        second = scim("POST", "/Groups", sent)

        assert (first.status, second.status) == (201, 201)
        assert first.body["id"] != second.body["id"]

    @pytest.mark.parametrize("member", ["", "bulkId:nobody"])
    def test_member_with_invalid_id_is_refused(self, scim: Provider, member: str) -> None:
        answer = scim("POST", "/Groups", {"displayName": "x", "members": [{"value": member}]})

        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert not ScimGroup.objects.exists()

    @pytest.mark.parametrize("member", [NOBODY, "ada"])
    def test_unknown_member_is_left_out(self, scim: Provider, member: str) -> None:
        members = [{"value": member}, {"value": scim.add("ada")}]

        answer = scim("POST", "/Groups", {"displayName": "x", "members": members})

        assert answer.status == 201
        assert [one["value"] for one in answer.body["members"]] == [members[1]["value"]]


class TestChange:
    @pytest.mark.parametrize(
        ("operations", "members"),
        [
            ([one("add", "cy")], "ada bob cy"),
            ([one("Add", "cy", "ada")], "ada bob cy"),
            ([one("add", "ada")], "ada bob"),
            ([{"op": "add", "path": "members", "value": {"value": "cy"}}], "ada bob cy"),
            ([chosen("add", 'value eq "cy"')], "ada bob cy"),
            ([{"op": "add", "value": {"members": [{"value": "cy"}]}}], "ada bob cy"),
            ([one("remove", "ada")], "bob"),
            ([one("Remove", "cy")], "ada bob"),
            ([one("remove", NOBODY)], "ada bob"),
            ([chosen("remove", 'value eq "ada"')], "bob"),
            ([chosen("remove", 'value eq "cy"')], "ada bob"),
            ([chosen("remove", 'value eq "nobody"')], "ada bob"),
            ([chosen("remove", 'value eq "ada" or value eq "bob"')], ""),
            ([{"op": "remove", "path": "members"}], ""),
            ([one("remove")], "ada bob"),
            ([one("replace", "cy")], "cy"),
            ([one("replace")], ""),
            ([{"op": "replace", "value": {"members": [{"value": "cy"}]}}], "cy"),
            ([{"op": "replace", "value": {"members": None}}], "ada bob"),
            ([chosen("replace", 'value eq "ada"', value=[{"value": "cy"}])], "bob cy"),
            ([one("add", "cy"), one("remove", "ada")], "bob cy"),
            ([one("remove", "ada"), one("add", "ada")], "ada bob"),
            ([one("add", "cy"), one("remove", "cy")], "ada bob"),
            ([one("replace", "cy"), one("add", "ada"), one("remove", "cy")], "ada"),
            ([one("add", "cy"), one("replace", "ada")], "ada"),
            ([], "ada bob"),
        ],
    )
    def test_operations_add_remove_and_replace_members(
        self, group: Group, operations: list[Json], members: str
    ) -> None:
        answer = group.change(*operations)

        assert (answer.status, answer.content) == (204, b"")
        assert group.members == members

    def test_removing_one_member_keeps_the_others(self, group: Group) -> None:
        """Nine forms in which providers remove Ada."""
        ways: list[Json] = [
            one("remove", "ada"),
            one("Remove", "ada"),
            {"op": "remove", "path": "members", "value": {"value": "ada"}},
            {"op": "remove", "path": "members", "value": [{"$ref": None, "value": "ada"}]},
            {"op": "remove", "path": "members", "value": ["ada"]},
            {"op": "remove", "path": "Members", "value": [{"Value": "ada"}]},
            chosen("remove", 'value eq "ada"'),
            chosen("remove", 'VALUE EQ "ada"'),
            one("remove", "ada", path=f"{GROUP}:members"),
        ]
        for way in ways:
            group.change(one("add", "ada"))
            answer = group.change(way)
            assert (answer.status, group.members) == (204, "bob"), way

    @pytest.mark.parametrize(
        "operation",
        [
            chosen("remove", 'display eq "Ada"'),
            chosen("replace", 'value eq "ada"', value=[{"display": "Cy"}]),
            {"op": "add", "path": "members", "value": [[5]]},
            {"op": "replace", "path": "members.value", "value": "cy"},
            {"op": "remove"},
        ],
        ids=str,
    )
    def test_refused_operation_undoes_the_others(self, group: Group, operation: Json) -> None:
        rename = {"op": "replace", "path": "displayName", "value": "Writers"}
        before = group.scim("GET", group.path).body

        answer = group.change(rename, one("add", "cy"), operation)

        assert answer.status == 400
        assert group.scim("GET", group.path).body == before

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "Replace", "path": "displayName", "value": "Writers"},
            {"op": "replace", "value": {"displayName": "Writers"}},
            {"op": "replace", "value": {"id": "x", "displayName": "Writers", "members": None}},
        ],
    )
    def test_name_can_be_changed(self, group: Group, operation: Json) -> None:
        assert group.change(operation).status == 204

        assert group.scim("GET", '/Groups?filter=displayName eq "writers"').names == ["Writers"]
        assert group.members == "ada bob"
        assert group.scim.read(group.ids["ada"])["groups"][0]["display"] == "Writers"

    def test_put_replaces_name_and_members(self, group: Group) -> None:
        sent = {"displayName": "Writers", "members": [{"value": group.ids["cy"]}]}

        answer = group.scim("PUT", group.path, sent)

        assert (answer.status, answer.body["displayName"]) == (200, "Writers")
        assert group.members == "cy"

    def test_put_without_members_keeps_them(self, group: Group) -> None:
        group.scim("PUT", group.path, {"displayName": "Writers"})
        assert group.members == "ada bob"

        group.scim("PUT", group.path, {"displayName": "Writers", "members": []})
        assert group.members == ""

    def test_change_is_logged(self, group: Group) -> None:
        answer = group.change(one("add", "cy"))

        assert RequestLog.objects.get(pk=answer.request_id).path == group.path

    def test_two_operations_have_the_same_effect_as_on_sets(self, group: Group) -> None:
        """Compare with Python sets, for pairs of operations."""
        simple = [(op, names) for op in ("add", "remove", "replace") for names in subsets()]
        for number, (first, second) in enumerate(combinations(simple, 2)):
            if number % 7:
                continue  # A seventh of the pairs includes every kind.
            group.change(one("replace", "ada", "bob"))
            expected = {"ada", "bob"}
            for op, names in (first, second):
                expected = {
                    "add": expected | names,
                    "remove": expected - names,
                    "replace": names,
                }[op]

            group.change(*[one(op, *names) for op, names in (first, second)])

            assert set(group.members.split()) == expected, (first, second)


def subsets() -> list[set[str]]:
    names = ["ada", "bob", "cy"]
    return [set(one) for one in chain.from_iterable(combinations(names, n) for n in (1, 2))]


class TestDeletion:
    def test_deleting_a_group_keeps_its_members(self, group: Group) -> None:
        assert group.scim("DELETE", group.path).status == 204

        assert group.scim("GET", group.path).status == 404
        assert group.scim("GET", "/Groups").body["totalResults"] == 0
        assert "groups" not in group.scim.read(group.ids["ada"])
        assert group.scim.find('groups.display eq "Editors"').names == []
        assert ScimUser.objects.filter(deleted_at=None).count() == 3

    def test_name_of_deleted_group_can_be_used_again(self, group: Group) -> None:
        group.scim("DELETE", group.path)

        assert group.scim.add_group("Editors") != group.id


class TestDeletedMember:
    def test_deleted_user_leaves_the_group(self, group: Group) -> None:
        group.scim("DELETE", f"/Users/{group.ids['ada']}")

        assert group.members == "bob"


def test_groups_of_two_connections_may_share_a_name(connect: Connect) -> None:
    okta, entra = connect(), connect("entra")
    okta.add_group("Editors")

    assert entra("POST", "/Groups", {"displayName": "Editors"}).status == 201


class TestLargeGroup:
    COUNT = 5_000

    @pytest.fixture
    def large_group(self, scim: Provider) -> Provider:
        now = timezone.now()
        users = ScimUser.objects.bulk_create(
            ScimUser(
                tenant_id=scim.connection.tenant_id,
                connection=scim.connection,
                document={},
                rendered="{}",
                scim_username=f"u{number}",
                user_name_key=f"u{number}",
                created_at=now,
                modified_at=now,
            )
            for number in range(self.COUNT + 1)
        )
        scim.add_group("Everybody", str(users[-1].scim_id))
        group = ScimGroup.objects.get()
        ScimMembership.objects.all().delete()
        ScimMembership.objects.bulk_create(
            ScimMembership(group=group, user=user) for user in users[:-1]
        )
        return scim

    @pytest.mark.parametrize("op", ["add", "remove"])
    def test_changing_one_member_needs_no_more_queries_than_in_a_small_group(
        self, large_group: Provider, op: str
    ) -> None:
        newcomer = ScimUser.objects.latest("pk")
        oldest = ScimUser.objects.earliest("pk")
        who = str((newcomer if op == "add" else oldest).scim_id)
        small = large_group.add_group(
            "Ten", *map(str, some_ids(10)), *([who] if op == "remove" else [])
        )
        large = str(ScimGroup.objects.get(scim_display_name="Everybody").scim_id)

        costs = [queries(large_group, group, op, who) for group in (small, large)]

        assert costs[0] == costs[1] <= 7
        members = ScimMembership.objects.filter(group__scim_id=large)
        assert members.count() == self.COUNT + (1 if op == "add" else -1)

    def test_all_members_can_be_replaced_in_one_request(self, large_group: Provider) -> None:
        group = ScimGroup.objects.get()
        sent = [{"value": str(one)} for one in some_ids(self.COUNT + 1)[1:]]

        answer = large_group(
            "PUT",
            f"/Groups/{group.scim_id}?excludedAttributes=members",
            {"displayName": "Everybody", "members": sent},
        )

        assert answer.status == 200
        assert group.memberships.count() == self.COUNT

    def test_thousands_of_members_can_be_removed_in_one_request(
        self, large_group: Provider
    ) -> None:
        group = ScimGroup.objects.get()
        sent = [chosen("remove", f'value eq "{one}"') for one in some_ids(2_000)]

        answer = large_group("PATCH", f"/Groups/{group.scim_id}", {"Operations": sent})

        assert answer.status == 204
        assert group.memberships.count() == self.COUNT - 2_000


def some_ids(count: int) -> list[Any]:
    return list(ScimUser.objects.order_by("pk").values_list("scim_id", flat=True)[:count])


def queries(scim: Provider, group: str, op: str, who: str) -> int:
    sent = {"Operations": [{"op": op, "path": "members", "value": [{"value": who}]}]}
    with CaptureQueriesContext(connection) as captured:
        assert scim("PATCH", f"/Groups/{group}", sent).status == 204
    return len([one for one in captured if "SAVEPOINT" not in one["sql"]])
