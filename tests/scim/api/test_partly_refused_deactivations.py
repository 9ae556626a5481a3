"""Requests that deactivate a user and contain other values that are refused."""

from typing import Any

import pytest
from django.utils import timezone

from people.models import Event, Person
from people.operations.people import reactivate_person
from people.values import Actor
from scim.jobs import retry
from scim.models import Connection, RequestLog, ScimUser, SyncError
from tests.clients.pages import signed_in
from tests.clients.scim import ENT, RAMP, USER, Json, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.scim_leavers import BULK

pytestmark = pytest.mark.django_db

OUT = {"op": "replace", "path": "active", "value": False}


def ada() -> Person:
    ada: Person = Person.objects.select_related("department").get(email="ada@example.com")
    return ada


def is_deactivated() -> bool:
    return ada().state == Person.State.INACTIVE


def listed_reasons() -> set[str]:
    return set(SyncError.objects.open().values_list("reason", flat=True))


class TestPut:
    def test_accepted_values_are_applied_and_refused_ones_keep_old_values(
        self, scim: Provider
    ) -> None:
        scim_id = scim.add("ada", title="Countess", nickName="A", externalId="x-1")
        document = someone(
            "ada",
            active=False,
            name={"givenName": "Augusta", "familyName": "King"},
            roles=[{"value": "EMPEROR"}],
            title="x" * 250,
            **{ENT: {"department": "Legal", "manager": "ada@example.com"}},
        )

        answer = scim("PUT", f"/Users/{scim_id}", document)

        assert answer.status == 200
        assert answer.body == scim.read(scim_id)
        assert is_deactivated()
        assert (ada().given_name, str(ada().department)) == ("Augusta", "Legal")
        assert ada().role == Person.Role.CARDHOLDER
        assert answer.body["title"] == "Countess"
        assert "nickName" not in answer.body
        assert "externalId" not in answer.body
        assert "roles" not in answer.body
        assert answer.body[ENT] == {"department": "Legal"}
        assert listed_reasons() == {"invalid-role-assignment", "self-manager"}

    def test_name_is_replaced_as_a_whole(self, scim: Provider) -> None:
        scim_id = scim.add("ada", name={"givenName": "A", "familyName": "L", "middleName": "M"})

        document = someone("ada", active=False, **managed_by("ada@example.com"))
        answer = scim("PUT", f"/Users/{scim_id}", document)

        assert answer.body["name"] == {"givenName": "Ada", "familyName": "Lovelace"}

    def test_role_left_out_of_put_is_kept(self, scim: Provider) -> None:
        scim_id = scim.add("ada", roles=[{"value": "BUSINESS_BOOKKEEPER"}])

        for roles in ({}, {"roles": None}):
            values = someone("ada", active=False, **managed_by("ada@example.com")) | roles
            assert scim("PUT", f"/Users/{scim_id}", values).status == 200

        assert ada().role == Person.Role.BOOKKEEPER
        assert scim.read(scim_id)["roles"] == [{"value": "BUSINESS_BOOKKEEPER"}]

    def test_required_fields_are_not_removed(self, scim: Provider) -> None:
        scim_id = scim.add("ada", title="Countess")
        values = {"userName": "ada@example.com", "active": False}

        answer = scim("PUT", f"/Users/{scim_id}", values)

        assert is_deactivated()
        assert "title" not in answer.body
        assert answer.body[ENT] == {"department": "Research"}
        assert answer.body[RAMP] == {"location": "London"}
        assert listed_reasons() == {"incomplete", "invalid-name"}


class TestPatch:
    def test_accepted_operations_are_applied_one_by_one(self, scim: Provider) -> None:
        scim_id = scim.add("ada")

        answer = scim.patch(
            scim_id,
            {"op": "replace", "value": {"title": "Countess", "roles": "EMPEROR", "active": "0"}},
            {"op": "replace", "path": "name.givenName", "value": "Augusta"},
            {"op": "add", "path": f"{ENT}:manager", "value": "ada@example.com"},
            {"op": "add", "path": "emails[type eq", "value": "x"},
            {"op": "frobnicate", "path": "title", "value": "x"},
            {"op": "replace", "value": {ENT: {"division": "D", "department": ""}}},
        )

        assert answer.status == 200
        assert is_deactivated()
        assert ada().given_name == "Augusta"
        assert answer.body["title"] == "Countess"
        assert answer.body[ENT] == {"department": "Research", "division": "D"}
        assert listed_reasons() == {
            *("invalid-role-assignment", "self-manager", "invalid-path", "invalid-syntax"),
            "incomplete",
        }

    def test_many_refused_operations_do_not_prevent_deactivation(self, scim: Provider) -> None:
        scim_id = scim.add("ada")
        bad = {"op": "replace", "path": f"{ENT}:manager", "value": "ada@example.com"}
        worse = [{**bad, "value": f"ada{' ' * number}"} for number in range(200)]

        answer = scim.patch(scim_id, bad, OUT, *worse, {"op": "add", "path": "title", "value": "x"})

        assert answer.status == 200
        assert is_deactivated()

    def test_patch_that_finally_activates_is_refused_as_a_whole(self, scim: Provider) -> None:
        scim_id = scim.add("ada")

        answer = scim.patch(scim_id, OUT, OUT | {"value": True}, OUT | {"path": "emails[", "op": 1})

        assert answer.status == 400
        assert not is_deactivated()


class TestBareDeactivation:
    def test_values_of_earlier_requests_are_not_listed_as_refused(self, scim: Provider) -> None:
        """The unknown manager of an earlier request is refused since the policy changed."""
        scim_id = scim.add("ada", **managed_by("nobody@example.com"))
        SyncError.objects.all().delete()
        Connection.objects.update(unknown_manager=Connection.UnknownManager.REJECT)

        answer = scim("PATCH", f"/Users/{scim_id}", {"Operations": [OUT]})

        assert answer.status == 200
        assert is_deactivated()
        assert listed_reasons() == set()


class TestLastOwner:
    @pytest.mark.parametrize("rest", [{}, {"title": "x" * 250}])
    def test_deactivation_is_refused_with_all_other_values(
        self, scim: Provider, owner: Person, rest: Json
    ) -> None:
        scim_id = scim.add("ada")
        now = timezone.now()
        Person.objects.filter(pk=ada().pk).update(
            role=Person.Role.OWNER, state="active", joined_at=now
        )
        Person.objects.filter(pk=owner.pk).update(state="inactive", deactivated_at=now)

        document = someone("ada", active=False, nickName="A", **rest)
        answer = scim("PUT", f"/Users/{scim_id}", document)

        assert answer.status == 403
        assert not is_deactivated()
        assert "nickName" not in scim.read(scim_id)
        assert listed_reasons() == {"last-owner"}
        assert scim("DELETE", f"/Users/{scim_id}", If_Match='W/"9"').status == 403


class TestUserWithoutPerson:
    def test_resource_becomes_inactive(self, connect: Connect) -> None:
        scim = connect("generic")
        scim_id = scim("POST", "/Users", someone("ada", **{ENT: None})).id

        answer = scim("PUT", f"/Users/{scim_id}", someone("ada", active=0, title="x" * 250))

        assert answer.status == 200
        assert answer.body["active"] is False
        assert not ScimUser.objects.get().active


class TestInactiveUser:
    def test_repeated_inactive_does_not_deactivate_manually_reactivated_person(
        self, scim: Provider
    ) -> None:
        """Only a change of “active” deactivates, because providers repeat it with each update."""
        scim_id = scim.add("ada")
        scim.patch(scim_id, OUT)
        reactivate_person(ada(), actor=Actor("person", "helpdesk@example.com"))

        document = someone("ada", active=False, **managed_by("ada@example.com"))
        answer = scim("PUT", f"/Users/{scim_id}", document)

        assert answer.status == 200
        assert not is_deactivated()


def test_deactivation_is_one_event_of_the_request(scim: Provider) -> None:
    scim_id = scim.add("ada")

    document = someone("ada", active=False, **managed_by("ada@example.com"))
    answer = scim("PUT", f"/Users/{scim_id}", document)

    event = Event.objects.get(kind=Event.Kind.PERSON_DEACTIVATED)
    assert str(event.request_id) == answer.request_id
    assert str(event.actor) == str(scim.connection.actor)


def test_request_page_shows_refused_operations(scim: Provider, owner: Person) -> None:
    scim_id = scim.add("ada")
    document = someone("ada", active=False, **managed_by("ada@example.com"))
    answer = scim("PUT", f"/Users/{scim_id}", document)

    page = signed_in(owner).get(
        f"/integrations/scim/{scim.connection.pk}/requests/{answer.request_id}/", follow=True
    )

    shown = page.content.decode()
    assert "Partly applied" in shown
    assert "Refused operations" in shown


def test_retry_is_refused_until_the_value_is_valid(scim: Provider, owner: Person) -> None:
    scim_id = scim.add("ada")
    document = someone("ada", active=False, **managed_by("guido@example.com"))
    guido = core.person(email="guido@example.com", role=Person.Role.GUEST)
    scim("PUT", f"/Users/{scim_id}", document)
    error = SyncError.objects.open().get()

    again = retry.retry(error, actor=owner.actor)
    assert again.refused_because == error.message
    Person.objects.filter(pk=guido.pk).update(role=Person.Role.CARDHOLDER)
    at_last = retry.retry(error, actor=owner.actor)

    assert at_last.refused_because == ""
    assert ada().manager == guido
    assert not SyncError.objects.open().exists()


class TestBulkRequest:
    def send(self, scim: Provider, *operations: Any, **more: Any) -> list[Json]:
        body = {"schemas": [BULK], "Operations": operations} | more
        answer = scim("POST", "/Bulk", body)
        assert answer.status == 200, answer.content
        results: list[Json] = answer.body["Operations"]
        return results

    @pytest.fixture
    def deactivation(self, scim: Provider) -> Json:
        path = f"/Users/{scim.add('ada')}"
        return {"method": "PATCH", "path": path, "data": {"Operations": [OUT]}}

    @pytest.mark.parametrize(
        ("other", "more"),
        [
            ({"method": "FETCH", "path": "/Users"}, {}),
            ("nothing", {}),
            ({"method": "PUT", "path": "/Users/x", "data": {}}, {"failOnErrors": "many"}),
        ],
    )
    def test_deactivation_is_applied_if_the_bulk_request_is_invalid(
        self, scim: Provider, deactivation: Json, other: Any, more: Json
    ) -> None:
        results = self.send(scim, other, deactivation, **more)

        assert [one["status"] for one in results] == ["400", "200"]
        assert is_deactivated()
        assert SyncError.objects.open().get().resource_type == SyncError.Kind.BULK

    def test_deactivation_is_applied_after_fail_on_errors(
        self, scim: Provider, deactivation: Json
    ) -> None:
        wrong = {"method": "PUT", "path": "/Users/x", "data": {}}
        newcomer = {"method": "POST", "path": "/Users", "bulkId": "1", "data": someone("bob")}

        results = self.send(scim, wrong, newcomer, deactivation, failOnErrors=1)

        assert [one["status"] for one in results] == ["404", "200"]
        assert is_deactivated()
        assert RequestLog.objects.filter(status=201).count() == 1

    def test_deactivation_is_applied_beyond_the_operation_limit(
        self, scim: Provider, deactivation: Json
    ) -> None:
        results = self.send(scim, *[{"method": "DELETE", "path": "/Groups/x"}] * 1000, deactivation)

        assert {one["status"] for one in results[:-1]} == {"413"}
        assert results[-1]["status"] == "200"
        assert is_deactivated()


@pytest.mark.parametrize("member", [{USER: {"active": False}}, {f"{USER}:ACTIVE": "0"}])
def test_active_in_unusual_places_deactivates(scim: Provider, member: Json) -> None:
    scim_id = scim.add("ada")

    assert scim("PUT", f"/Users/{scim_id}", someone("ada", active=None) | member).status == 200

    assert is_deactivated()
    assert not listed_reasons()


def test_deactivation_is_applied_if_the_new_email_is_taken(connect: Connect) -> None:
    scim = connect(incomplete_policy=Connection.Incomplete.HOLD)
    scim_id = scim.add("ada")
    scim.add("bob")

    document = someone("ada", active=False, emails=[mail("bob@example.com")])
    assert scim("PUT", f"/Users/{scim_id}", document).status == 200

    assert is_deactivated()
    assert listed_reasons() == {"duplicate-email"}
