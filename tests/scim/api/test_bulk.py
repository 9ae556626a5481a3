"""A bulk request …"""

from typing import Any

import pytest

from people.models import Event, Person
from scim.api.bulk import MAX_OPERATIONS
from scim.models import RequestLog, ScimUser, SyncError
from tests.clients.scim import ENT, Answer, Json, Provider, managed_by, someone

pytestmark = pytest.mark.django_db

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def post(who: str, /, **values: Any) -> Json:
    return {"method": "POST", "path": "/Users", "bulkId": who, "data": someone(who, **values)}


def post_group(name: str, *members: str) -> Json:
    data = {"displayName": name, "members": [{"value": member} for member in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def patch(path: str, **value: Any) -> Json:
    data = {"Operations": [{"op": "replace", "value": value}]}
    return {"method": "PATCH", "path": path, "data": data}


def send(scim: Provider, *operations: Json, **more: Any) -> Answer:
    return scim("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations} | more)


def statuses(answer: Answer) -> str:
    assert answer.status == 200, answer.content
    assert answer.body["schemas"] == [RESPONSE]
    return " ".join(one["status"] for one in answer.body["Operations"])


def manager_of(name: str) -> str | None:
    people = Person.objects.filter(email=f"{name}@example.com")
    found: str | None = people.values_list("manager__given_name", flat=True).get()
    return found


def test_does_what_each_operation_would_do_alone(scim: Provider) -> None:
    ada, bob = scim.add("ada"), scim.add("bob")

    answer = send(
        scim,
        post("cy"),
        {"method": "PUT", "path": f"/Users/{ada}", "data": someone("ada", title="Countess")},
        patch(f"/Users/{ada}", nickName="A"),
        {"method": "DELETE", "path": f"/Users/{bob}"},
    )

    assert statuses(answer) == "201 200 200 204"
    created, put, patched, deleted = answer.body["Operations"]
    assert (created["bulkId"], created["method"]) == ("cy", "POST")
    [cy] = scim.find('userName sw "cy"').body["Resources"]
    assert created["location"] == cy["meta"]["location"]
    assert (put["version"], patched["version"]) == ('W/"2"', 'W/"3"')
    assert put["location"].endswith(f"/scim/v2/Users/{ada}")
    assert deleted["location"].endswith(f"/scim/v2/Users/{bob}")
    assert "response" not in created
    assert (scim.read(ada)["title"], scim.read(ada)["nickName"]) == ("Countess", "A")
    assert scim("GET", f"/Users/{bob}").status == 404


class TestRefers:
    def test_to_what_it_created_before(self, scim: Provider) -> None:
        answer = send(scim, post("bob"), post("ada", **managed_by("bulkId:bob")))

        assert statuses(answer) == "201 201"
        assert manager_of("ada") == "Bob"

    def test_to_what_it_creates_later(self, scim: Provider) -> None:
        answer = send(
            scim, post_group("Editors", "bulkId:ada", "bulkId:bob"), post("ada"), post("bob")
        )

        assert statuses(answer) == "201 201 201"
        assert [one["bulkId"] for one in answer.body["Operations"]] == ["Editors", "ada", "bob"]
        [group] = scim("GET", "/Groups").body["Resources"]
        assert len(group["members"]) == 2

    def test_in_a_chain_that_was_sent_backwards(self, scim: Provider) -> None:
        answer = send(
            scim,
            post("ada", **managed_by("bulkId:bob")),
            post("bob", **managed_by("bulkId:cy")),
            post("cy"),
        )

        assert statuses(answer) == "201 201 201"
        assert [manager_of(name) for name in ("ada", "bob", "cy")] == ["Bob", "Cy", None]

    def test_in_its_paths(self, scim: Provider) -> None:
        answer = send(scim, post("ada"), patch("/Users/bulkId:ada", title="Countess"))

        assert statuses(answer) == "201 200"
        [ada] = scim.find("title pr").body["Resources"]
        assert answer.body["Operations"][1]["location"].endswith(ada["id"])

    def test_in_a_circle_without_end(self, scim: Provider) -> None:
        answer = send(
            scim,
            post("ada", **managed_by("bulkId:bob")),
            post("bob", **managed_by("bulkId:ada")),
        )

        # Bob's manager is known by then, and Ada's is somebody who has not arrived.
        assert statuses(answer) == "201 201"
        assert sorted([str(manager_of("ada")), str(manager_of("bob"))])[1] == "None"
        assert SyncError.objects.open().get().reason == "invalid-manager"

    def test_to_nothing_and_is_refused(self, scim: Provider) -> None:
        answer = send(scim, post_group("Editors", "bulkId:nobody"))

        assert statuses(answer) == "400"
        assert "bulkid:nobody" in answer.body["Operations"][0]["response"]["detail"].lower()

    def test_to_what_failed_and_is_refused(self, scim: Provider) -> None:
        answer = send(scim, post("ada", name=None), post_group("Editors", "bulkId:ada"))

        assert statuses(answer) == "400 400"


class TestThatFailsInPart:
    def test_tells_each_failure_and_does_the_rest(self, scim: Provider) -> None:
        scim.add("ada")

        answer = send(
            scim,
            post("ada"),
            post("bob"),
            post("cy", **{ENT: None}),
            patch("/Users/nobody", title="x"),
            {"method": "DELETE", "path": "/Users"},
            {"method": "POST", "path": "/Users", "bulkId": "x", "data": "ada"},
            {"method": "POST", "path": "/Users", "bulkId": "y"},
        )

        assert statuses(answer) == "409 201 400 404 405 400 400"
        taken, _, incomplete, *_ = answer.body["Operations"]
        assert taken["response"]["scimType"] == "uniqueness"
        assert taken["response"]["status"] == "409"
        assert "department" in incomplete["response"]["detail"]
        listed = SyncError.objects.open().order_by("pk").values_list("reason", "user_name")
        assert list(listed) == [
            ("uniqueness", "ada@example.com"),
            ("incomplete", "cy@example.com"),
            ("not-found", "nobody"),
            ("invalid-syntax", ""),
        ]
        assert ScimUser.objects.count() == 2

    @pytest.mark.parametrize(
        ("most", "expected"),
        [(1, "409"), (2, "409 201 409"), (3, "409 201 409 201"), (0, "409 201 409 201")],
    )
    def test_stops_after_as_many_as_it_says(self, scim: Provider, most: int, expected: str) -> None:
        scim.add("ada")

        again = post("ada") | {"bulkId": "again"}
        answer = send(scim, post("ada"), post("bob"), again, post("cy"), failOnErrors=most)

        assert statuses(answer) == expected
        assert ScimUser.objects.count() == 1 + expected.count("201")

    def test_undoes_only_what_failed(self, scim: Provider) -> None:
        ada = scim.add("ada")

        send(scim, patch(f"/Users/{ada}", title="Countess"), patch(f"/Users/{ada}", active="?"))

        assert scim.read(ada)["title"] == "Countess"

    @pytest.mark.parametrize(("version", "expected"), [('W/"1"', "200"), ('W/"7"', "412")])
    def test_holds_to_the_version_it_saw(self, scim: Provider, version: str, expected: str) -> None:
        path = f"/Users/{scim.add('ada')}"

        assert statuses(send(scim, patch(path, title="x") | {"version": version})) == expected


class TestIsRemembered:
    def test_operation_by_operation(self, scim: Provider) -> None:
        answer = send(scim, post("ada"), post("bob", name=None))

        rows = RequestLog.objects.order_by("received_at", "status")
        assert [(row.method, row.path, row.status) for row in rows] == [
            ("POST", "/Users", 201),
            ("POST", "/Users", 400),
        ]
        assert answer.request_id not in {str(row.pk) for row in rows}
        assert "bob@example.com" not in rows[0].body
        events = Event.objects.filter(person__email="ada@example.com")
        assert {event.request_id for event in events} == {rows[0].pk}

    def test_without_secrets(self, scim: Provider) -> None:
        send(scim, post("ada", password="correct horse"))

        assert "horse" not in RequestLog.objects.get().body


class TestIsRefusedAsAWhole:
    @pytest.mark.parametrize(
        ("body", "scim_type"),
        [
            ([], "invalidSyntax"),
            ({}, "invalidSyntax"),
            ({"Operations": {}}, "invalidSyntax"),
            ({"Operations": ["x"]}, "invalidSyntax"),
            ({"Operations": [post("ada"), {"path": "/Users"}]}, "invalidSyntax"),
            ({"Operations": [post("ada"), {"method": "GET", "path": "/Users"}]}, "invalidSyntax"),
            ({"Operations": [post("ada"), {"method": "PUT"}]}, "invalidSyntax"),
            ({"Operations": [{"method": "POST", "path": "/Users", "data": {}}]}, "invalidSyntax"),
            ({"Operations": [], "failOnErrors": "two"}, "invalidValue"),
            ({"Operations": [], "failOnErrors": -1}, "invalidValue"),
        ],
        ids=str,
    )
    def test_when_it_cannot_be_read(self, scim: Provider, body: Any, scim_type: str) -> None:
        answer = scim("POST", "/Bulk", body)

        assert (answer.status, answer.body["scimType"]) == (400, scim_type)
        assert not ScimUser.objects.exists()

    def test_when_it_holds_too_much(self, scim: Provider) -> None:
        delete = {"method": "DELETE", "path": "/Groups/x"}

        answer = send(scim, *[delete] * (MAX_OPERATIONS + 1))

        assert answer.status == 413
        assert str(MAX_OPERATIONS) in answer.detail
        config = scim("GET", "/ServiceProviderConfig").body["bulk"]
        assert config["maxOperations"] == MAX_OPERATIONS

    @pytest.mark.parametrize("path", ["/Bulk", "/bulkId:x", "/Users/.search", "", "/Me"])
    def test_never_by_a_bulk_within(self, scim: Provider, path: str) -> None:
        inner = {
            "method": "POST",
            "path": path,
            "bulkId": "x",
            "data": {"Operations": [post("ada")]},
        }

        answer = send(scim, post("ada"), inner)

        assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")
        assert not ScimUser.objects.exists()

    def test_not_when_it_asks_for_nothing(self, scim: Provider) -> None:
        assert statuses(send(scim)) == ""

    @pytest.mark.parametrize("bulk_id", [["x"], {"x": 1}, 5], ids=str)
    def test_when_its_names_are_no_names(self, scim: Provider, bulk_id: Any) -> None:
        for operation in (post("ada"), patch("/Users/x", title="x")):
            answer = send(scim, operation | {"bulkId": bulk_id})
            assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")

    def test_when_a_name_is_given_twice(self, scim: Provider) -> None:
        answer = send(scim, post("ada"), post("bob") | {"bulkId": "ada"})

        assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")

    @pytest.mark.parametrize("version", [5, ["x"], {"a": 1}], ids=str)
    def test_when_a_version_is_none(self, scim: Provider, version: Any) -> None:
        path = f"/Users/{scim.add('ada')}"

        answer = send(scim, patch(path, title="x") | {"version": version})

        assert answer.status == 400
