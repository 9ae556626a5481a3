"""Manager references that use a former userName, externalId or email of the manager."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import events
from people.models import Person
from people.operations import people_update
from people.values import Actor, Profile
from scim.models import ScimUser, SyncError
from tests.clients.pages import signed_in
from tests.clients.scim import ENT, Provider, mail, managed_by, someone
from tests.factories import core
from tests.support.scim_mapping import COST_CENTER, send
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
RENAMED = {
    "userName": "countess@example.com",
    "emails": [mail("countess@example.com")],
}


def ada() -> Person:
    found: Person = Person.objects.get(email="ada@example.com")
    return found


def boss() -> Person:
    found: Person = Person.objects.get(given_name="Boss")
    return found


def assign_another_manager() -> None:
    other = Person.objects.filter(email="other@example.com").first()
    people_update.assign_manager(
        ada(), other or core.person(email="other@example.com"), actor=HELPDESK
    )


@pytest.fixture
def boss_id(scim: Provider) -> str:
    """Have Ada report to Boss, and rename Boss without pushing Ada again."""
    boss_id = scim.add("boss")
    scim.add("ada", **managed_by("boss@example.com"))
    assert scim("PUT", f"/Users/{boss_id}", someone("boss", **RENAMED)).status == 200
    return boss_id


@pytest.mark.usefixtures("boss_id")
def test_managed_field_is_restored_to_the_renamed_manager(scim: Provider) -> None:
    assign_another_manager()

    call_command("run_due")

    assert ada().manager == boss()
    assert ada().manually_overridden_fields == {}
    assert not SyncError.objects.open().exists()


@pytest.mark.usefixtures("boss_id")
def test_renamed_manager_is_restored_although_somebody_new_has_the_old_address(
    scim: Provider,
) -> None:
    scim.add("new", userName="boss@example.com", emails=[mail("boss@example.com")])
    assign_another_manager()

    call_command("run_due")

    assert ada().manager == boss()


def test_renamed_manager_is_restored_after_deletion_by_the_provider(
    scim: Provider, boss_id: str
) -> None:
    scim("DELETE", f"/Users/{boss_id}")
    assign_another_manager()

    call_command("run_due")

    assert ada().manager == boss()


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        ({"userName": "countess@example.com"}, "boss@example.com"),
        ({"externalId": "X-8"}, "X-7"),
        ({"emails": [mail("countess@example.com")]}, "chief@example.com"),
    ],
    ids=["userName", "externalId", "email"],
)
def test_new_user_finds_manager_by_former_identifier(
    scim: Provider, values: dict[str, Any], reference: str
) -> None:
    first = {"externalId": "X-7", "emails": [mail("chief@example.com")]}
    boss_id = scim.add("boss", **first)
    scim("PUT", f"/Users/{boss_id}", someone("boss", **(first | values)))

    answer = scim("POST", "/Users", someone("ada", **managed_by(reference)))

    assert ada().manager == boss()
    assert answer.body[ENT]["manager"]["$ref"].endswith(boss_id)


def test_new_user_finds_unmanaged_manager_by_former_email(scim: Provider) -> None:
    core.person(given_name="Boss", email="boss@example.com", state=Person.State.INVITED)
    profile = Profile(given_name="Boss", family_name="Boss", email="countess@example.com")
    people_update.revise_person(boss(), profile, actor=HELPDESK)

    scim.add("ada", **managed_by("boss@example.com"))

    assert ada().manager == boss()


def test_identifier_that_two_people_had_names_no_manager(scim: Provider) -> None:
    for name in ("boss", "bob"):
        scim_id = scim.add(name, userName="chief@example.com")
        scim("PUT", f"/Users/{scim_id}", someone(name))

    scim.add("ada", **managed_by("chief@example.com"))

    assert ada().manager is None
    assert ScimUser.objects.get(person=ada()).waiting_manager == "chief@example.com"
    assert_waiting_is_listed()


def test_former_identifier_does_not_name_a_terminated_manager(scim: Provider, boss_id: str) -> None:
    Person.objects.filter(given_name="Boss").update(
        state=Person.State.TERMINATED, terminated_at=timezone.now()
    )

    scim.add("bob", **managed_by("boss@example.com"))

    assert Person.objects.get(given_name="Bob").manager is None
    assert_waiting_is_listed()


class TestAfterMappingChange:
    @pytest.fixture
    def client(self, owner: Person) -> Client:
        return signed_in(owner)

    @pytest.mark.usefixtures("boss_id")
    def test_renamed_manager_stays_assigned(self, scim: Provider, client: Client) -> None:
        send(client, scim, "save", department=COST_CENTER)
        call_command("run_due")

        assert ada().manager == boss()
        assert ScimUser.objects.get(person=ada()).waiting_manager == ""
        assert_waiting_is_listed()

    def test_unknown_manager_at_the_new_path_is_listed_until_path_is_reset(
        self, scim: Provider, client: Client
    ) -> None:
        scim.add("boss")
        scim.add("ada", title="nobody@example.com", **managed_by("boss@example.com"))

        send(client, scim, "save", manager="title")
        call_command("run_due")

        assert ada().manager == boss()
        error = SyncError.objects.open().get()
        assert (error.reason, error.offending_value) == ("invalid-manager", "nobody@example.com")
        assert_waiting_is_listed()
        send(client, scim, "save", manager="")
        call_command("run_due")
        assert not SyncError.objects.open().exists()
        assert_waiting_is_listed()

    @pytest.mark.usefixtures("boss_id")
    def test_invite_is_not_held_after_deactivation_and_reactivation(
        self, scim: Provider, client: Client
    ) -> None:
        send(client, scim, "save", department=COST_CENTER)
        call_command("run_due")
        scim_id = str(ScimUser.objects.get(person=ada()).scim_id)
        scim.replace(scim_id, "active", value=False)

        scim.replace(scim_id, "active", value=True)
        events.dispatch_all(as_of=timezone.now())

        assert ada().invites.open().get().hold_reason == ""
        assert_waiting_is_listed()
