"""Requirements of RFC 7643 for service providers.

docs/scim-conformance.md lists all requirements; most of their tests are in other files.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.clients.scim import ENT, GROUP, NOBODY, RAMP, USER, Json, Provider, managed_by, someone

pytestmark = pytest.mark.django_db

TYPES = {"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}


def schemas(scim: Provider) -> list[Json]:
    return list(scim("GET", "/Schemas").body["Resources"])


def attributes(scim: Provider) -> Iterator[tuple[str, Json]]:
    """Yield each attribute and sub-attribute that is published, with its dotted name."""
    for schema in schemas(scim):
        for one in schema["attributes"]:
            yield one["name"], one
            for part in one.get("subAttributes", []):
                yield f"{one['name']}.{part['name']}", part


def relative(scim: Provider, url: str) -> str:
    """Return the path of the URL below the base URL."""
    base = scim("GET", "/ServiceProviderConfig").body["meta"]["location"]
    root = base.removesuffix("/ServiceProviderConfig")
    assert url.startswith(f"{root}/")
    return url.removeprefix(root)


class TestSection2Attributes:
    def test_attribute_names_follow_the_grammar(self, scim: Provider) -> None:
        for name, one in attributes(scim):
            assert re.fullmatch(r"[A-Za-z$][\w$-]*", one["name"]), name

    def test_attribute_types_are_those_of_the_rfc(self, scim: Provider) -> None:
        assert {one["type"] for _, one in attributes(scim)} <= TYPES

    def test_sub_attributes_are_not_complex(self, scim: Provider) -> None:
        # The schema of schemas has nested attributes, as in RFC 7643 section 8.7.2.
        ours = [one for one in schemas(scim) if not one["id"].endswith(":Schema")]
        for schema in ours:
            for one in schema["attributes"]:
                parts = one.get("subAttributes", [])
                assert (one["type"] == "complex") is bool(parts), one["name"]
                assert not any(part["type"] == "complex" for part in parts), one["name"]

    def test_every_characteristic_is_published(self, scim: Provider) -> None:
        for name, one in attributes(scim):
            assert {"type", "multiValued", "required", "mutability", "returned"} <= one.keys(), name
            assert one["description"], name

    def test_order_of_attributes_does_not_matter(self, scim: Provider) -> None:
        ada = scim.add("ada")
        before = scim.read(ada)
        backwards = {name: before[name] for name in reversed(before)}

        assert scim("PUT", f"/Users/{ada}", backwards).body == before

    def test_attribute_names_are_case_insensitive(self, scim: Provider) -> None:
        loud = {name.upper(): value for name, value in someone("ada").items()}

        answer = scim("POST", "/Users", loud)

        assert (answer.status, answer.body["userName"]) == (201, "ada@example.com")

    def test_times_are_utc_with_milliseconds(self, scim: Provider) -> None:
        scim.add_group("Staff", scim.add("ada"))

        for kind in ("Users", "Groups"):
            [resource] = scim("GET", f"/{kind}").body["Resources"]
            for name in ("created", "lastModified"):
                text = resource["meta"][name]
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
                assert datetime.fromisoformat(text).utcoffset() == timedelta()

    def test_binary_value_is_base64(self, scim: Provider) -> None:
        ada = scim.add("ada", x509Certificates=[{"value": "YQ=="}, {"value": "no base64!"}])

        assert scim.read(ada)["x509Certificates"] == [{"value": "YQ=="}]

    def test_references_can_be_resolved(self, scim: Provider) -> None:
        boss = scim.add("bob")
        ada = scim.add("ada", **managed_by(boss))
        group = scim.add_group("Staff", ada)
        read = scim.read(ada)
        references = {
            read["meta"]["location"]: ada,
            read[ENT]["manager"]["$ref"]: boss,
            read["groups"][0]["$ref"]: group,
            scim("GET", f"/Groups/{group}").body["members"][0]["$ref"]: ada,
        }

        for url, scim_id in references.items():
            answer = scim("GET", relative(scim, url))
            assert (answer.status, answer.id) == (200, scim_id)

    @pytest.mark.parametrize("attribute", ["emails", "phoneNumbers", "addresses", "roles"])
    def test_at_most_one_value_is_primary(self, scim: Provider, attribute: str) -> None:
        part = "formatted" if attribute == "addresses" else "value"
        values: list[Json] = [{part: f"{n}@example.com", "primary": True} for n in (1, 2)]

        for who, sent in (("ada", values), ("bea", values[::-1])):
            answer = scim("POST", "/Users", someone(who, **{attribute: sent}))
            if answer.status == 201:
                shown = answer.body.get(attribute, [])
                assert sum(one.get("primary", False) for one in shown) <= 1

    @pytest.mark.parametrize("nothing", [None, []], ids=["null", "empty"])
    def test_null_and_empty_list_mean_no_value(self, scim: Provider, nothing: Any) -> None:
        ada = scim.add("ada", title="Countess", phoneNumbers=[{"value": "1"}])

        body = someone("ada") | {"title": None, "phoneNumbers": nothing}
        answer = scim("PUT", f"/Users/{ada}", body)

        assert not {"title", "phoneNumbers"} & answer.body.keys()
        assert scim.find("not (phoneNumbers pr) and title eq null").names == ["ada"]


class TestSection3Resources:
    def test_schemas_list_the_extensions_in_use(self, scim: Provider) -> None:
        ada = scim.add("ada", schemas=[USER, USER, ENT, ENT])
        group = scim.add_group("Staff", ada)
        published = {one["id"] for one in schemas(scim)}

        for path in (f"/Users/{ada}", f"/Groups/{group}"):
            named = scim("GET", path).body["schemas"]
            assert len(named) == len(set(named)) > 0
            assert set(named) <= published
        assert scim.read(ada)["schemas"] == [USER, ENT, RAMP]

    def test_order_of_schemas_does_not_matter(self, scim: Provider) -> None:
        ada = scim.add("ada", schemas=[RAMP, ENT, USER])
        bea = scim.add("bea", schemas=[USER, ENT, RAMP])

        assert scim.read(ada)["schemas"] == scim.read(bea)["schemas"]

    def test_id_is_chosen_by_ramp_and_never_changes(self, scim: Provider) -> None:
        ids = [scim.add(who, id="mine") for who in ("ada", "bea")]
        ids.append(scim.add_group("Staff"))

        assert len(set(ids)) == 3
        assert not any("bulkid" in one.lower() or one == "mine" for one in ids)
        scim.replace(ids[0], "userName", "countess@example.com")
        assert scim.find('userName eq "countess@example.com"').body["Resources"][0]["id"] == ids[0]

    def test_external_id_is_never_set_by_ramp(self, scim: Provider) -> None:
        assert "externalId" not in scim.read(scim.add("ada"))
        group = scim.add_group("Staff")
        assert "externalId" not in scim("GET", f"/Groups/{group}").body

    @pytest.mark.parametrize(
        ("path", "body"), [("/Users", someone()), ("/Groups", {"displayName": "Staff"})]
    )
    def test_meta_is_set_by_ramp(self, scim: Provider, path: str, body: Json) -> None:
        answer = scim("POST", path, body | {"meta": {"created": "2001-01-01T00:00:00Z"}})

        meta = answer.body["meta"]
        assert meta["created"] == meta["lastModified"]
        assert not meta["created"].startswith("2001")
        assert meta["location"] == answer.headers["Location"]
        assert re.fullmatch(r'W/"\d+"', meta["version"])
        read = scim("GET", f"{path}/{answer.id}")
        assert read.headers.get("Content-Location", meta["location"]) == meta["location"]

    def test_extension_is_an_object_below_its_urn(self, scim: Provider) -> None:
        read = scim.read(scim.add("ada"))

        assert read[ENT]["department"] == "Research"
        assert read[RAMP]["location"] == "London"
        assert "department" not in read


class TestSection4Resources:
    @pytest.mark.parametrize("name", [None, "", "  "])
    def test_user_name_is_required(self, scim: Provider, name: str | None) -> None:
        assert scim("POST", "/Users", someone() | {"userName": name}).status == 400

    def test_password_is_never_returned(self, scim: Provider) -> None:
        answer = scim("POST", "/Users", someone(password="correct horse"))
        ada = answer.id

        values = [
            answer.content,
            scim("GET", f"/Users/{ada}?attributes=password").content,
            scim.replace(ada, "password", "correct horse").content,
            scim("GET", "/Users").content,
        ]
        assert not any(b"horse" in content or b"password" in content for content in values)

    def test_memberships_are_changed_only_at_the_group(self, scim: Provider) -> None:
        ada, group = scim.add("ada"), scim.add_group("Staff")

        refused = scim.patch(ada, {"op": "add", "path": "groups", "value": [{"value": group}]})
        scim("PUT", f"/Users/{ada}", someone("ada", groups=[{"value": group}]))

        assert (refused.status, refused.body["scimType"]) == (400, "mutability")
        assert "groups" not in scim.read(ada)
        members = {"op": "add", "path": "members", "value": [{"value": ada}]}
        scim("PATCH", f"/Groups/{group}", {"Operations": [members]})
        [result] = scim.read(ada)["groups"]
        assert (result["value"], result["type"]) == (group, "direct")

    def test_member_value_is_the_user_id(self, scim: Provider) -> None:
        ada = scim.add("ada", externalId="x")

        [member] = scim("GET", f"/Groups/{scim.add_group('Staff', ada)}").body["members"]

        assert (member["value"], member["type"]) == (ada, "User")


class TestSections5To7Discovery:
    def test_service_provider_config_has_all_required_attributes(self, scim: Provider) -> None:
        config = scim("GET", "/ServiceProviderConfig").body

        for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
            assert isinstance(config[name]["supported"], bool), name
        assert isinstance(config["bulk"]["maxOperations"], int)
        assert isinstance(config["bulk"]["maxPayloadSize"], int)
        assert isinstance(config["filter"]["maxResults"], int)
        for scheme in config["authenticationSchemes"]:
            assert {"type", "name", "description"} <= scheme.keys()

    def test_resource_types_name_published_schemas(self, scim: Provider) -> None:
        published = {one["id"] for one in schemas(scim)}
        types = scim("GET", "/ResourceTypes").body["Resources"]

        assert {one["name"]: one["endpoint"] for one in types} == {
            "User": "/Users",
            "Group": "/Groups",
        }
        for one in types:
            assert one["schema"] in published
            extensions = one.get("schemaExtensions", [])
            assert {extension["schema"] for extension in extensions} <= published
            assert all(extension["required"] is False for extension in extensions)
            assert scim("GET", one["endpoint"]).status == 200
            assert scim("GET", f"/ResourceTypes/{one['id']}").body == one

    def test_each_schema_has_an_id_and_a_name(self, scim: Provider) -> None:
        for one in schemas(scim):
            assert one["id"].startswith("urn:ietf:params:scim:schemas:")
            assert one["name"]
            assert scim("GET", f"/Schemas/{one['id']}").body == one
        assert {USER, GROUP, ENT, RAMP} <= {one["id"] for one in schemas(scim)}

    def test_values_keep_their_case(self, scim: Provider) -> None:
        ada = scim.add("ada", externalId="aBc", title="CounTess")

        assert (scim.read(ada)["externalId"], scim.read(ada)["title"]) == ("aBc", "CounTess")

    def test_read_only_attributes_cannot_be_patched(self, scim: Provider) -> None:
        ada = scim.add("ada")
        before = scim.read(ada)
        core = next(one for one in schemas(scim) if one["id"] == USER)
        fixed = [one["name"] for one in core["attributes"] if one["mutability"] == "readOnly"]

        assert "groups" in fixed
        for name in (*fixed, "id", "meta"):
            answer = scim.replace(ada, name, [{"value": NOBODY}])
            assert (answer.status, answer.body["scimType"]) == (400, "mutability"), name
        assert scim.read(ada) == before
