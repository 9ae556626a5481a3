"""Deactivation, reactivation, deletion and re-creation of users by the identity provider."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.test import Client

from people.models import Event, Invite, Person
from people.operations import people
from people.values import Actor, normalize_key
from scim import sign_in_pairing
from scim.models import SamePersonQuestion, ScimUser
from scim.sync import waiting_members
from tests.clients.scim import USER, Answer, Json, Provider, mail, managed_by, someone
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")

Change = Callable[..., Answer]


def ada() -> Person:
    person: Person = Person.objects.get(email="ada@example.com")
    return person


def join() -> Person:
    person = ada()
    people.activate_person(person, actor=HELPDESK)
    return person


def pathed(op: str, path: str) -> Change:
    return lambda scim, scim_id, value: scim.patch(
        scim_id, {"op": op, "path": path, "value": value}
    )


def bare(op: str, wrap: Callable[[Any], Any]) -> Change:
    return lambda scim, scim_id, value: scim.patch(scim_id, {"op": op, "value": wrap(value)})


def put(name: str) -> Change:
    document = someone(active=None)
    return lambda scim, scim_id, value: scim("PUT", f"/Users/{scim_id}", document | {name: value})


CHANGES: dict[str, Change] = {
    "replace": pathed("replace", "active"),
    "Replace (Entra)": pathed("Replace", "active"),
    "add": pathed("Add", "ACTIVE"),
    "path with schema": pathed("replace", f"{USER}:active"),
    "no path (Okta)": bare("replace", lambda value: {"active": value}),
    "no path, with id": bare("Add", lambda value: {"id": "x", "Active": value}),
    "no path, key with schema": bare("replace", lambda value: {f"{USER}:active": value}),
    "PUT": put("Active"),
}
# Spellings of false and true.
SPELLINGS: dict[str, tuple[Any, Any]] = {
    "boolean": (False, True),
    "Entra's string": ("False", "True"),
    "another string": ("fALSE", "TRUE"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_dialect_deactivates_and_reactivates(
    scim: Provider, change: Change, spelling: tuple[Any, Any]
) -> None:
    scim_id = scim.add()
    join()

    answer = change(scim, scim_id, spelling[0])

    assert (answer.status, answer.body["active"]) == (200, False)
    assert scim.read(scim_id)["active"] is ScimUser.objects.get().active is False
    assert (ada().state, ada().deactivated_by) == (Person.State.INACTIVE, "scim:okta")

    answer = change(scim, scim_id, spelling[1])

    assert (answer.status, answer.body["active"]) == (200, True)
    assert scim.read(scim_id)["active"] is ScimUser.objects.get().active is True
    assert (ada().state, ada().deactivated_by) == (Person.State.ACTIVE, "")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_unreadable_active_value_is_refused_and_person_stays_active(
    scim: Provider, change: Change
) -> None:
    """Success without a deactivation would be worse than a refusal."""
    scim_id = scim.add()

    for value in ("maybe", 2, "2", -1, [True, False], {"value": "maybe"}):
        answer = change(scim, scim_id, value)
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert "active" in answer.detail

    assert ada().is_active
    assert scim.read(scim_id)["active"] is True


@pytest.mark.parametrize("order", [1, -1])
def test_patch_can_rename_and_deactivate_in_any_order(scim: Provider, order: int) -> None:
    scim_id = scim.add()
    rename: Json = {"op": "replace", "path": "userName", "value": "countess@example.com"}
    deactivate: Json = {"op": "replace", "path": "active", "value": False}

    answer = scim.patch(scim_id, *[rename, deactivate][::order])

    assert (answer.body["userName"], answer.body["active"]) == ("countess@example.com", False)
    assert ada().state == Person.State.INACTIVE


def test_put_can_rename_and_deactivate(scim: Provider) -> None:
    scim_id = scim.add()

    scim("PUT", f"/Users/{scim_id}", someone(userName="countess@example.com", active=False))

    assert ada().state == Person.State.INACTIVE


def test_deactivation_ends_sessions_immediately(scim: Provider) -> None:
    scim_id = scim.add(roles="BUSINESS_ADMIN")
    browser = Client()
    browser.force_login(join())
    assert browser.get("/people/").status_code == 200

    scim.replace(scim_id, "active", "False")

    assert browser.get("/people/")["Location"].startswith("/sign-in/")
    scim.replace(scim_id, "active", "True")
    assert browser.get("/people/")["Location"].startswith("/sign-in/")


def test_deactivation_revokes_invite_and_reactivation_issues_another(scim: Provider) -> None:
    scim_id = scim.add()

    scim.replace(scim_id, "active", value=False)

    assert not Invite.objects.open().exists()
    scim.replace(scim_id, "active", value=True)
    assert (ada().state, Invite.objects.open().count()) == (Person.State.INVITED, 1)


def test_second_deactivation_changes_nothing(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)
    version = scim.read(scim_id)["meta"]["version"]

    answer = scim.replace(scim_id, "active", "False")

    assert answer.headers["ETag"] == version
    assert Event.objects.filter(kind="person.deactivated").count() == 1


def test_deactivated_user_is_found_by_filters(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)

    for text in ('userName eq "ada@example.com"', "active eq false", f'id eq "{scim_id}"'):
        assert [one["id"] for one in scim.find(text).body["Resources"]] == [scim_id]


def test_deactivated_user_keeps_groups(scim: Provider) -> None:
    scim_id = scim.add()
    scim.add_group("Editors", scim_id)

    scim.replace(scim_id, "active", value=False)

    assert [group["display"] for group in scim.read(scim_id)["groups"]] == ["Editors"]


def test_user_created_as_inactive_gets_no_invite(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone(active=False))

    assert (answer.status, answer.body["active"]) == (201, False)
    assert ada().state == Person.State.INACTIVE
    assert not Invite.objects.open().exists()


def test_put_without_active_keeps_user_inactive(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)

    scim("PUT", f"/Users/{scim_id}", someone(active=None, title="Countess"))

    assert scim.read(scim_id)["active"] is False
    assert not ada().is_active


class TestManualDeactivation:
    """An administrator deactivated the person; the provider still has the user as active."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_person_stays_inactive_when_provider_repeats_active(
        self, scim: Provider, change: str
    ) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        answer = CHANGES[change](scim, scim_id, value=True)

        assert answer.status == 200
        assert (ada().state, ada().deactivated_by) == (Person.State.INACTIVE, str(HELPDESK))

    def test_person_stays_inactive_when_another_field_changes(self, scim: Provider) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        scim("PUT", f"/Users/{scim_id}", someone(name={"givenName": "A", "familyName": "King"}))

        assert (ada().state, ada().family_name) == (Person.State.INACTIVE, "King")

    def test_person_can_sign_in_again_after_provider_deactivates_and_reactivates(
        self, scim: Provider
    ) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        scim.replace(scim_id, "active", value=False)
        scim.replace(scim_id, "active", value=True)

        assert ada().state == Person.State.ACTIVE


class TestDeletedUser:
    @pytest.fixture
    def deleted_id(self, scim: Provider) -> str:
        scim_id = scim.add(externalId="X-1")
        scim.add_group("Editors", scim_id)
        join()
        answer = scim("DELETE", f"/Users/{scim_id}")
        assert (answer.status, answer.content) == (204, b"")
        return scim_id

    def test_person_is_inactive(self, deleted_id: str) -> None:
        assert (ada().state, ada().deactivated_by) == (Person.State.INACTIVE, "scim:okta")

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_requests_to_the_resource_are_not_found(
        self, scim: Provider, deleted_id: str, method: str
    ) -> None:
        body = {"PUT": someone(), "PATCH": {"Operations": []}}.get(method)

        assert scim(method, f"/Users/{deleted_id}", body).status == 404

    @pytest.mark.parametrize(
        "text",
        [
            'userName eq "ada@example.com"',
            'externalId eq "X-1"',
            'emails.value eq "ada@example.com"',
            'emails[type eq "work"]',
            'groups.display eq "Editors"',
            "userName pr",
            "not (title pr)",
            "",
        ],
    )
    def test_no_filter_finds_deleted_user(self, scim: Provider, deleted_id: str, text: str) -> None:
        assert scim.find(text).body["totalResults"] == 0

    def test_deleted_user_loses_all_group_memberships(
        self, scim: Provider, deleted_id: str
    ) -> None:
        [group] = scim("GET", "/Groups").body["Resources"]
        assert "members" not in group
        scim.add()
        assert "groups" not in scim.read(deleted_id)

    def test_membership_added_while_deleted_takes_effect_on_return(
        self, scim: Provider, deleted_id: str
    ) -> None:
        readers = scim.add_group("Readers", deleted_id)
        assert "members" not in scim("GET", f"/Groups/{readers}").body

        assert scim.add() == deleted_id
        waiting_members.join_all()

        assert [one["display"] for one in scim.read(deleted_id)["groups"]] == ["Readers"]

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"externalId": "X-1"},
            {"userName": "ADA@Example.com"},
            {"userName": "countess@example.com", "externalId": "X-1"},
            {"emails": [mail("countess@example.com")]},
        ],
        ids=["same", "externalId", "another case", "another name", "another address"],
    )
    def test_post_with_matching_identifier_restores_same_person(
        self, scim: Provider, deleted_id: str, values: dict[str, Any]
    ) -> None:
        before = ada()

        answer = scim("POST", "/Users", someone(**values))

        assert (answer.status, answer.id) == (201, deleted_id)
        assert ScimUser.objects.get().person == before
        before.refresh_from_db()
        assert (before.state, before.deactivated_at) == (Person.State.INVITED, None)
        assert Invite.objects.open().get().person == before
        assert scim.read(deleted_id) == answer.body
        assert scim.find(f'userName eq "{answer.body["userName"]}"').body["totalResults"] == 1

    def test_restored_user_has_none_of_the_old_attributes(
        self, scim: Provider, deleted_id: str
    ) -> None:
        answer = scim("POST", "/Users", someone())

        assert "externalId" not in answer.body
        assert "groups" not in answer.body
        assert scim.find('emails.value eq "ada@example.com"').body["totalResults"] == 1

    def test_restored_user_has_a_higher_version(self, scim: Provider, deleted_id: str) -> None:
        assert scim("POST", "/Users", someone()).headers["ETag"] == 'W/"2"'

    def test_user_can_be_restored_as_inactive(self, scim: Provider, deleted_id: str) -> None:
        answer = scim("POST", "/Users", someone(active=False))

        assert (answer.id, answer.body["active"]) == (deleted_id, False)
        assert not ada().is_active

    def test_external_id_takes_precedence_over_user_name(
        self, scim: Provider, deleted_id: str
    ) -> None:
        other = scim.add("bob", externalId="X-2")
        scim("DELETE", f"/Users/{other}")

        values = {"userName": "bob@example.com", "externalId": "X-1"}
        assert scim("POST", "/Users", someone(**values)).id == deleted_id

    def test_post_for_somebody_else_creates_a_new_user(
        self, scim: Provider, deleted_id: str
    ) -> None:
        assert scim.add("bob", externalId="X-2") != deleted_id
        assert not ada().is_active

    def test_post_by_another_connection_creates_a_new_user(
        self, connect: Connect, deleted_id: str
    ) -> None:
        entra = connect("entra")

        answer = entra("POST", "/Users", someone(externalId="X-1"))

        assert answer.status == 201
        assert answer.id != deleted_id

    def test_second_post_after_restoring_is_a_duplicate(
        self, scim: Provider, deleted_id: str
    ) -> None:
        scim.add()

        answer = scim("POST", "/Users", someone())

        assert (answer.status, answer.body["scimType"]) == (409, "uniqueness")

    def test_refused_post_does_not_restore_the_user(self, scim: Provider, deleted_id: str) -> None:
        answer = scim("POST", "/Users", someone(roles="EMPEROR"))

        assert answer.status == 400
        assert scim("GET", f"/Users/{deleted_id}").status == 404
        assert not ada().is_active


class TestReusedIdentifiers:
    """The provider deleted an Admin and creates a user with some of the same identifiers."""

    EVE: ClassVar[Json] = {
        "userName": "eve@example.com",
        "externalId": "X-9",
        "emails": [mail("eve@example.com")],
        "name": {"givenName": "Eve", "familyName": "Adams"},
    }

    @pytest.fixture
    def ada(self, scim: Provider) -> Person:
        scim_id = scim.add(externalId="X-1", roles="BUSINESS_ADMIN")
        person = join()
        person.set_password("correct horse")
        person.save(update_fields=["password"])
        scim("DELETE", f"/Users/{scim_id}")
        return ada()

    @pytest.mark.parametrize(
        "shared",
        [
            {"externalId": "X-1"},
            {"userName": "ada@example.com"},
            {"emails": [mail("ada@example.com")]},
            {"userName": "ADA@example.com", "emails": [mail("Ada@Example.com")]},
            {"externalId": "X-1", "name": {"givenName": "Ada", "familyName": "Byron"}},
        ],
        ids=["externalId", "userName", "address", "userName and address", "first name"],
    )
    def test_new_person_is_created_if_evidence_is_weak(
        self, scim: Provider, ada: Person, shared: Json
    ) -> None:
        values = self.EVE | shared

        answer = scim("POST", "/Users", someone(**values))

        new = ScimUser.objects.get(scim_id=answer.id).person
        assert new
        assert new.pk != ada.pk
        assert (new.state, new.role) == (Person.State.INVITED, Person.Role.CARDHOLDER)
        assert not new.has_usable_password()
        ada.refresh_from_db()
        assert ada.state == Person.State.INACTIVE
        assert (ada.email == "") is (normalize_key(new.email) == "ada@example.com")
        question = SamePersonQuestion.objects.open().get()
        assert (question.user.person, question.earlier) == (new, ada)

    @pytest.mark.parametrize(
        "shared",
        [
            {"externalId": "X-1", "userName": "ada@example.com"},
            {"externalId": "X-1", "emails": [mail("ada@example.com")]},
            {"externalId": None, "userName": "ada@example.com"},
            {"externalId": "X-1", "name": {"givenName": "Ada", "familyName": "Lovelace"}},
        ],
        ids=["externalId and userName", "externalId and address", "userName", "full name"],
    )
    def test_same_person_is_restored_without_role_or_password(
        self, scim: Provider, ada: Person, shared: Json
    ) -> None:
        values = self.EVE | shared | {"roles": "BUSINESS_ADMIN"}

        answer = scim("POST", "/Users", someone(**values))

        assert ScimUser.objects.get(scim_id=answer.id).person == ada
        ada.refresh_from_db()
        assert (ada.state, ada.role) == (Person.State.INVITED, Person.Role.CARDHOLDER)
        assert ada.withheld_roles == {"BUSINESS_ADMIN": "asked"}
        assert not ada.has_usable_password()
        assert ada.email == values["emails"][0]["value"]
        assert not SamePersonQuestion.objects.exists()

    def test_restored_person_loses_role_and_password_if_first_created_inactive(
        self, scim: Provider, ada: Person
    ) -> None:
        scim_id = scim.add(externalId="X-1", active=False)
        scim.replace(scim_id, "active", value=True)

        ada.refresh_from_db()
        assert (ada.state, ada.role) == (Person.State.INVITED, Person.Role.CARDHOLDER)
        assert not ada.has_usable_password()

    def test_put_of_other_identifiers_to_inactive_user_clears_password(
        self, scim: Provider
    ) -> None:
        scim_id = scim.add(externalId="X-1")
        person = join()
        person.set_password("correct horse")
        person.save(update_fields=["password"])
        scim.replace(scim_id, "active", value=False)

        scim("PUT", f"/Users/{scim_id}", someone(**self.EVE))

        person.refresh_from_db()
        assert (person.email, person.state) == ("eve@example.com", Person.State.INVITED)
        assert not person.has_usable_password()

    def test_deactivation_and_reactivation_keep_role_and_password(self, scim: Provider) -> None:
        scim_id = scim.add(externalId="X-1", roles="BUSINESS_ADMIN")
        person = join()
        person.set_password("correct horse")
        person.save(update_fields=["password"])

        for active in (False, True):
            scim.replace(scim_id, "active", value=active)

        person.refresh_from_db()
        assert (person.state, person.role) == (Person.State.ACTIVE, Person.Role.ADMIN)
        assert person.check_password("correct horse")

    def test_new_person_is_created_if_two_deleted_people_match(self, scim: Provider) -> None:
        name = {"givenName": "Ada", "familyName": "Lovelace"}
        both = [scim.add(who, externalId="X-1", name=name) for who in ("ada", "bob")]
        for scim_id in both:
            scim("DELETE", f"/Users/{scim_id}")

        answer = scim("POST", "/Users", someone("cyd", externalId="X-1", name=name))

        new = ScimUser.objects.get(scim_id=answer.id).person
        assert new
        assert new.email == "cyd@example.com"
        assert SamePersonQuestion.objects.open().count() == 2


class TestSharedExternalId:
    def test_filter_returns_both_users(self, scim: Provider) -> None:
        ids = [scim.add(who, externalId="X-1") for who in ("ada", "bob")]

        found = scim.find('externalId eq "X-1"').body
        assert [one["id"] for one in found["Resources"]] == ids
        one = scim.find('externalId eq "X-1"', count=1).body
        assert (one["totalResults"], len(one["Resources"])) == (2, 1)

    def test_shared_external_id_names_no_manager(self, scim: Provider) -> None:
        for who in ("ada", "bob"):
            scim.add(who, externalId="X-1")

        scim.add("cyd", **managed_by("X-1"))

        assert ScimUser.objects.get(user_name_key="cyd@example.com").waiting_manager == "x-1"

    @pytest.mark.parametrize("are_gone", [False, True])
    def test_shared_external_id_pairs_no_sign_in(self, scim: Provider, *, are_gone: bool) -> None:
        ids = [scim.add(who, externalId="X-1") for who in ("ada", "bob")]
        for scim_id in ids if are_gone else ():
            scim("DELETE", f"/Users/{scim_id}")

        by = (str(scim.connection.pk), "externalId", "X-1")
        assert sign_in_pairing.paired_person(*by) is None
        assert sign_in_pairing.is_known(*by)

    def test_groups_may_share_an_external_id(self, scim: Provider) -> None:
        for name in ("Readers", "Writers"):
            body = {"displayName": name, "externalId": "G-1"}
            assert scim("POST", "/Groups", body).status == 201
