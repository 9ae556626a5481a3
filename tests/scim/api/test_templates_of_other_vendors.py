"""Requests of templates and connectors that other vendors publish.

The vendors publish no logs. The requests follow their pages, with the values of public templates.
"""

import pytest

from people.models import Person
from scim.models import ScimUser, SyncError
from tests.clients.scim import ENT, GROUP, PATCH, RAMP, USER, Json, Provider
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

FACEBOOK = "urn:ietf:params:scim:schemas:extension:facebook:accountstatusdetails:2.0:User"


@pytest.fixture
def scim(connect: Connect) -> Provider:
    return connect("generic")


def person(user_name: str = "ada@example.com") -> Person:
    user = ScimUser.objects.select_related("person").get(user_name_key=user_name)
    assert user.person
    return user.person


def facts(one: Person) -> tuple[str, str, str, bool]:
    profile = one.profile
    return profile.given_name, profile.department, profile.location, one.is_active


def test_saviynt_provisions_people(scim: Provider) -> None:
    """Administrators of Saviynt write the bodies; booleans are text, and a space means no value.

    From an attachment of Saviynt's forum, “Workplace Meta JSONs”.
    """
    body = {
        "schemas": [USER, ENT, FACEBOOK],
        "externalId": "ada",
        "name": {"formatted": "Ada King", "familyName": "King", "givenName": "Ada"},
        "userName": "ada@example.com",
        "profileUrl": " ",
        "photos": [{"value": "https://example.com/x", "type": "profile", "primary": "true"}],
        "emails": [{"value": "ada@example.com", "display": "Ada", "primary": "false"}],
        "phoneNumbers": [{"value": "+1-416-555-1212", "type": "work", "primary": "true"}],
        "addresses": [{"formatted": "Toronto", "locality": "Toronto", "primary": "true"}],
        "active": "true",
        ENT: {"department": "Legal", "manager": {"managerId": ""}},
        FACEBOOK: {"invited": "true", "inviteDate": 1570137304},
    }

    answer = scim("POST", "/Users", body)

    assert answer.status == 201
    assert answer.body[FACEBOOK] == {"invited": "true", "inviteDate": "1570137304"}
    assert facts(person()) == ("Ada", "Legal", "Toronto", True)

    off = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": "false"}}]}
    assert scim("PATCH", f"/Users/{answer.id}", off).status == 200
    assert not person().is_active
    assert scim("PUT", f"/Users/{answer.id}", body | {"active": "TRUE"}).status == 200
    assert person().is_active


def test_sailpoint_provisions_people(scim: Provider) -> None:
    """The connector reads the discovery endpoints, and updates by PATCH or PUT.

    See https://documentation.sailpoint.com/connectors/saas/scim_2_0/help/saas_connectivity/
    scim_2_0_saas/prerequisites.html. Several work addresses: scimgateway #58.
    """
    for path in ("ServiceProviderConfig", "ResourceTypes", "Schemas"):
        assert scim("GET", f"/{path}").status == 200
    for kind in ("User", "Group"):
        assert scim("GET", f"/ResourceTypes/{kind}").body["name"] == kind
    assert scim("GET", "/Users?startIndex=1&count=100").body["totalResults"] == 0
    body = {
        "schemas": [USER],
        "userName": "ada@example.com",
        "password": "Xy1!temp",
        "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [{"type": "work", "value": "ada@example.com"}],
        "addresses": [
            {"type": "work", "locality": "Austin"},
            {"type": "work", "locality": "Pune", "primary": True},
        ],
        "active": True,
        ENT: {"department": "Legal", "employeeNumber": 4711},
    }

    answer = scim("POST", "/Users", body)

    assert answer.status == 201
    assert "password" not in answer.body
    assert facts(person()) == ("Ada", "Legal", "Pune", True)

    group = scim.add_group("Auditors")
    add = {"op": "add", "path": "members", "value": [{"value": answer.id}]}
    gone = {"op": "remove", "path": f'members[value eq "{answer.id}"]'}
    for operation, members in ((add, 1), (gone, 0)):
        change = {"schemas": [PATCH], "Operations": [operation]}
        assert scim("PATCH", f"/Groups/{group}", change).status == 204
        assert len(scim("GET", f"/Groups/{group}").body.get("members", [])) == members

    scim.patch(answer.id, {"op": "replace", "path": f"{ENT}:department", "value": "Sales"})
    scim.patch(answer.id, {"op": "replace", "path": "active", "value": False})
    assert facts(person()) == ("Ada", "Sales", "Pune", False)


def test_cyberark_provisions_people(scim: Provider) -> None:
    """CyberArk first reads a user and the schemas; it updates people by PUT and groups by PATCH.

    See https://identity-developer.cyberark.com/docs/for-more-information-about-scim-provisioning-redirected.
    """
    assert scim("GET", "/Users?count=1").status == 200
    assert scim("GET", "/ServiceProviderConfig").status == 200
    for kind in ("User", "Group"):
        assert scim("GET", f"/ResourceTypes/{kind}").status == 200
    schemas = scim("GET", "/Schemas").body["Resources"]
    assert {USER, GROUP, ENT, RAMP} <= {one["id"] for one in schemas}
    assert scim("GET", f"/Schemas/{USER}").body["name"] == "User"
    assert scim.find('userName eq "ada@example.com"').body["totalResults"] == 0
    body: Json = {
        "schemas": [USER, ENT],
        "userName": "ada@example.com",
        "displayName": "Ada King",
        "preferredLanguage": "en-US",
        "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [{"primary": True, "value": "ada@example.com", "type": "work"}],
        "addresses": [{"type": "work", "locality": "Boston"}],
        "active": True,
        ENT: {"department": "Legal"},
        "urn:scim:schemas:extension:custom:2.0": {"badge": "7"},
    }

    answer = scim("POST", "/Users", body)

    assert answer.status == 201
    assert facts(person()) == ("Ada", "Legal", "Boston", True)

    group = scim.add_group("Auditors")
    add = {"op": "add", "path": "members", "value": [{"value": answer.id}]}
    assert scim("PATCH", f"/Groups/{group}", {"Operations": [add]}).status == 204
    assert (
        scim("PUT", f"/Users/{answer.id}", body | {"id": answer.id, "active": False}).status == 200
    )
    assert not person().is_active


def test_published_onelogin_template_lacks_only_the_location(scim: Provider) -> None:
    """The enterprise template has the names of SCIM 1.1, and no location.

    See https://developers.onelogin.com/scim/define-user-schema.
    """
    old = "urn:scim:schemas:extension:enterprise:1.0"
    body: Json = {
        "schemas": ["urn:scim:schemas:core:1.0", old],
        "userName": "ada@example.com",
        "name": {"familyName": "King", "givenName": "Ada", "formatted": "Ada King"},
        "emails": {"value": "ada@example.com", "type": "work", "primary": True},
        "title": "",
        old: {"department": "Legal", "manager": {"managerId": "", "displayName": " "}},
    }

    answer = scim("POST", "/Users", body, Accept="application/json")

    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert SyncError.objects.get().message.startswith("Missing required fields: location.")

    body["addresses"] = [{"type": "work", "locality": "Oslo"}]
    assert scim("PUT", f"/Users/{answer.id}", body).status == 200
    assert facts(person()) == ("Ada", "Legal", "Oslo", True)


def test_ping_provisions_people(scim: Provider) -> None:
    """The filter contains `Eq`; the attributes are those of the core and enterprise schemas.

    See https://docs.pingidentity.com/pingone/integrations/p1_scim_filter_expressions.html.
    """
    assert scim.find('username Eq "ada@example.com"').body["totalResults"] == 0
    body: Json = {
        "schemas": [USER, ENT],
        "externalId": "0e6f",
        "userName": "ada@example.com",
        "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [{"value": "ada@example.com", "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": "Denver"}],
        "active": True,
        ENT: {"department": "Legal"},
    }

    ada = scim("POST", "/Users", body)

    assert ada.status == 201
    assert scim.find('userName Eq "ada@example.com"').body["totalResults"] == 1
    assert facts(person()) == ("Ada", "Legal", "Denver", True)


def test_jumpcloud_connection_test_creates_no_person(connect: Connect) -> None:
    """JumpCloud creates a user with few attributes and a group, and deletes both.

    See https://jumpcloud.com/support/
    provision-and-manage-users-and-groups-in-apps-using-custom-scim-identity-management-integration.
    """
    scim = connect("jumpcloud")
    body = {
        "schemas": [USER],
        "userName": "probe",
        "name": {"givenName": "Probe", "familyName": "Account"},
        "emails": [{"value": "probe@example.com", "type": "work", "primary": True}],
        "active": True,
    }

    probe = scim("POST", "/Users", body)
    group = scim.add_group("probe", probe.id)

    assert probe.status == 201
    assert not Person.objects.filter(email="probe@example.com").exists()
    assert scim("DELETE", f"/Groups/{group}").status == 204
    assert scim("DELETE", f"/Users/{probe.id}").status == 204
    assert not SyncError.objects.open().exists()
