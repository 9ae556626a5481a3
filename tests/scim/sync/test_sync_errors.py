"""Changes that the rules of Ramp forbid: the refusal, and the sync error in Team updates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from people.models import Event, Person
from people.operations import people
from people.values import Actor
from scim.models import Connection, RequestLog, ScimUser, SyncError
from tests.clients.scim import RAMP, Json, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")


@dataclass(frozen=True)
class Refusal:
    """Values of Ada that are refused, and the expected sync error."""

    said: Json
    reason: str
    message: str
    offending: str
    # Sets up what the refusal needs.
    given: Callable[[Provider], object] = lambda scim: None


def bob_reports_to_ada(scim: Provider) -> None:
    scim.add("bob", **managed_by("ada@example.com"))


def guido_is_a_guest(scim: Provider) -> None:
    scim.add("guido", roles=[{"value": "GUEST_USER"}])


def new_york_uses_dollars(scim: Provider) -> None:
    core.location("New York", entity=core.entity("Ramp Inc.", currency="USD"))


def administrator_has_the_address(scim: Provider) -> None:
    core.administrator(email="Taken@example.com")


RULES = [
    Refusal(
        managed_by("bob@example.com"),
        "circular-manager",
        "Employees can't be assigned as their manager's manager",
        "bob@example.com",
        bob_reports_to_ada,
    ),
    Refusal(
        managed_by("guido@example.com"),
        "invalid-manager",
        "Manager's email is not associated with an eligible profile in Ramp",
        "guido@example.com",
        guido_is_a_guest,
    ),
    Refusal(
        managed_by("ada@example.com"),
        "self-manager",
        "Employees can't be assigned as their own manager",
        "ada@example.com",
    ),
    Refusal(
        {"emails": [mail("taken@example.com")]},
        "duplicate-email",
        "Email is already associated with another employee",
        "taken@example.com",
        administrator_has_the_address,
    ),
    Refusal(
        {"name": {"givenName": "--", "familyName": "Lovelace"}},
        "invalid-name",
        "Ensure first and last name are entered correctly",
        "--",
    ),
    Refusal(
        {RAMP: {"location": "New York"}},
        "invalid-location-change",
        "Location cannot be assigned to an entity using a different issuing currency",
        "New York",
        new_york_uses_dollars,
    ),
    Refusal(
        {"roles": [{"type": "rampUserRole", "value": "EMPEROR"}]},
        "invalid-role-assignment",
        "User is not eligible to receive assigned role",
        "EMPEROR",
    ),
]
each_rule = pytest.mark.parametrize("refusal", RULES, ids=lambda refusal: refusal.reason)
# Two of the rules need an existing person.
each_rule_for_new_people = pytest.mark.parametrize(
    "refusal",
    [one for one in RULES if "circular" not in one.reason and "location" not in one.reason],
    ids=lambda refusal: refusal.reason,
)


def ada() -> Person:
    ada: Person = Person.objects.get(email="ada@example.com")
    return ada


def stored_row() -> Json:
    row: Json = Person.objects.filter(email="ada@example.com").values().get()
    return row


def open_error() -> SyncError:
    row: SyncError = SyncError.objects.open().get()
    return row


@each_rule
def test_refusal_is_answered_and_listed_with_its_exact_message(
    scim: Provider, refusal: Refusal
) -> None:
    scim_id = scim.add("ada")
    refusal.given(scim)

    answer = scim("PUT", f"/Users/{scim_id}", someone("ada", **refusal.said))

    assert (answer.status, answer.detail) == (400, refusal.message)
    assert answer.body["scimType"] == "invalidValue"
    row = open_error()
    assert (row.reason, row.message) == (refusal.reason, refusal.message)
    assert (row.user_name, row.offending_value) == ("ada@example.com", refusal.offending)
    assert row.user
    assert (row.person, str(row.user.scim_id)) == (ada(), scim_id)
    assert (row.connection, str(row.request_id)) == (scim.connection, answer.request_id)
    logged = RequestLog.objects.get(pk=answer.request_id)
    assert (logged.status, logged.answer) == (400, answer.content.decode())


@each_rule
def test_refused_change_leaves_person_and_resource_unchanged(
    scim: Provider, refusal: Refusal
) -> None:
    scim_id = scim.add("ada")
    refusal.given(scim)
    before = scim.read(scim_id)
    row = stored_row()
    happened = Event.objects.count()

    values = {"title": "Countess", "name": {"givenName": "Augusta", "familyName": "King"}}
    answer = scim("PUT", f"/Users/{scim_id}", someone("ada", **(values | refusal.said)))

    assert answer.status == 400
    assert scim.read(scim_id) == before
    assert stored_row() == row
    assert Event.objects.count() == happened


@each_rule_for_new_people
def test_refused_creation_creates_no_user_or_person(scim: Provider, refusal: Refusal) -> None:
    refusal.given(scim)
    if refusal.reason == "invalid-role-assignment":
        core.department("Research")
    known = ScimUser.objects.count(), Person.objects.count()

    answer = scim("POST", "/Users", someone("ada", **refusal.said))

    assert (answer.status, answer.detail) == (400, refusal.message)
    assert (ScimUser.objects.count(), Person.objects.count()) == known
    row = open_error()
    assert (row.reason, row.user_name, row.person) == (refusal.reason, "ada@example.com", None)


@each_rule
def test_error_is_resolved_by_next_successful_request_for_the_person(
    scim: Provider, refusal: Refusal
) -> None:
    scim_id = scim.add("ada")
    refusal.given(scim)
    scim("PUT", f"/Users/{scim_id}", someone("ada", **refusal.said))
    assert open_error().reason == refusal.reason

    assert scim("PUT", f"/Users/{scim_id}", someone("ada", title="Countess")).status == 200

    assert not SyncError.objects.open().exists()
    assert SyncError.objects.get().resolved_at


@each_rule_for_new_people
def test_error_is_resolved_when_the_user_is_created(scim: Provider, refusal: Refusal) -> None:
    refusal.given(scim)
    scim("POST", "/Users", someone("ada", **refusal.said))

    scim("POST", "/Users", someone("ada") | {"userName": "ADA@example.com"})

    assert not SyncError.objects.open().exists()


def test_error_is_resolved_by_a_request_that_changes_the_user_name(scim: Provider) -> None:
    scim_id = scim.add("ada")
    scim.replace(scim_id, "roles", "EMPEROR")

    scim("PUT", f"/Users/{scim_id}", someone("ada", userName="countess@example.com"))

    assert not SyncError.objects.open().exists()


def test_error_is_not_resolved_by_a_request_for_somebody_else(scim: Provider) -> None:
    scim_id, other = scim.add("ada"), scim.add("bob")
    scim.replace(scim_id, "roles", "EMPEROR")

    scim.replace(other, "name.familyName", "Babbage")

    assert open_error().person == ada()


@pytest.mark.parametrize("provider", ["okta", "generic"])
@pytest.mark.parametrize(("family_name", "offending"), [("123", "123"), (None, "")])
def test_error_names_the_invalid_part_of_the_name(
    connect: Connect, provider: str, family_name: str | None, offending: str
) -> None:
    name = {"givenName": "Ada", "familyName": family_name}

    connect(provider)("POST", "/Users", someone("ada", name=name))

    row = open_error()
    assert (row.reason, row.field, row.offending_value) == (
        "invalid-name",
        "family_name",
        offending,
    )


def test_repeated_refusal_updates_the_same_error(scim: Provider) -> None:
    scim_id = scim.add("ada")
    scim.replace(scim_id, "roles", "EMPEROR")

    answer = scim.replace(scim_id, "roles", "KING")

    row = open_error()
    assert (row.offending_value, str(row.request_id)) == ("KING", answer.request_id)


class TestDismissedError:
    @pytest.fixture
    def ada_id(self, scim: Provider) -> str:
        ada_id = scim.add("ada")
        scim.replace(ada_id, "roles", "EMPEROR")
        SyncError.objects.all().dismiss(actor=HELPDESK, because="Known")
        return ada_id

    def test_is_not_listed_again_for_the_same_value(self, scim: Provider, ada_id: str) -> None:
        scim.replace(ada_id, "title", "Countess")

        scim.replace(ada_id, "roles", "EMPEROR")

        row = SyncError.objects.get()
        assert (row.times, row.dismissed_reason) == (2, "Known")

    def test_another_value_is_listed(self, scim: Provider, ada_id: str) -> None:
        scim.replace(ada_id, "roles", "KING")

        assert open_error().offending_value == "KING"

    def test_same_value_is_listed_again_after_a_good_value(
        self, scim: Provider, ada_id: str
    ) -> None:
        scim.replace(ada_id, "roles", "BUSINESS_BOOKKEEPER")

        scim.replace(ada_id, "roles", "EMPEROR")

        assert open_error().offending_value == "EMPEROR"

    def test_another_reason_is_listed(self, scim: Provider, ada_id: str) -> None:
        scim.replace(ada_id, "name.givenName", "--")

        assert open_error().reason == "invalid-name"

    def test_same_value_of_another_person_is_listed(self, scim: Provider, ada_id: str) -> None:
        scim.replace(scim.add("bob"), "roles", "EMPEROR")

        assert open_error().user_name == "bob@example.com"


def test_each_reason_is_listed_as_its_own_error(scim: Provider) -> None:
    scim_id = scim.add("ada")
    scim.replace(scim_id, "roles", "EMPEROR")
    scim.replace(scim_id, "name.givenName", "--")

    reasons = SyncError.objects.open().order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["invalid-role-assignment", "invalid-name"]


def test_employee_cannot_become_guest(scim: Provider) -> None:
    answer = scim.replace(scim.add("ada"), "roles", "GUEST_USER")

    assert answer.status == 400
    assert open_error().reason == "invalid-role-assignment"


def test_entra_cannot_create_an_owner(connect: Connect) -> None:
    answer = connect("entra")("POST", "/Users", someone("ada", roles="BUSINESS_OWNER"))

    assert (answer.status, answer.detail) == (400, "User is not eligible to receive assigned role")


@pytest.mark.parametrize("where", ["pushed", "by hand"])
def test_terminated_person_cannot_become_manager(scim: Provider, where: str) -> None:
    if where == "pushed":
        scim.add("bob")
        left = Person.objects.filter(email="bob@example.com")
        left.update(state=Person.State.TERMINATED, terminated_at=timezone.now())
    else:
        core.person(email="bob@example.com", state=Person.State.TERMINATED)
    scim_id = scim.add("ada")

    answer = scim("PUT", f"/Users/{scim_id}", someone("ada", **managed_by("bob@example.com")))

    assert answer.status == 400
    assert open_error().reason == "invalid-manager"


class TestHoldPolicy:
    @pytest.mark.parametrize(
        "refusal",
        [one for one in RULES if "manager" not in one.reason],
        ids=lambda refusal: refusal.reason,
    )
    def test_refused_value_is_stored_and_listed_while_profile_stays(
        self, connect: Connect, refusal: Refusal
    ) -> None:
        generic = connect("generic")
        scim_id = generic.add("ada")
        refusal.given(generic)
        before = ada().profile

        answer = generic("PUT", f"/Users/{scim_id}", someone("ada", **refusal.said))

        assert answer.status == 200
        text = generic.read(scim_id)
        assert {name: text[name] for name in refusal.said} == refusal.said
        assert ada().profile == before
        assert open_error().message == refusal.message

    @pytest.mark.parametrize(
        "refusal",
        [one for one in RULES if "manager" not in one.reason],
        ids=lambda refusal: refusal.reason,
    )
    def test_refused_value_does_not_prevent_deactivation(
        self, connect: Connect, refusal: Refusal
    ) -> None:
        generic = connect("generic")
        scim_id = generic.add("ada")
        refusal.given(generic)
        before = ada().profile

        values = {"name": {"givenName": "Augusta", "familyName": "King"}, "active": False}
        generic("PUT", f"/Users/{scim_id}", someone("ada", **(values | refusal.said)))

        assert ada().state == Person.State.INACTIVE
        assert ada().email == "ada@example.com"
        if refusal.reason != "invalid-name":
            assert ada().profile == before

    def test_manager_sent_with_refused_value_is_assigned_later(self, connect: Connect) -> None:
        generic = connect("generic")
        generic.add("bob")
        scim_id = generic.add("ada")
        values = managed_by("bob@example.com")
        generic("PUT", f"/Users/{scim_id}", someone("ada", roles="EMPEROR", **values))

        generic.replace(scim_id, "roles", "IT_ADMIN")

        manager = ada().manager
        assert manager
        assert manager.given_name == "Bob"


class TestLastAdministrator:
    """A provider cannot remove the last Owner or the last person who may administer."""

    WAYS: dict[str, Callable[[Provider, str], Any]] = {
        "PATCH": lambda scim, scim_id: scim.replace(scim_id, "active", value=False),
        "PUT": lambda scim, scim_id: scim("PUT", f"/Users/{scim_id}", someone(active=False)),
        "DELETE": lambda scim, scim_id: scim("DELETE", f"/Users/{scim_id}"),
        "role": lambda scim, scim_id: scim.replace(scim_id, "roles", "BUSINESS_USER"),
    }

    @pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
    @pytest.mark.parametrize(
        ("role", "reason"),
        [
            (Person.Role.OWNER, "last-owner"),
            (Person.Role.ADMIN, "last-administrator"),
            (Person.Role.IT_ADMIN, "last-administrator"),
        ],
    )
    def test_cannot_be_removed(
        self, scim: Provider, role: str, reason: str, way: Callable[[Provider, str], Any]
    ) -> None:
        Person.objects.update(role=Person.Role.CARDHOLDER)
        Connection.objects.update(may_assign_owner=True)
        scim_id = scim.add("ada", roles=[{"value": str(role)}])
        people.activate_person(ada(), actor=HELPDESK)
        before, row = scim.read(scim_id), stored_row()
        happened = Event.objects.count()

        answer = way(scim, scim_id)

        assert answer.status == 403
        assert "Ada Lovelace is the last" in answer.detail
        assert scim.read(scim_id) == before
        assert stored_row() == row
        assert Event.objects.count() == happened
        listed = open_error()
        assert (listed.reason, listed.message) == (reason, answer.detail)
        assert listed.person == ada()
