"""Adding, editing, deactivating and reactivating people on their pages."""

from typing import Any

import pytest

from people.db.models import field_values
from people.models import Event, Invite, Person, Tenant
from people.models.field_table import EDITABLE
from people.operations import api_tokens, people_update
from people.operations.people import activate_person, add_person, deactivate_person
from people.values import Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")


def form_of(person: Person, **changes: Any) -> dict[str, Any]:
    """Return the form data of the person with these changes, as the browser sends it."""
    person = Person.objects.get(pk=person.pk)
    shown = {name: value or "" for name, value in field_values(person, EDITABLE).items()} | {
        "email": person.pending_email or person.email,
        "seen": person.changed_at.isoformat(),
    }
    return shown | changes


def send(
    person: Person, page: str, data: dict[str, Any] | None = None, *, by: Person | None = None
) -> str:
    client = signed_in(by or core.administrator(email="helpdesk@example.com"))
    return text_of(client.post(f"/people/{person.pk}/{page}/", data, follow=True))


class TestEditing:
    def test_changes_the_person_with_the_administrator_as_actor(self, ada: Person) -> None:
        boss, department = core.person(), core.department("Legal")

        page = send(
            ada,
            "edit",
            form_of(ada, given_name="Augusta", department=department.pk, manager=boss.pk),
        )

        assert "Augusta Lovelace was updated." in page
        ada.refresh_from_db()
        assert (ada.given_name, ada.department, ada.manager) == ("Augusta", department, boss)
        assert ada.events.get().actor == "person:helpdesk@example.com"

    def test_event_has_the_id_of_the_request(self, ada: Person) -> None:
        client = signed_in(core.administrator())

        response = client.post(f"/people/{ada.pk}/edit/", form_of(ada, given_name="Augusta"))

        assert str(ada.events.get().request_id) == response["X-Request-Id"]

    def test_warns_that_a_provider_will_overwrite_the_change(self, tenant: Tenant) -> None:
        core.owner()
        result = Profile(given_name="Ada", family_name="Lovelace", email="ada@example.com")
        ada = add_person(result, actor=OKTA)
        activate_person(ada, actor=OKTA)

        page = send(ada, "edit", form_of(ada, given_name="Augusta"))

        warning = "Okta manages first name. This change will be overwritten within 5 minutes."
        assert warning in page
        assert "Okta owns last name" not in page

    def test_keeps_a_pending_address(self, ada: Person) -> None:
        people_update.revise_person(
            ada,
            Profile(given_name="Ada", family_name="Lovelace", email="new@example.com"),
            actor=OKTA,
        )

        send(ada, "edit", form_of(ada, given_name="Augusta"))

        ada.refresh_from_db()
        assert (ada.given_name, ada.pending_email) == ("Augusta", "new@example.com")

    def test_shows_a_refusal_of_a_field(self, ada: Person) -> None:
        page = send(ada, "edit", form_of(ada, manager=ada.pk))

        assert "Employees can&#x27;t be assigned as their own manager" in page
        assert not ada.events.exists()

    def test_shows_a_refusal_without_field(self, owner: Person) -> None:
        page = send(owner, "edit", form_of(owner, role="BUSINESS_ADMIN"), by=owner)

        assert "Olga Owner is the last active Owner." in page

    def test_refuses_a_name_without_letters(self, ada: Person) -> None:
        page = send(ada, "edit", form_of(ada, given_name="123"))

        assert "Ensure first and last name are entered correctly" in page

    def test_refuses_to_overwrite_a_concurrent_change(self, ada: Person) -> None:
        stale = form_of(ada)
        result = Profile(given_name="Ada", family_name="King", email=ada.email)
        people_update.revise_person(ada, result, actor=OKTA)

        page = send(ada, "edit", stale)

        assert "has changed since you opened this page" in page
        ada.refresh_from_db()
        assert ada.family_name == "King"

    @pytest.mark.parametrize("manager", ["x", "'; --", "00000000-0000-0000-0000-000000000000"])
    def test_refuses_an_invalid_manager_key(self, ada: Person, manager: str) -> None:
        send(ada, "edit", form_of(ada, manager=manager))

        ada.refresh_from_db()
        assert ada.manager is None

    def test_refuses_a_manager_of_another_company(self, ada: Person) -> None:
        with core.in_another_tenant():
            stranger = core.person()

        send(ada, "edit", form_of(ada, manager=stranger.pk))

        ada.refresh_from_db()
        assert ada.manager is None

    def test_offers_the_guest_role_to_guests_only(self, ada: Person) -> None:
        client = signed_in(core.administrator())
        guest = core.person(role=Person.Role.GUEST)

        assert b"GUEST_USER" not in client.get(f"/people/{ada.pk}/edit/").content
        assert b"GUEST_USER" in client.get(f"/people/{guest.pk}/edit/").content

    def test_changes_the_address_of_an_invited_person_at_once(self, tenant: Tenant) -> None:
        ada = core.person(state=Person.State.INVITED)

        send(ada, "edit", form_of(ada, email="right@example.com"))

        ada.refresh_from_db()
        assert ada.email == "right@example.com"


class TestInviting:
    def test_adds_a_person_with_an_invite_of_14_days(self, tenant: Tenant) -> None:
        values = {
            "given_name": "Grace",
            "family_name": "Hopper",
            "email": "grace@example.com",
            "role": "BUSINESS_USER",
        }

        page = text_of(signed_in(core.administrator()).post("/people/add/", values, follow=True))

        assert "Grace Hopper was added and invited." in page
        grace = Person.objects.get(email="grace@example.com")
        invite = Invite.objects.get(person=grace)
        assert grace.state == Person.State.INVITED
        assert invite.source == Invite.Source.HAND
        assert (invite.expires_at - invite.created_at).days == 14

    def test_reports_that_the_address_is_in_use(self, ada: Person) -> None:
        values = {
            "given_name": "Grace",
            "family_name": "Hopper",
            "email": ada.email.upper(),
            "role": "BUSINESS_USER",
        }

        page = text_of(signed_in(core.administrator()).post("/people/add/", values))

        assert "Email is already associated with another employee" in page


class TestDeactivating:
    def test_shows_the_effects_before_confirmation(self, ada: Person) -> None:
        page = signed_in(core.administrator()).get(f"/people/{ada.pk}/deactivate/")

        assert b"They cannot spend from cards or funds." in page.content
        assert b"They remain a manager" in page.content
        ada.refresh_from_db()
        assert ada.is_active

    def test_deactivates_the_person_with_the_reason(self, ada: Person) -> None:
        page = send(ada, "deactivate", {"reason": "Lost laptop"})

        assert "Ada Lovelace can no longer sign in or spend." in page
        ada.refresh_from_db()
        assert ada.state == Person.State.INACTIVE
        assert ada.events.get(kind=Event.Kind.PERSON_DEACTIVATED).facts["reason"] == "Lost laptop"

    def test_is_refused_for_the_last_owner(self, owner: Person) -> None:
        page = send(owner, "deactivate", by=owner)

        assert "Olga Owner is the last active Owner." in page
        owner.refresh_from_db()
        assert owner.is_active

    def test_shows_beforehand_that_the_last_owner_cannot_be_deactivated(
        self, owner: Person
    ) -> None:
        page = text_of(signed_in(owner).get(f"/people/{owner.pk}/deactivate/"))

        assert "Olga Owner is the last active Owner." in page

    def test_names_the_api_tokens_that_will_be_revoked(self, owner: Person) -> None:
        leaver = core.administrator()
        api_tokens.create_api_token(leaver, "Till", scopes=["people:read"], actor=owner.actor)
        api_tokens.create_api_token(
            core.administrator(), "Export", scopes=["people:read"], actor=owner.actor
        )

        page = text_of(signed_in(owner).get(f"/people/{leaver.pk}/deactivate/"))

        assert "Their API tokens are permanently revoked" in page
        assert "<bdi>Till</bdi>." in page
        assert "Export" not in page

    def test_warns_about_deactivating_the_own_account(self, tenant: Tenant) -> None:
        administrator = core.administrator()

        page = signed_in(administrator).get(f"/people/{administrator.pk}/deactivate/")

        assert b"This is your own account." in page.content


class TestReactivating:
    def test_makes_the_person_active(self, ada: Person) -> None:
        deactivate_person(ada, actor=OKTA)

        page = send(ada, "reactivate")

        assert "Ada Lovelace can sign in and spend again." in page
        ada.refresh_from_db()
        assert ada.state == Person.State.ACTIVE

    def test_warns_that_the_identity_provider_may_undo_it(self, ada: Person) -> None:
        deactivate_person(ada, actor=OKTA)

        page = signed_in(core.administrator()).get(f"/people/{ada.pk}/reactivate/")

        assert b"Okta deactivated them and still lists them as inactive." in page.content

    def test_is_refused_for_a_terminated_person(self, tenant: Tenant) -> None:
        gone = core.person(state=Person.State.TERMINATED)

        assert "was terminated, which cannot be undone" in send(gone, "reactivate")


class TestBulkActions:
    def choose(
        self, people: list[Person], action: str, *, by: Person | None = None, **more: str
    ) -> str:
        client = signed_in(by or core.administrator(email="helpdesk@example.com"))
        data = {"action": action, "_selected_action": [str(person.pk) for person in people]}
        return text_of(client.post("/people/", data | more, follow=True))

    def test_asks_for_confirmation(self, ada: Person) -> None:
        page = self.choose([ada], "deactivate_selected")

        assert "Deactivate 1 person?" in page
        assert "Ada Lovelace" in page
        ada.refresh_from_db()
        assert ada.is_active

    def test_deactivates_people_and_reports_refusals_with_reasons(
        self, ada: Person, owner: Person
    ) -> None:
        out = core.person(state=Person.State.INACTIVE)

        page = self.choose([ada, owner, out], "deactivate_selected", by=owner, confirmed="yes")

        assert "1 person was deactivated." in page
        assert "1 person skipped: already inactive." in page
        assert "Olga Owner was not deactivated: Olga Owner is the last active Owner." in page
        assert ada.events.get().actor == str(owner.actor)

    def test_reactivates_people(self, tenant: Tenant) -> None:
        people = [core.person(state=Person.State.INACTIVE) for _ in range(3)]

        page = self.choose(people, "reactivate_selected", confirmed="yes")

        assert "3 people were reactivated." in page

    def test_does_not_change_people_of_another_company(self, tenant: Tenant) -> None:
        with core.in_another_tenant():
            stranger = core.person()

        self.choose([stranger], "deactivate_selected", confirmed="yes")

        with core.in_another_tenant():
            assert Person._base_manager.get(pk=stranger.pk).is_active
