"""When sync errors are resolved automatically, and when they stay open."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from people import events
from people.models import Person
from people.operations import people, people_update
from people.values import Actor
from scim.models import ScimUser, SyncError
from tests.clients.pages import signed_in
from tests.clients.scim import Provider, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
BOSS = managed_by("boss@example.com")


def person(who: str) -> Person:
    found: Person = Person.objects.get(email=f"{who}@example.com")
    return found


def dispatch() -> None:
    events.dispatch_all(as_of=timezone.now())


class TestCircularManagerError:
    """Ada manages Bob, and they change places; the provider sends Ada first."""

    @pytest.fixture
    def ids(self, scim: Provider) -> dict[str, str]:
        ids = {"top": scim.add("top")}
        ids["ada"] = scim.add("ada", **managed_by("top@example.com"))
        ids["bob"] = scim.add("bob", **managed_by("ada@example.com"))
        document = someone("ada", title="Deputy", **managed_by("bob@example.com"))
        document["name"] = {"givenName": "Augusta", "familyName": "King"}
        assert scim("PUT", f"/Users/{ids['ada']}", document).status == 400
        dispatch()
        assert SyncError.objects.open().get().reason == "circular-manager"
        return ids

    def test_is_resolved_when_other_half_of_the_swap_arrives(
        self, scim: Provider, ids: dict[str, str]
    ) -> None:
        scim("PUT", f"/Users/{ids['bob']}", someone("bob", **managed_by("top@example.com")))
        dispatch()

        assert (person("ada").manager, person("bob").manager) == (person("bob"), person("top"))
        assert not SyncError.objects.open().exists()

    def test_other_refused_attributes_are_applied_on_resolution(
        self, scim: Provider, ids: dict[str, str]
    ) -> None:
        scim("PUT", f"/Users/{ids['bob']}", someone("bob", **managed_by("top@example.com")))
        dispatch()

        assert person("ada").full_name == "Augusta King"
        assert scim.read(ids["ada"])["title"] == "Deputy"

    def test_is_resolved_when_administrator_removes_the_circle(self, ids: dict[str, str]) -> None:
        people_update.assign_manager(person("bob"), None, actor=HELPDESK)
        dispatch()

        assert person("ada").manager == person("bob")
        assert not SyncError.objects.open().exists()

    def test_is_resolved_by_next_sync_cycle_without_an_event(self, ids: dict[str, str]) -> None:
        Person.objects.filter(email="bob@example.com").update(manager=None)

        call_command("run_due")

        assert person("ada").manager == person("bob")

    def test_stays_open_while_the_circle_exists(self, scim: Provider, ids: dict[str, str]) -> None:
        scim.replace(ids["bob"], "title", "Deputy")
        call_command("run_due")

        assert SyncError.objects.open().get().times == 1
        assert person("ada").manager == person("top")

    def test_stays_open_if_a_later_request_was_refused_for_another_reason(
        self, scim: Provider, ids: dict[str, str]
    ) -> None:
        refused = scim("PUT", f"/Users/{ids['ada']}", someone("ada", roles="EMPEROR"))
        assert refused.status == 400

        people_update.assign_manager(person("bob"), None, actor=HELPDESK)
        call_command("run_due")

        assert person("ada").manager == person("top")
        reasons = set(SyncError.objects.open().values_list("reason", flat=True))
        assert reasons == {"circular-manager", "invalid-role-assignment"}


class TestMissingManagerErrorOfDeactivatedPerson:
    @pytest.mark.parametrize("way", ["PUT", "PATCH", "DELETE", "by hand"])
    def test_is_resolved_by_deactivation(self, scim: Provider, way: str) -> None:
        scim_id = scim.add("ada", **BOSS)
        match way:
            case "PUT":
                scim("PUT", f"/Users/{scim_id}", someone("ada", active=False, **BOSS))
            case "PATCH":
                scim.replace(scim_id, "active", value=False)
            case "DELETE":
                scim("DELETE", f"/Users/{scim_id}")
            case _:
                people.deactivate_person(person("ada"), actor=HELPDESK)
        dispatch()

        assert not SyncError.objects.open().exists()
        assert_waiting_is_listed()

    def test_is_listed_again_after_reactivation(self, scim: Provider) -> None:
        scim_id = scim.add("ada", **BOSS)
        scim.replace(scim_id, "active", value=False)

        scim.replace(scim_id, "active", value=True)
        dispatch()

        assert SyncError.objects.open().get().reason == "invalid-manager"
        assert_waiting_is_listed()

    def test_waiting_manager_is_still_assigned_when_created(self, scim: Provider) -> None:
        scim_id = scim.add("ada", **BOSS)
        scim.replace(scim_id, "active", value=False)

        scim.add("boss")
        dispatch()

        assert person("ada").manager == person("boss")
        assert ScimUser.objects.get(person=person("ada")).waiting_manager == ""


class TestInviteSentWithoutManager:
    """An administrator sent the invite without the missing manager, which resolves the error."""

    @pytest.fixture
    def scim_id(self, scim: Provider, owner: Person) -> str:
        scim_id = scim.add("ada", **BOSS)
        error = SyncError.objects.open().get()
        signed_in(owner).post(f"/people/updates/errors/{error.pk}/invite-anyway/")
        assert person("ada").invites.open().get().hold_reason == ""
        return scim_id

    def assert_decided(self) -> None:
        assert not SyncError.objects.open().exists()
        assert person("ada").invites.open().get().hold_reason == ""
        assert_waiting_is_listed()

    def test_error_is_not_reopened_by_next_push(self, scim: Provider, scim_id: str) -> None:
        scim("PUT", f"/Users/{scim_id}", someone("ada", title="Countess", **BOSS))

        self.assert_decided()

    def test_error_is_not_reopened_when_everybody_is_read_again(
        self, scim: Provider, scim_id: str
    ) -> None:
        scim.connection.reapply_cursor = 0
        scim.connection.save()
        call_command("run_due")

        self.assert_decided()

    def test_error_is_not_reopened_by_reactivation(self, scim: Provider, scim_id: str) -> None:
        scim.replace(scim_id, "active", value=False)
        dispatch()
        scim.replace(scim_id, "active", value=True)
        dispatch()

        self.assert_decided()

    def test_error_is_opened_again_for_another_manager(self, scim: Provider, scim_id: str) -> None:
        chief = managed_by("chief@example.com")
        scim("PUT", f"/Users/{scim_id}", someone("ada", **chief))
        assert SyncError.objects.open().get().offending_value == "chief@example.com"

        scim("PUT", f"/Users/{scim_id}", someone("ada", **BOSS))
        assert SyncError.objects.open().get().offending_value == "boss@example.com"
        assert_waiting_is_listed()

    def test_manager_is_assigned_when_created(self, scim: Provider, scim_id: str) -> None:
        scim.add("boss")
        dispatch()

        assert person("ada").manager == person("boss")
        assert not SyncError.objects.filter(resolved_at=None).exists()


def test_dismissed_error_is_not_reopened_when_everybody_is_read_again(connect: Connect) -> None:
    generic = connect("generic")
    core.administrator(email="taken@example.com")
    generic.add("ada", emails=[{"value": "taken@example.com"}])
    SyncError.objects.all().dismiss(actor=HELPDESK, because="Known")

    generic.connection.reapply_cursor = 0
    generic.connection.save()
    call_command("run_due")

    assert not SyncError.objects.open().exists()
