"""Requirements of RFC 7644 for service providers.

docs/scim-conformance.md lists all requirements; most of their tests are in other files.
"""

from typing import Any

import pytest

from tests.clients.scim import (
    ENT,
    ERROR,
    GROUP,
    NOBODY,
    PATCH,
    SEARCH,
    USER,
    Json,
    Provider,
    address,
    someone,
)

pytestmark = pytest.mark.django_db

MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
LIST = f"{MESSAGES}ListResponse"
KINDS = {"User": "/Users", "Group": "/Groups"}
every_kind = pytest.mark.parametrize("kind", KINDS)


def body_of(kind: str, who: str = "ada", **values: Any) -> Json:
    if kind == "User":
        return someone(who, **values)
    return {"schemas": [GROUP], "displayName": who, **values}


def create(scim: Provider, kind: str, who: str = "ada") -> str:
    answer = scim("POST", KINDS[kind], body_of(kind, who))
    assert answer.status == 201, answer.content
    return f"{KINDS[kind]}/{answer.id}"


class TestSection31Messages:
    def test_the_schemas_of_messages_are_not_published(self, scim: Provider) -> None:
        published = [one["id"] for one in scim("GET", "/Schemas").body["Resources"]]

        assert published
        assert not any(urn.startswith("urn:ietf:params:scim:api:") for urn in published)
        assert scim("GET", f"/Schemas/{PATCH}").status == 404

    def test_messages_name_their_schema(self, scim: Provider) -> None:
        bulk = {"schemas": [f"{MESSAGES}BulkRequest"], "Operations": []}
        answers = [
            scim("GET", "/Users"),
            scim("POST", "/.search", {"schemas": [SEARCH]}),
            scim("GET", f"/Users/{NOBODY}"),
            scim("POST", "/Bulk", bulk),
        ]

        assert [one.body["schemas"] for one in answers] == [
            [LIST],
            [LIST],
            [ERROR],
            [f"{MESSAGES}BulkResponse"],
        ]


@every_kind
class TestSection33Creation:
    def test_new_resource_is_answered_with_its_location(self, scim: Provider, kind: str) -> None:
        answer = scim("POST", KINDS[kind], body_of(kind))

        assert answer.status == 201
        meta = answer.body["meta"]
        assert answer.headers["Location"] == meta["location"]
        assert meta["location"].endswith(f"/scim/v2{KINDS[kind]}/{answer.id}")
        assert meta["resourceType"] == kind
        assert scim("GET", f"{KINDS[kind]}/{answer.id}").body == answer.body

    def test_read_only_values_in_post_are_ignored(self, scim: Provider, kind: str) -> None:
        theirs: Json = {"id": NOBODY, "meta": {"resourceType": "X", "version": 'W/"9"'}}

        answer = scim("POST", KINDS[kind], body_of(kind, **theirs))

        assert answer.status == 201
        assert answer.id != NOBODY
        assert answer.body["meta"]["resourceType"] == kind
        assert answer.body["meta"]["version"] == 'W/"1"'


@every_kind
class TestSection34Retrieval:
    def test_empty_list_is_not_an_error(self, scim: Provider, kind: str) -> None:
        answer = scim("GET", address(KINDS[kind], filter='externalId eq "nobody"'))

        assert answer.status == 200
        assert answer.body["schemas"] == [LIST]
        assert answer.body["totalResults"] == 0
        assert not answer.body.get("Resources")

    def test_list_has_total_start_index_and_items_per_page(self, scim: Provider, kind: str) -> None:
        for who in ("ada", "bea", "cyd"):
            create(scim, kind, who)

        body = scim("GET", address(KINDS[kind], startIndex=2, count=1)).body

        assert (body["totalResults"], body["startIndex"], body["itemsPerPage"]) == (3, 2, 1)
        assert len(body["Resources"]) == 1

    @pytest.mark.parametrize("start", [0, -1, -5000])
    def test_start_index_below_one_means_one(self, scim: Provider, kind: str, start: int) -> None:
        create(scim, kind)

        body = scim("GET", address(KINDS[kind], startIndex=start)).body

        assert (body["startIndex"], len(body["Resources"])) == (1, 1)

    @pytest.mark.parametrize("count", [0, -1, -5000])
    def test_count_below_one_returns_no_resources(
        self, scim: Provider, kind: str, count: int
    ) -> None:
        create(scim, kind)

        body = scim("GET", address(KINDS[kind], count=count)).body

        assert (body["totalResults"], body.get("Resources", [])) == (1, [])

    def test_search_equals_query(self, scim: Provider, kind: str) -> None:
        for who in ("ada", "bea"):
            create(scim, kind, who)
        asked = {"count": 1, "startIndex": 2, "filter": "meta.created pr", "sortBy": "id"}

        searched = scim("POST", f"{KINDS[kind]}/.search", {"schemas": [SEARCH], **asked})

        assert searched.body == scim("GET", address(KINDS[kind], **asked)).body

    def test_sort_order_is_ascending_by_default(self, scim: Provider, kind: str) -> None:
        for who in ("cyd", "Bea", "ada"):
            create(scim, kind, who)
        by = "userName" if kind == "User" else "displayName"

        names = scim("GET", address(KINDS[kind], sortBy=by)).names

        assert [name.lower() for name in names] == ["ada", "bea", "cyd"]

    def test_always_returned_attributes_cannot_be_excluded(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)

        for parameters in (
            {"excludedAttributes": "id,schemas"},
            {"attributes": "externalId"},
        ):
            shown = scim("GET", address(path, **parameters)).body
            assert {"id", "schemas"} <= shown.keys()


class TestSection3422Filters:
    @pytest.mark.parametrize("text", ["userName", "userName is x", "()", "and", 'userName xx "a"'])
    def test_invalid_filter_is_refused(self, scim: Provider, text: str) -> None:
        answer = scim.find(text)

        assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")

    @pytest.mark.parametrize("operator", ["gt", "ge", "lt", "le"])
    def test_boolean_has_no_order(self, scim: Provider, operator: str) -> None:
        answer = scim.find(f"active {operator} true")

        assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")

    def test_filters_are_case_sensitive_only_for_case_exact_attributes(
        self, scim: Provider
    ) -> None:
        scim.add("ada", externalId="X", title="Analyst")

        assert scim.find('externalId eq "x"').names == []
        assert scim.find('externalId eq "X"').names == ["ada"]
        assert scim.find('title eq "ANALYST"').names == ["ada"]


@every_kind
class TestSection35Changes:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_put_and_patch_of_unknown_resource_create_nothing(
        self, scim: Provider, kind: str, method: str
    ) -> None:
        body = body_of(kind) if method == "PUT" else {"schemas": [PATCH], "Operations": []}

        answer = scim(method, f"{KINDS[kind]}/{NOBODY}", body)

        assert answer.status == 404
        assert scim("GET", KINDS[kind]).body["totalResults"] == 0

    def test_put_replaces_and_returns_the_resource(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)

        answer = scim("PUT", path, body_of(kind, externalId="x"))

        assert (answer.status, answer.body["externalId"]) == (200, "x")
        assert scim("GET", path).body == answer.body
        assert "externalId" not in scim("PUT", path, body_of(kind)).body

    def test_put_ignores_read_only_values(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)
        before = scim("GET", path).body

        answer = scim("PUT", path, before | {"id": NOBODY, "meta": {"created": "x"}})

        assert (answer.status, answer.body) == (200, before)

    def test_put_requires_required_attributes(self, scim: Provider, kind: str) -> None:
        path, required = create(scim, kind), "userName" if kind == "User" else "displayName"
        body = body_of(kind)
        del body[required]

        answer = scim("PUT", path, body)

        assert answer.status == 400
        assert required in answer.detail

    def test_adding_an_existing_value_changes_nothing(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)
        added = {"op": "add", "path": "externalId", "value": "x"}
        once, twice = (
            (scim("PATCH", path, {"Operations": [added]}).status, scim("GET", path).body)
            for _ in range(2)
        )

        assert once[0] in (200, 204)
        assert once == twice

    def test_required_attribute_cannot_be_removed(self, scim: Provider, kind: str) -> None:
        path, required = create(scim, kind), "userName" if kind == "User" else "displayName"
        removed = {"op": "remove", "path": required}

        answer = scim("PATCH", path, {"schemas": [PATCH], "Operations": [removed]})

        assert answer.status == 400
        assert answer.body["scimType"] in ("mutability", "invalidValue")

    def test_failed_operation_undoes_earlier_operations(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)
        before = scim("GET", path).body
        operations = [
            {"op": "add", "path": "externalId", "value": "x"},
            {"op": "replace", "path": "id", "value": "x"},
        ]

        answer = scim("PATCH", path, {"schemas": [PATCH], "Operations": operations})

        assert (answer.status, answer.body["scimType"]) == (400, "mutability")
        assert scim("GET", path).body == before


@every_kind
class TestSection36Deletion:
    def test_deleted_resource_is_not_found(self, scim: Provider, kind: str) -> None:
        path = create(scim, kind)

        assert (scim("DELETE", path).status, scim("DELETE", path).status) == (204, 404)

        patch = {"schemas": [PATCH], "Operations": []}
        assert scim("GET", path).status == 404
        assert scim("PUT", path, body_of(kind)).status == 404
        assert scim("PATCH", path, patch).status == 404
        assert scim("GET", KINDS[kind]).body["totalResults"] == 0
        by = "userName" if kind == "User" else "displayName"
        assert scim("GET", address(KINDS[kind], filter=f"{by} pr")).body["totalResults"] == 0

    def test_name_of_deleted_resource_can_be_used_again(self, scim: Provider, kind: str) -> None:
        scim("DELETE", create(scim, kind))

        assert scim("POST", KINDS[kind], body_of(kind)).status == 201


class TestSection37Bulk:
    def test_published_bulk_limits_are_enforced(self, scim: Provider) -> None:
        limits = scim("GET", "/ServiceProviderConfig").body["bulk"]
        body = {"schemas": [f"{MESSAGES}BulkRequest"], "Operations": []}
        padding = b" " * limits["maxPayloadSize"]
        delete = {"method": "DELETE", "path": f"/Groups/{NOBODY}"}
        many = body | {"Operations": [delete] * (limits["maxOperations"] + 1)}

        assert scim("POST", "/Bulk", body).status == 200
        assert scim("POST", "/Bulk", many).status == 413
        assert scim("POST", "/Bulk", b"{}" + padding).status == 413


class TestSection38Formats:
    def test_text_of_every_script_is_returned_in_utf_8(self, scim: Provider) -> None:
        ada = scim.add("ada", displayName="Zoë 李 \U0001f600")

        answer = scim("GET", f"/Users/{ada}", Accept="application/scim+json")

        assert answer.headers["Content-Type"].startswith("application/scim+json")
        answer.content.decode("utf-8")
        assert answer.body["displayName"] == "Zoë 李 \U0001f600"


class TestSection310Notation:
    def test_attribute_may_be_qualified_with_its_schema(self, scim: Provider) -> None:
        ada = scim.add("ada")

        assert scim.find(f'{USER}:userName eq "ada@example.com"').names == ["ada"]
        assert scim.find(f'{ENT}:department eq "research"').names == ["ada"]
        shown = scim("GET", address(f"/Users/{ada}", attributes=f"{USER}:userName")).body
        assert set(shown) == {"schemas", "id", "userName"}
        assert scim.replace(ada, f"{ENT}:department", "Sales").body[ENT]["department"] == "Sales"
