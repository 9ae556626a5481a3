"""Creating and updating people from SCIM users."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from people.models import CustomField, Department, Event, Invite, Location, Person, Tenant
from scim.models import Connection, RequestLog, ScimUser, SyncError
from tests.clients.scim import ENT, RAMP, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

INVALID_NAME = "Ensure first and last name are entered correctly"


def person() -> Person:
    """Return the person who is not the owner."""
    somebody: Person = Person.objects.exclude(role=Person.Role.OWNER).get()
    return somebody


def has_no_person() -> bool:
    return not Person.objects.exclude(role=Person.Role.OWNER).exists()


def missing_fields_message(*fields: str) -> str:
    return (
        f"Missing required fields: {', '.join(fields)}. "
        "Fill them in at your identity provider, and map them to SCIM."
    )


# By field: the values without it, and the message of the refusal.
GAPS = {
    "first name": ({"name": {"familyName": "Lovelace"}}, INVALID_NAME),
    "last name": ({"name": {"givenName": "Ada"}}, INVALID_NAME),
    "blank name": ({"name": {"givenName": " ", "familyName": "Lovelace"}}, INVALID_NAME),
    "unusable name": ({"name": {"givenName": "Ada", "familyName": "--"}}, INVALID_NAME),
    "email": ({"userName": "ada", "emails": []}, missing_fields_message("email")),
    "department": ({ENT: None}, missing_fields_message("department")),
    "location": ({RAMP: None}, missing_fields_message("location")),
    "both places": ({ENT: None, RAMP: None}, missing_fields_message("department", "location")),
    "all of them": (
        {"userName": "ada", "name": None, "emails": None, ENT: None, RAMP: None},
        missing_fields_message("first name", "last name", "email", "department", "location"),
    ),
}
each_gap = pytest.mark.parametrize(("values", "message"), GAPS.values(), ids=GAPS)


def test_new_person_gets_the_whole_profile(tenant: Tenant, scim: Provider) -> None:
    scim.add("ada")

    ada = person()
    assert (ada.given_name, ada.family_name, ada.email) == ("Ada", "Lovelace", "ada@example.com")
    assert (ada.role, ada.state) == (Person.Role.CARDHOLDER, Person.State.INVITED)
    assert ada.department
    assert ada.department.name == "Research"
    assert ada.location
    assert (ada.location.name, ada.location.entity) == ("London", tenant.default_entity)


def test_post_answers_with_the_whole_resource(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone("ada", externalId="X-1", title="Countess"))

    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert answer.headers["Location"] == answer.body["meta"]["location"]
    assert answer.headers["ETag"] == answer.body["meta"]["version"] == 'W/"1"'
    document = someone("ada", externalId="X-1", title="Countess")
    assert {name: answer.body[name] for name in document} == document
    assert scim.read(answer.id) == answer.body


def test_scim_id_differs_from_person_id(scim: Provider) -> None:
    assert scim.add("ada") != str(person().pk)


def test_existing_department_and_location_are_reused_in_any_case(scim: Provider) -> None:
    research, london = core.department("Research"), core.location("London")

    scim.add("ada", **{ENT: {"department": "RESEARCH"}, RAMP: {"location": "london"}})

    assert (person().department, person().location) == (research, london)
    assert (Department.objects.count(), Location.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("provider", "sent", "role"),
    [
        ("okta", [{"type": "rampUserRole", "value": "BUSINESS_ADMIN"}], Person.Role.ADMIN),
        ("okta", [{"value": "GUEST_USER"}], Person.Role.GUEST),
        ("entra", "IT Admin", Person.Role.IT_ADMIN),
        ("entra", [{"primary": True, "value": "Bookkeeper"}], Person.Role.BOOKKEEPER),
        ("entra", [{"value": '{"value":"Admin","displayName":"Admin"}'}], Person.Role.ADMIN),
        ("entra", [], Person.Role.CARDHOLDER),
    ],
)
def test_new_person_gets_the_role_sent(
    connect: Connect, provider: str, sent: Any, role: str
) -> None:
    connect(provider).add("ada", roles=sent)

    assert Person.objects.get(email="ada@example.com").role == role


def test_invite_is_valid_for_ninety_days(scim: Provider) -> None:
    scim.add("ada")

    invite = Invite.objects.get(person=person())
    assert (invite.source, invite.hold_reason) == (Invite.Source.SCIM, "")
    assert invite.expires_at - invite.created_at == timedelta(days=90)


def test_creation_is_audited_with_provider_and_request(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone("ada"))

    events = Event.objects.filter(person=person()).order_by("pk")
    assert [event.kind for event in events] == ["person.added", "invite.issued"]
    assert {event.actor for event in events} == {"scim:okta"}
    assert {str(event.request_id) for event in events} == {answer.request_id}
    assert events[0].changes["department"] == {"from": None, "to": "Research"}
    assert RequestLog.objects.get(pk=answer.request_id).status == 201


def test_provider_manages_only_the_fields_it_sent(scim: Provider) -> None:
    boss = scim.add("bob")
    scim.add("ada", **{ENT: {"department": "Research", "manager": boss}})

    ada, bob = (Person.objects.get(email=f"{name}@example.com") for name in ("ada", "bob"))
    values = {"given_name", "family_name", "email", "department", "location"}
    assert set(bob.managed_fields) == values
    assert set(ada.managed_fields) == values | {"manager"}
    assert {mark["by"] for mark in ada.managed_fields.values()} == {"scim:okta"}


def test_only_custom_fields_of_the_company_are_stored(tenant: Tenant, scim: Provider) -> None:
    CustomField.objects.create(tenant=tenant, name="Cost center", external_name="cost_center")

    scim.add("ada", **{RAMP: {"location": "London", "costCenter": "C-7", "shoeSize": "43"}})

    assert person().custom_values == {"cost_center": "C-7"}


def test_attribute_mapping_of_the_connection_applies(connect: Connect) -> None:
    okta = connect(mapping={"department": f"{ENT}:costCenter"})

    okta.add("ada", **{ENT: {"department": "Research", "costCenter": "C-7"}})

    department = person().department
    assert department
    assert department.name == "C-7"


def test_email_of_active_person_changes_only_after_confirmation(scim: Provider) -> None:
    ada = scim.add("ada")
    Person.objects.filter(pk=person().pk).update(state="active", joined_at="2026-03-02T08:00Z")

    scim.replace(ada, "emails", [mail("countess@example.com")])

    assert (person().email, person().pending_email) == ("ada@example.com", "countess@example.com")
    assert scim.read(ada)["emails"] == [mail("countess@example.com")]
    assert scim.find('emails.value eq "countess@example.com"').body["totalResults"] == 1


class TestRefusePolicy:
    @each_gap
    def test_incomplete_user_is_refused_and_nothing_is_stored(
        self, scim: Provider, values: dict[str, Any], message: str
    ) -> None:
        answer = scim("POST", "/Users", someone("ada", **values))

        assert (answer.status, answer.detail) == (400, message)
        assert answer.body["scimType"] == "invalidValue"
        assert has_no_person()
        assert not ScimUser.objects.exists()
        assert not Event.objects.exists()
        assert not Department.objects.exists()
        assert RequestLog.objects.get(pk=answer.request_id).status == 400
        row = SyncError.objects.open().get()
        assert (row.message, str(row.request_id)) == (message, answer.request_id)

    @each_gap
    def test_update_that_empties_required_field_changes_nothing(
        self, scim: Provider, values: dict[str, Any], message: str
    ) -> None:
        ada = scim.add("ada")
        before = scim.read(ada)

        answer = scim("PUT", f"/Users/{ada}", someone("ada", **values))

        assert (answer.status, answer.detail) == (400, message)
        assert scim.read(ada) == before
        assert person().profile.department == "Research"
        assert SyncError.objects.open().get().person == person()


class TestHoldPolicy:
    @each_gap
    def test_incomplete_user_is_held_until_completed(
        self, connect: Connect, values: dict[str, Any], message: str
    ) -> None:
        generic = connect("generic")

        answer = generic("POST", "/Users", someone("ada", **values))

        assert answer.status == 201
        assert has_no_person()
        assert not Invite.objects.exists()
        assert SyncError.objects.open().get().message == message

        generic.patch(answer.id, {"op": "add", "value": someone("ada")})

        assert person().email == "ada@example.com"
        assert person().invites.get().hold_reason == ""
        assert not SyncError.objects.open().exists()

    @each_gap
    def test_person_keeps_last_good_values_when_fields_are_emptied(
        self, connect: Connect, values: dict[str, Any], message: str
    ) -> None:
        generic = connect("generic")
        ada = generic.add("ada", title="Countess")
        before = person().profile

        answer = generic("PUT", f"/Users/{ada}", someone("ada", **values))

        assert answer.status == 200
        assert "title" not in generic.read(ada)
        assert person().profile == before
        assert SyncError.objects.open().get().message == message

    def test_manager_sent_before_completion_is_assigned_on_completion(
        self, connect: Connect
    ) -> None:
        generic = connect("generic")
        generic.add("bob")
        ada = generic.add("ada", **managed_by("bob@example.com"), **{RAMP: None})

        generic.replace(ada, f"{RAMP}:location", "London")

        manager = Person.objects.get(email="ada@example.com").manager
        assert manager
        assert manager.given_name == "Bob"

    def test_user_with_only_a_user_name_is_stored_as_incomplete(self, connect: Connect) -> None:
        generic = connect("generic")

        answer = generic("POST", "/Users", {"userName": "ada"})

        assert answer.status == 201
        assert ScimUser.objects.get().problem == ScimUser.Problem.INCOMPLETE


class TestFillPolicy:
    @pytest.fixture
    def rippling(self, connect: Connect) -> Provider:
        return connect("rippling", default_department="General", default_location="Berlin")

    def test_missing_department_and_location_get_the_defaults(self, rippling: Provider) -> None:
        ada = rippling.add("ada", **{ENT: None, RAMP: None})

        profile = person().profile
        assert (profile.department, profile.location) == ("General", "Berlin")
        assert ENT not in rippling.read(ada)
        assert not SyncError.objects.exists()

    def test_sent_department_takes_precedence_over_default(self, rippling: Provider) -> None:
        rippling.add("ada", **{RAMP: None})

        profile = person().profile
        assert (profile.department, profile.location) == ("Research", "Berlin")

    def test_missing_name_is_refused(self, rippling: Provider) -> None:
        answer = rippling("POST", "/Users", someone("ada", name=None))

        assert (answer.status, answer.detail) == (400, INVALID_NAME)
        assert has_no_person()

    def test_user_is_refused_without_a_default_for_the_missing_field(
        self, connect: Connect
    ) -> None:
        rippling = connect("rippling", default_department="General")

        answer = rippling("POST", "/Users", someone("ada", **{ENT: None, RAMP: None}))

        assert (answer.status, answer.detail) == (400, missing_fields_message("location"))

    def test_default_does_not_replace_last_good_value(self, rippling: Provider) -> None:
        ada = rippling.add("ada")

        answer = rippling("PUT", f"/Users/{ada}", someone("ada", **{ENT: None}))

        assert answer.status == 200
        assert person().profile.department == "Research"
        assert SyncError.objects.open().get().message == missing_fields_message("department")

    def test_update_without_department_is_complete_if_default_applies(
        self, rippling: Provider
    ) -> None:
        ada = rippling.add("ada", **{ENT: None})

        rippling("PUT", f"/Users/{ada}", someone("ada", title="Countess", **{ENT: None}))

        assert person().profile.department == "General"
        assert not SyncError.objects.exists()


class TestBeforeActivation:
    @pytest.mark.parametrize("values", [{}, {ENT: None}], ids=["complete", "incomplete"])
    def test_resource_is_stored_without_person_event_or_error(
        self, connect: Connect, values: dict[str, Any]
    ) -> None:
        okta = connect(activated_at=None)

        answer = okta("POST", "/Users", someone("ada", **values))

        assert answer.status == 201
        assert okta.read(answer.id)["userName"] == "ada@example.com"
        assert has_no_person()
        for kept in (Event, Invite, SyncError, Department):
            assert not kept.objects.exists()

    def test_first_request_after_activation_creates_person_with_manager(
        self, connect: Connect
    ) -> None:
        okta = connect(activated_at=None)
        okta.add("bob")
        ada = okta.add("ada", **managed_by("bob@example.com"))
        Connection.objects.update(activated_at=timezone.now())

        for scim_id in (ScimUser.objects.get(user_name_key="bob@example.com").scim_id, ada):
            okta.replace(str(scim_id), "title", "Countess")

        manager = Person.objects.get(email="ada@example.com").manager
        assert manager
        assert manager.given_name == "Bob"

    def test_resource_can_be_changed_and_deleted_without_a_person(self, connect: Connect) -> None:
        okta = connect(activated_at=None)
        ada = okta.add("ada")

        assert okta.replace(ada, "active", value=False).body["active"] is False
        assert okta("DELETE", f"/Users/{ada}").status == 204
        assert has_no_person()


@pytest.mark.parametrize("values", [{"emails": [mail("eve@example.com")]}, {"roles": ["EMPEROR"]}])
def test_held_user_creates_no_department_or_location(
    connect: Connect, values: dict[str, Any]
) -> None:
    scim = connect("generic")
    scim.add("eve")
    scim_id = scim.add("ada")
    moved = {ENT: {"department": "Brand-new"}, RAMP: {"location": "Atlantis"}}

    assert scim("PUT", f"/Users/{scim_id}", someone("ada", **moved, **values)).status == 200
    assert scim("POST", "/Users", someone("bob", **moved, **values)).status == 201

    assert SyncError.objects.open().count() == 2
    assert not Department.objects.filter(name="Brand-new").exists()
    assert not Location.objects.filter(name="Atlantis").exists()
