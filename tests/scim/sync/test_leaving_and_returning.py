"""Somebody whom the provider …"""

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
    said = someone(active=None)
    return lambda scim, scim_id, value: scim("PUT", f"/Users/{scim_id}", said | {name: value})


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
# How false and true are spelled.
SPELLINGS: dict[str, tuple[Any, Any]] = {
    "boolean": (False, True),
    "Entra's string": ("False", "True"),
    "another string": ("fALSE", "TRUE"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_leaves_and_returns_in_any_dialect(
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
def test_is_neither_active_nor_not_stays_in(scim: Provider, change: Change) -> None:
    """A yes that is not done would be worse than any refusal."""
    scim_id = scim.add()

    for value in ("maybe", 2, "2", -1, [True, False], {"value": "maybe"}):
        answer = change(scim, scim_id, value)
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert "active" in answer.detail

    assert ada().is_active
    assert scim.read(scim_id)["active"] is True


@pytest.mark.parametrize("order", [1, -1])
def test_renames_at_the_same_time_is_out_too(scim: Provider, order: int) -> None:
    scim_id = scim.add()
    rename: Json = {"op": "replace", "path": "userName", "value": "countess@example.com"}
    deactivate: Json = {"op": "replace", "path": "active", "value": False}

    answer = scim.patch(scim_id, *[rename, deactivate][::order])

    assert (answer.body["userName"], answer.body["active"]) == ("countess@example.com", False)
    assert ada().state == Person.State.INACTIVE


def test_renames_and_deactivates_by_put_is_out(scim: Provider) -> None:
    scim_id = scim.add()

    scim("PUT", f"/Users/{scim_id}", someone(userName="countess@example.com", active=False))

    assert ada().state == Person.State.INACTIVE


def test_deactivates_is_signed_out_at_once(scim: Provider) -> None:
    scim_id = scim.add(roles="BUSINESS_ADMIN")
    browser = Client()
    browser.force_login(join())
    assert browser.get("/people/").status_code == 200

    scim.replace(scim_id, "active", "False")

    assert browser.get("/people/")["Location"].startswith("/sign-in/")
    scim.replace(scim_id, "active", "True")
    assert browser.get("/people/")["Location"].startswith("/sign-in/")


def test_deactivates_has_no_invite_any_more(scim: Provider) -> None:
    scim_id = scim.add()

    scim.replace(scim_id, "active", value=False)

    assert not Invite.objects.open().exists()
    scim.replace(scim_id, "active", value=True)
    assert (ada().state, Invite.objects.open().count()) == (Person.State.INVITED, 1)


def test_deactivates_twice_leaves_once(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)
    version = scim.read(scim_id)["meta"]["version"]

    answer = scim.replace(scim_id, "active", "False")

    assert answer.headers["ETag"] == version
    assert Event.objects.filter(kind="person.deactivated").count() == 1


def test_deactivates_is_still_found(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)

    for text in ('userName eq "ada@example.com"', "active eq false", f'id eq "{scim_id}"'):
        assert [one["id"] for one in scim.find(text).body["Resources"]] == [scim_id]


def test_deactivates_keeps_groups_and_reports(scim: Provider) -> None:
    scim_id = scim.add()
    scim.add_group("Editors", scim_id)

    scim.replace(scim_id, "active", value=False)

    assert [group["display"] for group in scim.read(scim_id)["groups"]] == ["Editors"]


def test_pushes_as_inactive_is_here_but_out(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone(active=False))

    assert (answer.status, answer.body["active"]) == (201, False)
    assert ada().state == Person.State.INACTIVE
    assert not Invite.objects.open().exists()


def test_says_nothing_of_being_active_stays_as_they_are(scim: Provider) -> None:
    scim_id = scim.add()
    scim.replace(scim_id, "active", value=False)

    scim("PUT", f"/Users/{scim_id}", someone(active=None, title="Countess"))

    assert scim.read(scim_id)["active"] is False
    assert not ada().is_active


class TestHasAsActive:
    """An administrator deactivated them by hand, and the provider does not know."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_stays_out_however_often_it_says_so(self, scim: Provider, change: str) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        answer = CHANGES[change](scim, scim_id, value=True)

        assert answer.status == 200
        assert (ada().state, ada().deactivated_by) == (Person.State.INACTIVE, str(HELPDESK))

    def test_stays_out_when_something_else_changes(self, scim: Provider) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        scim("PUT", f"/Users/{scim_id}", someone(name={"givenName": "A", "familyName": "King"}))

        assert (ada().state, ada().family_name) == (Person.State.INACTIVE, "King")

    def test_is_in_again_when_it_takes_them_back(self, scim: Provider) -> None:
        scim_id = scim.add()
        people.deactivate_person(join(), actor=HELPDESK)

        scim.replace(scim_id, "active", value=False)
        scim.replace(scim_id, "active", value=True)

        assert ada().state == Person.State.ACTIVE


class TestDeletes:
    @pytest.fixture
    def gone(self, scim: Provider) -> str:
        scim_id = scim.add(externalId="X-1")
        scim.add_group("Editors", scim_id)
        join()
        answer = scim("DELETE", f"/Users/{scim_id}")
        assert (answer.status, answer.content) == (204, b"")
        return scim_id

    def test_is_out(self, gone: str) -> None:
        assert (ada().state, ada().deactivated_by) == (Person.State.INACTIVE, "scim:okta")

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_is_unknown(self, scim: Provider, gone: str, method: str) -> None:
        body = {"PUT": someone(), "PATCH": {"Operations": []}}.get(method)

        assert scim(method, f"/Users/{gone}", body).status == 404

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
    def test_is_found_by_no_filter(self, scim: Provider, gone: str, text: str) -> None:
        assert scim.find(text).body["totalResults"] == 0

    def test_is_a_member_of_nothing(self, scim: Provider, gone: str) -> None:
        [group] = scim("GET", "/Groups").body["Resources"]
        assert "members" not in group
        scim.add()
        assert "groups" not in scim.read(gone)

    def test_becomes_a_member_only_by_returning(self, scim: Provider, gone: str) -> None:
        readers = scim.add_group("Readers", gone)
        assert "members" not in scim("GET", f"/Groups/{readers}").body

        assert scim.add() == gone
        waiting_members.join_all()

        assert [one["display"] for one in scim.read(gone)["groups"]] == ["Readers"]

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"externalId": "X-1"},
            {"userName": "ADA@Example.com"},
            {"userName": "countess@example.com", "externalId": "X-1"},
            {"emails": [mail("countess@example.com")]},
        ],
        ids=["same", "externalId", "another case", "another name", "another address"],
    )
    def test_comes_back_as_the_same_person(
        self, scim: Provider, gone: str, said: dict[str, Any]
    ) -> None:
        before = ada()

        answer = scim("POST", "/Users", someone(**said))

        assert (answer.status, answer.id) == (201, gone)
        assert ScimUser.objects.get().person == before
        before.refresh_from_db()
        assert (before.state, before.deactivated_at) == (Person.State.INVITED, None)
        assert Invite.objects.open().get().person == before
        assert scim.read(gone) == answer.body
        assert scim.find(f'userName eq "{answer.body["userName"]}"').body["totalResults"] == 1

    def test_comes_back_with_nothing_of_before(self, scim: Provider, gone: str) -> None:
        answer = scim("POST", "/Users", someone())

        assert "externalId" not in answer.body
        assert "groups" not in answer.body
        assert scim.find('emails.value eq "ada@example.com"').body["totalResults"] == 1

    def test_comes_back_with_a_later_version(self, scim: Provider, gone: str) -> None:
        assert scim("POST", "/Users", someone()).headers["ETag"] == 'W/"2"'

    def test_comes_back_deactivated_if_so_pushed(self, scim: Provider, gone: str) -> None:
        answer = scim("POST", "/Users", someone(active=False))

        assert (answer.id, answer.body["active"]) == (gone, False)
        assert not ada().is_active

    def test_comes_back_to_the_one_with_the_external_id(self, scim: Provider, gone: str) -> None:
        other = scim.add("bob", externalId="X-2")
        scim("DELETE", f"/Users/{other}")

        said = {"userName": "bob@example.com", "externalId": "X-1"}
        assert scim("POST", "/Users", someone(**said)).id == gone

    def test_does_not_come_back_for_somebody_else(self, scim: Provider, gone: str) -> None:
        assert scim.add("bob", externalId="X-2") != gone
        assert not ada().is_active

    def test_comes_back_to_no_other_connection(self, connect: Connect, gone: str) -> None:
        entra = connect("entra")

        answer = entra("POST", "/Users", someone(externalId="X-1"))

        assert answer.status == 201
        assert answer.id != gone

    def test_is_a_duplicate_only_while_here(self, scim: Provider, gone: str) -> None:
        scim.add()

        answer = scim("POST", "/Users", someone())

        assert (answer.status, answer.body["scimType"]) == (409, "uniqueness")

    def test_stays_gone_when_the_push_is_refused(self, scim: Provider, gone: str) -> None:
        answer = scim("POST", "/Users", someone(roles="EMPEROR"))

        assert answer.status == 400
        assert scim("GET", f"/Users/{gone}").status == 404
        assert not ada().is_active


class TestRecycles:
    """The provider deleted an Admin with a password, and creates somebody with their …"""

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
    def test_is_somebody_new_at_once(self, scim: Provider, ada: Person, shared: Json) -> None:
        said = self.EVE | shared

        answer = scim("POST", "/Users", someone(**said))

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
    def test_is_the_same_who_starts_over(self, scim: Provider, ada: Person, shared: Json) -> None:
        said = self.EVE | shared | {"roles": "BUSINESS_ADMIN"}

        answer = scim("POST", "/Users", someone(**said))

        assert ScimUser.objects.get(scim_id=answer.id).person == ada
        ada.refresh_from_db()
        assert (ada.state, ada.role) == (Person.State.INVITED, Person.Role.CARDHOLDER)
        assert ada.withheld_roles == {"BUSINESS_ADMIN": "asked"}
        assert not ada.has_usable_password()
        assert ada.email == said["emails"][0]["value"]
        assert not SamePersonQuestion.objects.exists()

    def test_starts_over_though_first_pushed_as_inactive(self, scim: Provider, ada: Person) -> None:
        scim_id = scim.add(externalId="X-1", active=False)
        scim.replace(scim_id, "active", value=True)

        ada.refresh_from_db()
        assert (ada.state, ada.role) == (Person.State.INVITED, Person.Role.CARDHOLDER)
        assert not ada.has_usable_password()

    def test_resource_while_inactive_starts_over(self, scim: Provider) -> None:
        scim_id = scim.add(externalId="X-1")
        person = join()
        person.set_password("correct horse")
        person.save(update_fields=["password"])
        scim.replace(scim_id, "active", value=False)

        scim("PUT", f"/Users/{scim_id}", someone(**self.EVE))

        person.refresh_from_db()
        assert (person.email, person.state) == ("eve@example.com", Person.State.INVITED)
        assert not person.has_usable_password()

    def test_stays_as_they_were_if_only_switched_off_and_on(self, scim: Provider) -> None:
        scim_id = scim.add(externalId="X-1", roles="BUSINESS_ADMIN")
        person = join()
        person.set_password("correct horse")
        person.save(update_fields=["password"])

        for active in (False, True):
            scim.replace(scim_id, "active", value=active)

        person.refresh_from_db()
        assert (person.state, person.role) == (Person.State.ACTIVE, Person.Role.ADMIN)
        assert person.check_password("correct horse")

    def test_is_nobody_where_two_left_by_the_same_evidence(self, scim: Provider) -> None:
        name = {"givenName": "Ada", "familyName": "Lovelace"}
        both = [scim.add(who, externalId="X-1", name=name) for who in ("ada", "bob")]
        for scim_id in both:
            scim("DELETE", f"/Users/{scim_id}")

        answer = scim("POST", "/Users", someone("cyd", externalId="X-1", name=name))

        new = ScimUser.objects.get(scim_id=answer.id).person
        assert new
        assert new.email == "cyd@example.com"
        assert SamePersonQuestion.objects.open().count() == 2


class TestSharesAnExternalId:
    def test_is_found_with_the_other(self, scim: Provider) -> None:
        ids = [scim.add(who, externalId="X-1") for who in ("ada", "bob")]

        found = scim.find('externalId eq "X-1"').body
        assert [one["id"] for one in found["Resources"]] == ids
        one = scim.find('externalId eq "X-1"', count=1).body
        assert (one["totalResults"], len(one["Resources"])) == (2, 1)

    def test_is_nobodys_manager_by_it(self, scim: Provider) -> None:
        for who in ("ada", "bob"):
            scim.add(who, externalId="X-1")

        scim.add("cyd", **managed_by("X-1"))

        assert ScimUser.objects.get(user_name_key="cyd@example.com").waiting_manager == "x-1"

    @pytest.mark.parametrize("are_gone", [False, True])
    def test_is_paired_by_it_with_nobody(self, scim: Provider, *, are_gone: bool) -> None:
        ids = [scim.add(who, externalId="X-1") for who in ("ada", "bob")]
        for scim_id in ids if are_gone else ():
            scim("DELETE", f"/Users/{scim_id}")

        by = (str(scim.connection.pk), "externalId", "X-1")
        assert sign_in_pairing.paired_person(*by) is None
        assert sign_in_pairing.is_known(*by)

    def test_may_share_a_group_s_too(self, scim: Provider) -> None:
        for name in ("Readers", "Writers"):
            body = {"displayName": name, "externalId": "G-1"}
            assert scim("POST", "/Groups", body).status == 201
