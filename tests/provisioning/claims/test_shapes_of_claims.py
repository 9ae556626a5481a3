"""Claims in the shapes that providers send.

The cases are from public threads about Keycloak, Entra, Zitadel, Auth0, wso2 and others.
"""

from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.factories import core
from tests.services.fake_openid import Json, OpenIdProvider
from tests.support.openid_flow import ADA, connected, people, sign_in, the_attempt
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db

ZITADEL = "urn:zitadel:iam:org:project:roles"
INA = {"sub": "ina", "email": "ina@acme.example", "email_verified": True}


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    with tenancy.use(acme):
        core.owner()
    return connected(acme, openid)


def role_after(
    claims: Json, provider: IdentityProvider, openid: OpenIdProvider, group: str = "fin"
) -> str:
    """Sign a new person in, and return their role."""
    with tenancy.use(provider.tenant):
        mapping(provider, group, Person.Role.BOOKKEEPER)
    openid.user = INA | {"given_name": "Ina", "family_name": "Case"} | claims
    sign_in(Client(), provider, openid)
    with tenancy.use(provider.tenant):
        return str(Person.objects.get(email="ina@acme.example").role)


def person(provider: IdentityProvider, email: str = "ada@acme.example") -> Person:
    with tenancy.use(provider.tenant):
        found: Person = Person.objects.get(email=email)
        return found


READABLE: dict[str, Any] = {
    "a list of text": ["staff", "fin"],
    "one text": "fin",
    "objects with a name": [{"name": "staff"}, {"name": "fin"}],
    "objects with a displayName": [{"displayName": "fin"}],
    "objects with an id": [{"id": "fin", "displayName": "Finance"}],
    "SCIM's objects": [{"value": "fin", "display": "Finance", "$ref": "…/Groups/fin"}],
    "one object": {"id": "fin", "name": "Finance"},
    "a list in a list": [["fin", "staff"], ["more"]],
    "a roles object": {"fin": {"2845": "acme.zitadel.cloud"}, "staff": {"2845": "acme"}},
    "a list of roles objects": [{"fin": {"2845": "acme.zitadel.cloud"}}],
    "an object with an unusual name": [{"id": "fin", "name": "x" * 900}],
}
UNREADABLE: dict[str, Any] = {
    "true": True,
    "a number": 12,
    "an object without a name": [{"colour": "fin"}],
    "an object of lists": {"fin": ["ada"]},
    "an object of flags": {"fin": True},
    "an empty object": {},
    "null among groups": ["fin", None],
    "an id that is null": [{"id": None, "name": "fin"}],
    "a fraction": [1.5],
    "an empty text": "",
    "an empty text in a list": ["fin", ""],
    "text with commas": "fin,staff",
    "text with semicolons": "fin;staff",
    "JSON in a text": '["fin"]',
    "lists without end": [[[[[[[[["fin"]]]]]]]]],
}


class TestGroups:
    @pytest.mark.parametrize("values", READABLE.values(), ids=READABLE.keys())
    def test_readable_groups_grant_the_role(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        assert role_after({"groups": values}, corp, openid) == Person.Role.BOOKKEEPER

    @pytest.mark.parametrize(
        "values", [[12], [{"id": 12}], [{"value": 12, "display": "x"}]], ids=str
    )
    def test_numeric_group_id_grants_the_role(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        assert role_after({"groups": values}, corp, openid, "12") == Person.Role.BOOKKEEPER

    @pytest.mark.parametrize(
        ("path", "claims"),
        [
            (ZITADEL, {ZITADEL: {"fin": {"2845": "acme.zitadel.cloud"}}}),
            ("realm_access.roles", {"realm_access": {"roles": ["fin"]}}),
            ("resource_access.ramp.roles", {"resource_access": {"ramp": {"roles": ["fin"]}}}),
            ("https://acme.example/groups", {"https://acme.example/groups": ["fin"]}),
            ("https://acme.example/app.roles", {"https://acme.example/app": {"roles": "fin"}}),
            ("resource_access.a.b.roles", {"resource_access": {"a.b": {"roles": ["fin"]}}}),
            ("groups.name", {"groups": [{"id": "g1", "name": "fin"}, {"id": 2, "name": "x"}]}),
        ],
        ids=str,
    )
    def test_groups_claim_may_be_a_path(
        self, acme: Tenant, openid: OpenIdProvider, path: str, claims: Json
    ) -> None:
        corp = connected(acme, openid, groups_claim=path)

        assert role_after(claims, corp, openid) == Person.Role.BOOKKEEPER

    @pytest.mark.parametrize(
        ("separator", "text"),
        [(",", "fin, staff"), (";", "fin;staff;"), (" ", " fin  staff"), ("|", "fin|staff")],
    )
    def test_groups_are_split_at_the_configured_separator(
        self, acme: Tenant, openid: OpenIdProvider, separator: str, text: str
    ) -> None:
        corp = connected(acme, openid, groups_separator=separator)

        assert role_after({"groups": text}, corp, openid) == Person.Role.BOOKKEEPER

    def test_separator_none_keeps_the_text_as_one_group(
        self, acme: Tenant, openid: OpenIdProvider
    ) -> None:
        corp = connected(acme, openid, groups_separator="none")

        role = role_after({"groups": "Sales, fin"}, corp, openid, "Sales, fin")

        assert role == Person.Role.BOOKKEEPER

    @pytest.mark.parametrize("values", UNREADABLE.values(), ids=UNREADABLE.keys())
    def test_unreadable_groups_change_no_role_and_warn(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        assert role_after({"groups": ["fin"]}, corp, openid) == Person.Role.BOOKKEEPER

        openid.user["groups"] = values
        sign_in(Client(), corp, openid)

        assert person(corp, "ina@acme.example").role == Person.Role.BOOKKEEPER
        [warning] = the_attempt().warnings
        assert warning.startswith("Roles from groups did not change: the claim “groups” ")

    @pytest.mark.parametrize(
        "values",
        [
            [{"id": "g1", "name": "fin"}, {"id": "g2", "name": "staff"}],
            [{"value": "g1", "display": "fin"}],
            [{"id": "g\0", "name": "fin"}],
            "fin staff",
            ["fin,staff"],
        ],
        ids=str,
    )
    def test_groups_in_a_changed_form_change_no_role_and_warn(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        assert role_after({"groups": ["fin"]}, corp, openid) == Person.Role.BOOKKEEPER

        openid.user["groups"] = values
        sign_in(Client(), corp, openid)

        assert person(corp, "ina@acme.example").role == Person.Role.BOOKKEEPER
        assert "sent the group “fin” earlier, and now sends" in the_attempt().warnings[0]

    @pytest.mark.parametrize("claim", ["groups", "hd"])
    def test_nul_character_is_replaced_in_the_log(
        self, acme: Tenant, openid: OpenIdProvider, claim: str
    ) -> None:
        corp = connected(acme, openid, restrict_to={"hosted_domains": ["acme.example"]})
        openid.user |= {"hd": "acme.example"} | {claim: "acme.example;\0"}

        response = sign_in(Client(), corp, openid)

        attempt = the_attempt()
        assert response.status_code == (302 if claim == "groups" else 403)
        assert "acme.example;�" in attempt.detail + " ".join(attempt.warnings)

    def test_groups_in_a_changed_form_apply_once_mapped(
        self, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        role_after({"groups": ["fin"]}, corp, openid)
        with tenancy.use(acme):
            mapping(corp, "g1", Person.Role.ADMIN)

        openid.user["groups"] = [{"id": "g1", "name": "fin"}]
        sign_in(Client(), corp, openid)

        assert person(corp, "ina@acme.example").role == Person.Role.ADMIN

    def test_empty_groups_revoke_the_role(
        self, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        role_after({"groups": ["fin"]}, corp, openid)

        openid.user["groups"] = []
        sign_in(Client(), corp, openid)

        assert person(corp, "ina@acme.example").role == Person.Role.CARDHOLDER


class TestNames:
    @pytest.mark.parametrize(
        "document",
        [
            {"given_name": ["Ina"], "family_name": ["Case"]},
            {"given_name": "Ina", "family_name": {"value": "Case"}},
            {"name": "Ina Case"},
            {"name": {"formatted": "Ina Case"}},
            {"name": "Case, Ina"},
            {"name": ["Case, Ina"]},
            {"given_name": {"en": "I."}, "name": "Case,Ina"},
            {"email": ["ina.case@acme.example"]},
        ],
        ids=str,
    )
    def test_name_of_a_new_person_is_read(
        self, corp: IdentityProvider, openid: OpenIdProvider, document: Json
    ) -> None:
        openid.user = INA | document

        sign_in(Client(), corp, openid)

        [email] = [one for one in people() if one.startswith("ina")]
        assert person(corp, email).full_name == "Ina Case"

    @pytest.mark.parametrize(
        "document",
        [
            {"given_name": None, "family_name": None},
            {"family_name": ""},
            {"family_name": None, "name": "Ada"},
            {"given_name": None, "family_name": None, "name": "King, Augusta"},
            {"given_name": ["Ada"], "family_name": ["Lovelace"]},
            {"given_name": ["Ada", "Augusta"]},
            {"family_name": {"latin": "King"}},
            {"given_name": 12.5, "family_name": True},
            {"email": ["ada@acme.example"]},
            {"email": ["ada@acme.example", "ada@king.example"]},
            {"email": {"work": "ada@king.example"}},
            {"email": None},
        ],
        ids=str,
    )
    def test_known_name_and_address_stay(
        self, corp: IdentityProvider, openid: OpenIdProvider, document: Json
    ) -> None:
        sign_in(Client(), corp, openid)
        openid.user = {name: one for name, one in (ADA | document).items() if one is not None}

        sign_in(Client(), corp, openid)

        ada = person(corp)
        assert (ada.full_name, ada.pending_email) == ("Ada Lovelace", "")

    def test_unreadable_name_is_logged(
        self, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user["family_name"] = {"latin": "King"}

        sign_in(Client(), corp, openid)

        assert "The claim “family_name” is an object, not text. It changes nothing." in (
            the_attempt().warnings
        )

    def test_changed_name_is_stored(self, corp: IdentityProvider, openid: OpenIdProvider) -> None:
        sign_in(Client(), corp, openid)
        openid.user["family_name"] = ["King"]

        sign_in(Client(), corp, openid)

        assert person(corp).full_name == "Ada King"

    def test_name_from_a_full_name_follows_its_changes(
        self, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user = INA | {"name": "Case, Ina"}
        sign_in(Client(), corp, openid)
        openid.user["name"] = "Caseley, Ina"

        sign_in(Client(), corp, openid)

        assert person(corp, "ina@acme.example").full_name == "Ina Caseley"


class TestEmailVerified:
    @pytest.mark.parametrize(
        "values", [0, "0", "false", "False", "no", "maybe", [], [False], {}], ids=str
    )
    def test_false_values_are_refused(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        openid.user["email_verified"] = values

        response = sign_in(Client(), corp, openid)

        assert response.status_code == 403
        assert the_attempt().reason == "unverified-email"

    @pytest.mark.parametrize("values", [True, "true", "True", 1, "1", [True], ["true"]], ids=str)
    def test_true_values_are_accepted(
        self, corp: IdentityProvider, openid: OpenIdProvider, values: Any
    ) -> None:
        openid.user["email_verified"] = values

        assert sign_in(Client(), corp, openid).status_code == 302

    def test_unreadable_address_is_refused(
        self, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user["email"] = ["ada@acme.example", "countess@acme.example"]

        sign_in(Client(), corp, openid)

        attempt = the_attempt()
        assert attempt.reason == "no-email"
        assert "The claim “email” has several values." in attempt.detail
