"""The forms in which identity providers send roles."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from people.models import Person
from scim.models import Connection, RequestLog, ScimUser, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Json, Provider, someone
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

REFUSAL = "User is not eligible to receive assigned role"
COUNTESS = {"givenName": "Countess", "familyName": "Lovelace"}

# How administrators of Okta, Entra and Rippling configure roles to be sent.
FORMS: dict[str, tuple[str, Any]] = {
    "Okta: rampUserRole": (
        "okta",
        lambda value: [{"type": "rampUserRole", "value": value}],
    ),
    "Okta: rampUserRole among others": (
        "okta",
        lambda value: [
            {"type": "department", "value": "Owner", "primary": True},
            {"type": "rampUserRole", "value": value},
        ],
    ),
    "Entra: SingleAppRoleAssignment": (
        "entra",
        lambda value: [
            {"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": value}
        ],
    ),
    "Entra: AppRoleAssignmentsComplex": (
        "entra",
        lambda value: [{"value": json.dumps({"id": "1c2d", "value": value, "displayName": value})}],
    ),
    "Entra: AssertiveAppRoleAssignmentsComplex": (
        "entra",
        lambda value: [{"value": value, "displayName": value}],
    ),
    "Entra: a plain String": ("entra", lambda value: value),
    "Rippling: a bare string": ("rippling", lambda value: value),
    "Rippling: bare strings in a list": ("rippling", lambda value: [value]),
    "generic: one value": ("generic", lambda value: [{"value": value}]),
}
each_form = pytest.mark.parametrize(("provider", "form"), FORMS.values(), ids=FORMS)

# Role codes that every provider may send.
CODES = {
    "BUSINESS_ADMIN": Person.Role.ADMIN,
    "BUSINESS_USER": Person.Role.CARDHOLDER,
    "BUSINESS_BOOKKEEPER": Person.Role.BOOKKEEPER,
    "GUEST_USER": Person.Role.GUEST,
    "IT_ADMIN": Person.Role.IT_ADMIN,
}
APP_ROLES = {
    "Admin": Person.Role.ADMIN,
    "Cardholder": Person.Role.CARDHOLDER,
    "Bookkeeper": Person.Role.BOOKKEEPER,
    "Guest": Person.Role.GUEST,
    "IT Admin": Person.Role.IT_ADMIN,
}
FORBIDDEN = ["Manager", "MANAGER", "EMPEROR", "business_admin", "Owner", "owner", "admin"]


def connected(connect: Connect, provider: str) -> Provider:
    # The policy “hold” would store refused resources and answer 2xx.
    return connect(provider, incomplete_policy="refuse")


def ada() -> Person:
    ada: Person = Person.objects.get(email="ada@example.com")
    return ada


@each_form
@pytest.mark.parametrize(("value", "role"), CODES.items())
def test_role_is_assigned_to_new_person(
    connect: Connect, provider: str, form: Any, value: str, role: str
) -> None:
    connected(connect, provider).add(roles=form(value))

    assert (ada().role, ada().role_source) == (role, f"scim:{provider}")


@each_form
@pytest.mark.parametrize("value", ["BUSINESS_ADMIN", "BUSINESS_BOOKKEEPER", "IT_ADMIN"])
@pytest.mark.parametrize("op", ["add", "Replace"])
def test_role_is_assigned_by_patch(
    connect: Connect, provider: str, form: Any, value: str, op: str
) -> None:
    scim = connected(connect, provider)
    scim_id = scim.add()

    answer = scim.patch(scim_id, {"op": op, "path": "roles", "value": form(value)})

    assert answer.status == 200
    assert ada().role == CODES[value]


@each_form
@pytest.mark.parametrize("value", FORBIDDEN)
def test_unknown_or_forbidden_role_is_refused(
    connect: Connect, provider: str, form: Any, value: str
) -> None:
    answer = connected(connect, provider)("POST", "/Users", someone(roles=form(value)))

    assert (answer.status, answer.detail) == (400, REFUSAL)
    error = SyncError.objects.open().get()
    assert (error.reason, error.offending_value) == ("invalid-role-assignment", value)
    assert not Person.objects.filter(email="ada@example.com").exists()


@each_form
def test_existing_employee_cannot_become_guest(connect: Connect, provider: str, form: Any) -> None:
    scim = connected(connect, provider)
    scim_id = scim.add()

    answer = scim("PUT", f"/Users/{scim_id}", someone(roles=form("GUEST_USER")))

    assert (answer.status, answer.detail) == (400, REFUSAL)
    assert ada().role == Person.Role.CARDHOLDER


@each_form
def test_guest_role_sent_again_for_guest_is_accepted(
    connect: Connect, provider: str, form: Any
) -> None:
    scim = connected(connect, provider)
    scim_id = scim.add(roles=form("GUEST_USER"))

    answer = scim("PUT", f"/Users/{scim_id}", someone(roles=form("GUEST_USER"), title="Visitor"))

    assert answer.status == 200
    assert ada().role == Person.Role.GUEST


@each_form
def test_role_is_kept_when_provider_stops_sending_one(
    connect: Connect, provider: str, form: Any
) -> None:
    scim = connected(connect, provider)
    scim_id = scim.add(roles=form("BUSINESS_BOOKKEEPER"))

    silences: list[Json] = [{}, {"roles": []}, {"roles": None}]
    for roles in silences:
        assert scim("PUT", f"/Users/{scim_id}", someone(**roles)).status == 200

    assert ada().role == Person.Role.BOOKKEEPER


@pytest.mark.parametrize(("value", "role"), APP_ROLES.items())
def test_entra_app_role_names_are_accepted(connect: Connect, value: str, role: str) -> None:
    connect("entra").add(roles=value)

    assert ada().role == role


@pytest.mark.parametrize("provider", ["okta", "rippling", "generic"])
@pytest.mark.parametrize("value", APP_ROLES)
def test_app_role_names_are_refused_from_other_providers(
    connect: Connect, provider: str, value: str
) -> None:
    answer = connected(connect, provider)("POST", "/Users", someone(roles=[{"value": value}]))

    assert (answer.status, answer.detail) == (400, REFUSAL)


class TestOwnerRole:
    """A provider may assign Owner only if an Owner allowed it, and Entra never."""

    @pytest.mark.parametrize("may_assign_owner", [True, False])
    @pytest.mark.parametrize("provider", ["okta", "rippling", "generic", "entra"])
    def test_new_owner_needs_permission_and_is_never_accepted_from_entra(
        self, connect: Connect, provider: str, *, may_assign_owner: bool
    ) -> None:
        scim = connected(connect, provider)
        Connection.objects.update(may_assign_owner=may_assign_owner)

        answer = scim("POST", "/Users", someone(roles=[{"value": "BUSINESS_OWNER"}]))

        is_allowed = may_assign_owner and provider != "entra"
        assert answer.status == (201 if is_allowed else 400)
        assert is_allowed or answer.detail == REFUSAL

    @pytest.mark.parametrize("provider", ["okta", "rippling", "generic", "entra"])
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_existing_person_cannot_become_owner(
        self, connect: Connect, provider: str, method: str
    ) -> None:
        scim = connected(connect, provider)
        scim_id = scim.add()

        if method == "PUT":
            document = someone(roles=[{"value": "BUSINESS_OWNER"}])
            answer = scim("PUT", f"/Users/{scim_id}", document)
        else:
            answer = scim.replace(scim_id, "roles", [{"value": "BUSINESS_OWNER"}])

        assert (answer.status, answer.detail) == (400, REFUSAL)
        assert ada().role == Person.Role.CARDHOLDER

    def test_existing_owner_is_updated_when_provider_repeats_owner(self, connect: Connect) -> None:
        scim = connect("okta", may_assign_owner=True)
        scim_id = scim.add(roles=[{"value": "BUSINESS_OWNER"}])
        Connection.objects.update(may_assign_owner=False)

        document = someone(roles=[{"value": "BUSINESS_OWNER"}], name=COUNTESS)

        assert scim("PUT", f"/Users/{scim_id}", document).status == 200
        assert (ada().given_name, ada().role) == ("Countess", Person.Role.OWNER)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "Bookkeeper"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Bookkeeper"},
        {"op": "Replace", "path": "roles", "value": "Bookkeeper"},
        {"op": "Add", "path": "roles", "value": [{"value": '{"value": "Bookkeeper"}'}]},
        {"op": "Replace", "path": "roles", "value": [{"value": "Bookkeeper"}]},
    ],
    ids=["by filter", "added by filter", "plain", "complex", "assertive"],
)
def test_role_is_changed_by_patches_of_entra(connect: Connect, operation: Json) -> None:
    entra = connect("entra")
    scim_id = entra.add()

    assert entra.patch(scim_id, operation).status == 200

    assert ada().role == Person.Role.BOOKKEEPER


@pytest.mark.parametrize("provider", ["okta", "entra"])
def test_highest_of_several_roles_is_assigned(connect: Connect, provider: str) -> None:
    roles = [{"value": "BUSINESS_BOOKKEEPER"}, {"value": "BUSINESS_ADMIN"}, {"value": "EMPEROR"}]

    connect(provider).add(roles=roles)

    assert ada().role == Person.Role.ADMIN


def test_role_is_ignored_if_ramp_administrators_assign_roles(connect: Connect) -> None:
    scim = connect(role_source="ramp")

    scim.add(roles=[{"type": "rampUserRole", "value": "EMPEROR"}])

    assert ada().role == Person.Role.CARDHOLDER


class TestLastConfirmationOfRole:
    def test_role_is_confirmed_by_each_request_that_sends_it(
        self, scim: Provider, owner: Person
    ) -> None:
        scim_id = scim.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        ago = timezone.now() - timedelta(days=9)
        ScimUser.objects.update(modified_at=ago)
        RequestLog.objects.update(received_at=ago)
        before = person_page(owner)

        scim.replace(scim_id, "title", "Countess")

        assert f'Last confirmed on <time datetime="{ago:%Y-%m-%d}' in before
        assert f'Last confirmed on <time datetime="{timezone.now():%Y-%m-%d}' in person_page(owner)

    def test_role_is_not_confirmed_by_refused_request(self, scim: Provider, owner: Person) -> None:
        scim_id = scim.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        ago = timezone.now() - timedelta(days=9)
        ScimUser.objects.update(modified_at=ago)
        RequestLog.objects.update(received_at=ago)

        scim.replace(scim_id, "roles", "EMPEROR")

        assert f'Last confirmed on <time datetime="{ago:%Y-%m-%d}' in person_page(owner)

    def test_default_role_is_not_confirmed(self, scim: Provider, owner: Person) -> None:
        scim.add()

        page = person_page(owner)

        assert "Cardholder</strong> · default (Okta sent no role)" in page
        assert "Last confirmed" not in page

    def test_manually_assigned_role_is_not_confirmed(self, scim: Provider, owner: Person) -> None:
        scim.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        Person.objects.update(role_source="person:owner@example.com")

        assert "Last confirmed" not in person_page(owner)


def person_page(owner: Person) -> str:
    return text_of(signed_in(owner).get(f"/people/{ada().pk}/"))
