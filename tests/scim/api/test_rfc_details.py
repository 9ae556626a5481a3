"""Details of RFC 7643 and RFC 7644 that are easy to overlook."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from people import events
from scim.models import ScimGroup, ScimUser
from scim.tasks import run_sync_cycle
from tests.clients.scim import (
    ENT,
    GROUP,
    NOBODY,
    PATCH,
    USER,
    Answer,
    Json,
    Provider,
    address,
    mail,
    someone,
)
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def bulk(scim: Provider, *operations: Json) -> Answer:
    return scim("POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations)})


class TestRfc7644Section3421QueriesOfSeveralTypes:
    def test_attribute_of_one_type_has_no_value_in_the_others(self, scim: Provider) -> None:
        scim.add_group("Staff", scim.add("ada"))

        assert scim("GET", address("/", filter='userName eq "ada@example.com"')).names == ["ada"]
        assert scim("GET", address("/", filter='displayName eq "Staff"')).names == ["Staff"]
        either = scim("GET", address("/", filter="userName pr or members pr"))
        assert either.names == ["ada", "Staff"]
        assert scim("GET", address("/", filter="not (userName pr)")).names == ["Staff"]
        assert scim("GET", address("/", filter='emails[type eq "work"]')).names == ["ada"]

    def test_attribute_of_no_type_is_refused(self, scim: Provider) -> None:
        answer = scim("GET", address("/", filter='shoeSize eq "43"'))

        assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")

    def test_resources_without_the_sort_attribute_are_included(self, scim: Provider) -> None:
        ada = scim.add("ada")
        scim.add_group("Staff", scim.add("bea"), ada)

        answer = scim("GET", address("/", sortBy="userName", sortOrder="descending"))

        assert answer.names == ["bea", "ada", "Staff"]


class TestRfc7644Section3422Filters:
    def test_certificate_has_no_order(self, scim: Provider) -> None:
        for operator in ("gt", "ge", "lt", "le"):
            answer = scim.find(f'x509Certificates.value {operator} "YQ=="')

            assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")

    def test_filter_by_meta_location_and_schemas(self, scim: Provider) -> None:
        ada = scim.add("ada")
        location = scim.read(ada)["meta"]["location"]

        assert scim.find(f'meta.location eq "{location}"').names == ["ada"]
        assert scim.find(f'meta.location eq "{ada}"').names == []
        assert scim.find(f'schemas[value eq "{ENT}"]').names == ["ada"]
        assert scim.find('schemas[value eq "urn:x"]').names == []
        assert scim.find(f'schemas[type eq "{ENT}"]').status == 400

    def test_composed_and_decomposed_accents_are_equal(self, scim: Provider) -> None:
        scim.add("zoe", displayName="Zoe\u0308", title="Zo\u00eb")

        for attribute in ("displayName", "title"):
            for sought in ("Zo\u00eb", "Zoe\u0308"):
                assert scim.find(f'{attribute} eq "{sought}"').names == ["zoe"]
                assert scim.find(f'{attribute} sw "{sought}"').names == ["zoe"]

    @pytest.mark.parametrize(
        "sought", ['"LARCH\\bob"', '"LARCH\\\\bob"', '"larch\\BOB"', "LARCH\\bob"]
    )
    def test_windows_user_name_is_found_with_one_backslash(
        self, scim: Provider, sought: str
    ) -> None:
        scim("POST", "/Users", someone("bob", userName="LARCH\\bob"))

        assert scim.find(f"userName eq {sought}").body["totalResults"] == 1

    def test_line_break_in_an_address_can_be_searched_for(self, scim: Provider) -> None:
        scim.add("ada", addresses=[{"formatted": "1 Main St\nParis"}])

        assert scim.find('addresses.formatted eq "1 Main St\\nParis"').names == ["ada"]

    @pytest.mark.parametrize(
        "text",
        [
            "userName eq ada@example.com",
            "userName EQ ada@example.com and active eq true",
            'not (userName ne ada@example.com) or title eq "x or y"',
            "externalId eq 4711",
        ],
    )
    def test_value_without_quotes_is_accepted(self, scim: Provider, text: str) -> None:
        scim.add("ada", externalId="4711")

        assert scim.find(text).names == ["ada"]

    @pytest.mark.parametrize("text", ["userName eq Ada Lovelace", "userName eq", "userName eq )"])
    def test_ambiguous_value_without_quotes_is_refused(self, scim: Provider, text: str) -> None:
        assert scim.find(text).body["scimType"] == "invalidFilter"

    def test_spaces_around_user_name_and_email_are_ignored(self, scim: Provider) -> None:
        scim.add("ada", userName=" ada@example.com ")

        assert scim.find('userName eq "ada@example.com "').names == ["ada"]
        assert scim.find('userName eq " ada@example.com" and active eq true').names == ["ada"]
        assert scim.find('emails.value eq "ada@example.com "').names == ["ada"]


class TestRfc7643Section31Ids:
    def test_id_is_case_sensitive(self, scim: Provider) -> None:
        ada = scim.add("ada")

        assert scim.find(f'id eq "{ada}"').names == ["ada"]
        assert scim.find(f'id eq "{ada.upper()}"').names == []
        assert scim.find(f'id eq "{ada.upper()}" and active eq true').names == []

    def test_two_users_may_share_an_external_id(self, scim: Provider) -> None:
        scim.add("ada", externalId="x")
        scim.add("bea", externalId="x")

        assert scim.find('externalId eq "x"').names == ["ada", "bea"]


class TestRfc7643Section3Schemas:
    @pytest.mark.parametrize("method", ["POST", "PUT"])
    def test_user_with_only_the_group_schema_is_refused(self, scim: Provider, method: str) -> None:
        path = f"/Users/{scim.add('bea')}" if method == "PUT" else "/Users"
        answer = scim(method, path, someone("bea", schemas=[GROUP]))

        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert scim(method, path, someone("bea", schemas=[GROUP, USER])).status < 500

    def test_group_with_only_the_user_schema_is_refused(self, scim: Provider) -> None:
        body = {"schemas": [USER], "displayName": "Staff"}

        assert scim("POST", "/Groups", body).status == 400

    def test_user_is_deactivated_despite_a_wrong_schema(self, scim: Provider) -> None:
        ada = scim.add("ada")

        answer = scim("PUT", f"/Users/{ada}", someone("ada", schemas=[GROUP], active=False))

        assert answer.status == 200
        assert not ScimUser.objects.get().active


class TestRfc7644Section352Patch:
    def test_patch_of_group_with_attributes_answers_the_group(self, scim: Provider) -> None:
        ada = scim.add("ada")
        group = scim.add_group("Staff", ada)
        body = {"Operations": [{"op": "replace", "path": "displayName", "value": "All"}]}

        answer = scim("PATCH", f"/Groups/{group}?attributes=displayName", body)

        assert answer.status == 200
        assert answer.body["displayName"] == "All"
        assert "members" not in answer.body
        whole = scim("PATCH", f"/Groups/{group}?excludedAttributes=displayName", body)
        assert [one["value"] for one in whole.body["members"]] == [ada]

    def test_patch_of_group_without_attributes_answers_204_with_etag(self, scim: Provider) -> None:
        """RFC 7644 section 3.14: the response has an ETag."""
        group = scim.add_group("Staff")
        body = {"Operations": [{"op": "replace", "path": "displayName", "value": "All"}]}

        answer = scim("PATCH", f"/Groups/{group}", body)

        assert (answer.status, answer.content) == (204, b"")
        assert answer.headers["ETag"] == scim("GET", f"/Groups/{group}").headers["ETag"]

    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_dot_after_the_schema_of_an_attribute_is_accepted(
        self, scim: Provider, op: str
    ) -> None:
        """Microsoft's inbound provisioning writes the manager like this."""
        boss, ada = scim.add("bob"), scim.add("ada")

        answer = scim.patch(ada, {"op": op, "path": f"{ENT}.manager", "value": boss})

        assert answer.body[ENT]["manager"]["value"] == boss
        assert scim.find(f'{ENT}.manager eq "{boss}"').names == ["ada"]
        assert (
            "manager" not in scim.patch(ada, {"op": "remove", "path": f"{ENT}.manager"}).body[ENT]
        )

    def test_missing_value_cannot_be_replaced(self, scim: Provider) -> None:
        """RFC 7644 section 3.5.2.3: noTarget."""
        ada = scim.add("ada")

        answer = scim.replace(ada, 'emails[value eq "gone@example.com"].type', "home")

        assert (answer.status, answer.body["scimType"]) == (400, "noTarget")

    def test_empty_name_object_keeps_the_name(self, scim: Provider) -> None:
        ada = scim.add("ada")

        assert scim.replace(ada, "name", {}).body["name"]["givenName"] == "Ada"
        value = {"name": {"familyName": "King"}}
        named = scim.patch(ada, {"op": "replace", "value": value}).body["name"]
        assert named == {"givenName": "Ada", "familyName": "King"}

    def test_replacing_members_without_a_value_is_refused(self, scim: Provider) -> None:
        group = scim.add_group("Staff", scim.add("ada"))
        body = {"Operations": [{"op": "replace", "path": "members"}]}

        answer = scim("PATCH", f"/Groups/{group}", body)

        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert len(scim("GET", f"/Groups/{group}").body["members"]) == 1


class TestRfc7644Section37Bulk:
    def test_failed_bulk_operation_has_a_location(self, scim: Provider) -> None:
        patch = {"schemas": [PATCH], "Operations": []}
        operations: list[Json] = [
            {"method": "PUT", "path": f"/Users/{NOBODY}", "data": someone("x")},
            {"method": "PATCH", "path": f"/Groups/{NOBODY}", "data": patch},
            {"method": "DELETE", "path": f"/Users/{NOBODY}"},
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}},
        ]

        put, patched, deleted, posted = bulk(scim, *operations).body["Operations"]

        assert put["location"].endswith(f"/scim/v2/Users/{NOBODY}")
        assert patched["location"].endswith(f"/scim/v2/Groups/{NOBODY}")
        assert deleted["location"].endswith(f"/scim/v2/Users/{NOBODY}")
        assert "location" not in posted

    def test_repeated_bulk_id_is_refused(self, scim: Provider) -> None:
        one = {"method": "POST", "path": "/Users", "bulkId": "a", "data": someone("ada")}

        answer = bulk(scim, one, one | {"data": someone("bea")})

        assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")
        assert not ScimUser.objects.exists()


class TestRfc7644Section33Dates:
    @pytest.mark.parametrize("attribute", ["lastModified", "created"])
    @pytest.mark.parametrize("kind", ["Users", "Groups"])
    def test_times_in_filters_compare_with_the_precision_of_answers(
        self, scim: Provider, kind: str, attribute: str
    ) -> None:
        """RFC 7643 section 2.3.5. A client that requests newer resources in a loop must end."""
        ada = scim.add("ada")
        scim.add_group("Staff", ada)
        for model in (ScimUser, ScimGroup):
            row = model.objects.get()
            row.created_at = row.modified_at = row.created_at.replace(microsecond=123_456)
            row.save()
        meta = scim("GET", f"/{kind}").body["Resources"][0]["meta"]

        def total(operator: str, moment: str) -> int:
            asked = address(f"/{kind}", filter=f'meta.{attribute} {operator} "{moment}"')
            return int(scim("GET", asked).body["totalResults"])

        assert meta[attribute].endswith(".123Z")
        answered = {op: total(op, meta[attribute]) for op in ("eq", "ge", "le", "gt", "lt")}
        assert answered == {"eq": 1, "ge": 1, "le": 1, "gt": 0, "lt": 0}
        finer = meta[attribute].replace(".123Z", ".123456Z")
        within = {op: total(op, finer) for op in ("eq", "ge", "le", "gt", "lt")}
        assert within == {"eq": 0, "ge": 0, "le": 1, "gt": 0, "lt": 1}


class TestMediaTypes:
    def test_compressed_body_is_refused_with_the_reason(self, scim: Provider) -> None:
        """RFC 9110 section 8.4."""
        answer = scim("POST", "/Users", b"\x1f\x8b", **{"Content-Encoding": "gzip"})

        assert answer.status == 415
        assert "gzip" in answer.detail
        plain = scim("POST", "/Users", someone("ada"), **{"Content-Encoding": "identity"})
        assert plain.status == 201

    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            ("application/json", "application/json"),
            ("text/html, application/json;q=0.9", "application/json"),
            ("application/scim+json, application/json", "application/scim+json"),
            ("*/*", "application/scim+json"),
        ],
    )
    def test_accepted_media_type_is_answered(
        self, scim: Provider, accept: str, media_type: str
    ) -> None:
        """RFC 7644 section 3.8."""
        assert scim("GET", "/Users", Accept=accept).headers["Content-Type"] == media_type
        assert scim("GET", "/Users/x", Accept=accept).headers["Content-Type"] == media_type


class TestWaitingGroupMembers:
    def test_known_members_join_immediately_and_others_when_created(self, scim: Provider) -> None:
        ada, bea = scim.add("ada"), scim.add("bea", externalId="b-1")
        group = scim.add_group("Staff", ada, "c-1", "dora@example.com")
        scim.add("cleo", externalId="c-1")
        scim.add("dora")
        events.dispatch_all(as_of=timezone.now())

        members = scim("GET", f"/Groups/{group}").body["members"]
        assert len(members) == 3
        assert bea not in json.dumps(members)
        assert not ScimGroup.objects.get().waiting_members.exists()

    def test_waiting_user_name_is_matched_in_any_case(self, scim: Provider) -> None:
        group = scim.add_group("Staff", "DORA@example.com")
        scim.add("dora")

        events.dispatch_all(as_of=timezone.now())

        assert len(scim("GET", f"/Groups/{group}").body["members"]) == 1

    def test_removed_waiting_members_are_forgotten(self, scim: Provider) -> None:
        group = scim.add_group("Staff", "c-1", "d-1")
        path = f"/Groups/{group}"
        gone = {"Operations": [{"op": "remove", "path": 'members[value eq "c-1"]'}]}

        assert scim("PATCH", path, gone).status == 204

        assert [one.value for one in ScimGroup.objects.get().waiting_members.all()] == ["d-1"]
        assert scim("PUT", path, {"displayName": "Staff", "members": []}).status == 200
        assert not ScimGroup.objects.get().waiting_members.exists()

    def test_waiting_member_does_not_join_if_two_users_match(self, scim: Provider) -> None:
        group = scim.add_group("Staff", "x")
        scim.add("ada", externalId="x")
        scim.add("bea", externalId="x")

        run_sync_cycle(as_of=timezone.now())

        assert "members" not in scim("GET", f"/Groups/{group}").body


def test_held_user_is_provisioned_when_the_email_becomes_free(connect: Connect) -> None:
    scim = connect("generic", incomplete_policy="hold")
    ada = scim.add("ada")
    held = scim.add("ann", emails=[mail("ada@example.com")])
    assert ScimUser.objects.get(scim_id=held).person is None

    scim.replace(ada, 'emails[type eq "work"].value', "ada.king@example.com")
    events.dispatch_all(as_of=timezone.now())

    person = ScimUser.objects.get(scim_id=held).person
    assert person
    assert person.email == "ada@example.com"


@pytest.mark.parametrize("path", ["/scim", "/scim/Users", "/scim/v1/Users?count=1"])
def test_wrong_base_url_is_answered_with_the_right_one(client: Client, path: str) -> None:
    """RFC 7644 section 3.12: the answer is a SCIM error."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert "/scim/v2." in answer.json()["detail"]


def test_schemas_have_the_descriptions_of_the_rfc(scim: Provider) -> None:
    """RFC 7643 section 8.7.1."""
    found = {one["id"]: one for one in scim("GET", "/Schemas").body["Resources"]}

    values = {one["name"]: one["description"] for one in found[USER]["attributes"]}
    assert values["userName"].startswith("Unique identifier for the User")
    assert values["roles"].endswith("Ramp reads the one of type “rampUserRole”.")
