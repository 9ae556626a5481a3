"""Retrying refused requests, and dismissing sync errors."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Mail, Person
from people.operations import people, people_update
from people.values import Actor, Profile
from scim.api import request_log
from scim.models import RequestLog, ScimUser, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import RAMP, Provider, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

ERRORS = "/people/updates/errors/"
HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def refused_error(scim: Provider) -> SyncError:
    """Have Okta refused: Ada's new location uses another currency."""
    scim_id = scim.add("ada")
    core.location("New York", entity=core.entity("Ramp Inc.", currency="USD"))
    values = {RAMP: {"location": "New York"}, "name": {"givenName": "Ada", "familyName": "King"}}
    scim("PUT", f"/Users/{scim_id}", someone("ada", **values))
    return open_error()


def open_error() -> SyncError:
    error: SyncError = SyncError.objects.open().get()
    return error


def ada() -> Person:
    ada: Person = Person.objects.select_related("location").get(email="ada@example.com")
    return ada


def allow_new_york() -> None:
    london = ada().location
    assert london
    type(london).objects.filter(name="New York").update(entity=london.entity)


def retry(client: Client, error: SyncError, **sent: Any) -> str:
    return text_of(client.post(f"{ERRORS}{error.pk}/retry/", sent, follow=True))


def edit(**values: Any) -> None:
    """Change Ada by hand."""
    person = ada()
    fields: dict[str, Any] = {"given_name": "Ada", "family_name": "Lovelace", "email": person.email}
    profile = Profile(**fields | {"department": "Research", "location": "London"} | values)
    people_update.revise_person(person, profile, actor=HELPDESK)


def test_successful_retry_applies_the_request_and_resolves_the_error(
    client: Client, refused_error: SyncError
) -> None:
    allow_new_york()

    page = retry(client, refused_error)

    assert "Resolved: Ada King now matches Okta." in page
    assert ada().profile.location == "New York"
    refused_error.refresh_from_db()
    assert refused_error.resolved_at


def test_retry_is_logged_with_the_administrator(
    client: Client, refused_error: SyncError, owner: Person
) -> None:
    allow_new_york()

    retry(client, refused_error)

    log = RequestLog.objects.get(retried_by=f"person:{owner.email}")
    assert (log.status, log.method) == (200, "PUT")
    assert log.pk != refused_error.request_id
    event = Event.objects.get(request_id=log.pk)
    assert event.actor == "scim:okta"
    assert event.changes["family_name"] == {"from": "Lovelace", "to": "King"}


def test_refused_retry_keeps_the_error_open_with_the_new_request(
    client: Client, refused_error: SyncError, owner: Person
) -> None:
    page = retry(client, refused_error)

    assert "Refused again: Location cannot be assigned" in page
    assert "retried by owner@example.com" in page
    again = open_error()
    assert again.pk == refused_error.pk
    assert again.request_id != refused_error.request_id
    assert again.request
    assert again.request.retried_by == f"person:{owner.email}"
    assert ada().family_name == "Lovelace"


class TestPersonChangedMeanwhile:
    def test_difference_is_shown_before_retrying(
        self, client: Client, refused_error: SyncError
    ) -> None:
        allow_new_york()
        edit(department="Legal")

        page = retry(client, refused_error)

        assert "has changed since the request was sent." in page
        assert "<del><bdi>Legal</bdi></del> → <ins><bdi>Research</bdi></ins>" in page
        assert "<del><bdi>Lovelace</bdi></del> → <ins><bdi>King</bdi></ins>" in page
        assert ada().profile.department == "Legal"
        assert open_error() == refused_error

    def test_showing_the_difference_changes_nothing(
        self, client: Client, refused_error: SyncError
    ) -> None:
        allow_new_york()
        edit(department="Legal")
        counts = [model.objects.count() for model in (Event, Mail, RequestLog, SyncError)]

        text_of(client.get(f"{ERRORS}{refused_error.pk}/retry/"))

        assert counts == [model.objects.count() for model in (Event, Mail, RequestLog, SyncError)]
        assert ada().family_name == "Lovelace"

    def test_confirmed_retry_is_applied(self, client: Client, refused_error: SyncError) -> None:
        allow_new_york()
        edit(department="Legal")

        page = retry(client, refused_error, seen=ada().changed_at.isoformat())

        assert "Resolved" in page
        assert (ada().family_name, ada().profile.department) == ("King", "Research")

    def test_difference_is_shown_again_after_another_change(
        self, client: Client, refused_error: SyncError
    ) -> None:
        allow_new_york()
        edit(department="Legal")
        seen = ada().changed_at.isoformat()
        edit(department="Sales")

        page = retry(client, refused_error, seen=seen)

        assert "<del><bdi>Sales</bdi></del>" in page
        assert ada().profile.department == "Sales"

    def test_expected_refusal_is_shown(self, client: Client, refused_error: SyncError) -> None:
        edit(department="Legal")

        assert "would currently be refused again: Location cannot be" in retry(
            client, refused_error
        )

    def test_manager_is_shown_by_name(self, client: Client, connect: Connect) -> None:
        okta = connect("okta")
        okta.add("bob")
        scim_id = okta.add("ada", **managed_by("bob@example.com"))
        okta("PUT", f"/Users/{scim_id}", someone("ada", roles="EMPEROR"))
        edit(department="Legal")
        okta.connection.role_source = "ramp"
        okta.connection.save()

        page = retry(client, open_error())

        assert "<del><bdi>Bob Lovelace</bdi></del>" in page


class TestHeldValues:
    """A connection with the policy “hold” stores refused values, which a retry applies."""

    @pytest.fixture
    def held_error(self, connect: Connect) -> SyncError:
        connect("generic").add("ada", roles=[{"value": "EMPEROR"}])
        return open_error()

    def test_retry_applies_the_stored_resource(self, client: Client, held_error: SyncError) -> None:
        held_error.connection.role_source = "ramp"
        held_error.connection.save()
        user = ScimUser.objects.get()
        before = user.document

        page = retry(client, held_error)

        assert "Resolved" in page
        user.refresh_from_db()
        assert (user.person, user.document) == (ada(), before)

    def test_retry_works_without_the_request_log(
        self, client: Client, held_error: SyncError
    ) -> None:
        RequestLog.objects.all().delete()
        held_error.connection.role_source = "ramp"
        held_error.connection.save()

        assert "Resolved" in retry(client, held_error)

    def test_manually_deactivated_person_stays_inactive(
        self, client: Client, connect: Connect
    ) -> None:
        generic = connect("generic")
        generic.replace(generic.add("ada"), "roles", "EMPEROR")
        people.deactivate_person(ada(), actor=HELPDESK)
        generic.connection.role_source = "ramp"
        generic.connection.save()

        retry(client, open_error(), seen=ada().changed_at.isoformat())

        assert ada().state == Person.State.INACTIVE
        assert not SyncError.objects.open().exists()


class TestRetryIsRefused:
    def test_for_disconnected_connection(self, client: Client, refused_error: SyncError) -> None:
        refused_error.connection.disconnected_at = timezone.now()
        refused_error.connection.save()

        page = retry(client, refused_error)

        assert "Okta is not connected to Ramp, so its requests cannot be retried." in page
        assert ">Retry</button>" not in page
        assert ada().family_name == "Lovelace"

    def test_for_truncated_request(
        self, client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request_log, "MAX_BODY_LENGTH", 100)
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))

        page = retry(client, open_error())

        assert "was too long to be stored completely. Have Okta send it again." in page

    def test_for_deleted_request(self, client: Client, scim: Provider) -> None:
        scim("POST", "/Users", someone("ada", roles="EMPEROR"))
        RequestLog.objects.all().delete()

        page = text_of(client.get(ERRORS))
        assert ">Retry</button>" not in page

        assert "is no longer stored" in retry(client, open_error())

    def test_for_resolved_error(self, client: Client, refused_error: SyncError) -> None:
        SyncError.objects.update(resolved_at=timezone.now())

        assert client.post(f"{ERRORS}{refused_error.pk}/retry/").status_code == 404

    def test_for_error_of_another_company(self, client: Client) -> None:
        with core.in_another_tenant():
            core.owner()
            okta = Provider(scim_connection())
            okta("POST", "/Users", someone("ada", roles="EMPEROR"))
            error = open_error()

        for what in ("", "retry/", "dismiss/", "link/"):
            assert client.get(f"{ERRORS}{error.pk}/{what}").status_code == 404


class TestDismissing:
    def test_reason_is_required(self, client: Client, refused_error: SyncError) -> None:
        page = text_of(client.post(f"{ERRORS}{refused_error.pk}/dismiss/", {"because": "  "}))

        assert "This field is required." in page
        assert open_error() == refused_error

    def test_reason_is_limited_to_500_characters(
        self, client: Client, refused_error: SyncError
    ) -> None:
        page = text_of(client.post(f"{ERRORS}{refused_error.pk}/dismiss/", {"because": "x" * 501}))

        assert "at most 500 characters" in page

    def test_dismissal_is_shown_with_reason_and_administrator(
        self, client: Client, refused_error: SyncError, owner: Person
    ) -> None:
        client.post(f"{ERRORS}{refused_error.pk}/dismiss/", {"because": "She stays in London"})

        refused_error.refresh_from_db()
        assert refused_error.dismissed_at
        assert refused_error.dismissed_by == f"person:{owner.email}"
        page = text_of(client.get(ERRORS, {"state": "dismissed"}))
        assert "She stays in London" in page
        page = text_of(client.get(f"{ERRORS}{refused_error.pk}/"))
        assert "owner@example.com dismissed this on" in page


class TestErrorPage:
    def test_shows_formatted_body_without_secrets(self, client: Client, scim: Provider) -> None:
        body = someone("ada", roles="EMPEROR", password="correct horse", nickName="<b>Ada</b>")
        scim("POST", "/Users", body)

        response = client.get(f"{ERRORS}{open_error().pk}/")
        page = response.content.decode()

        assert "&quot;userName&quot;: &quot;ada@example.com&quot;,\n" in page
        assert "correct horse" not in page
        assert "<b>Ada" not in page
        assert "POST /Users" in page

    def test_shows_when_the_error_was_resolved(
        self, client: Client, refused_error: SyncError
    ) -> None:
        allow_new_york()
        retry(client, refused_error)

        page = text_of(client.get(f"{ERRORS}{refused_error.pk}/"))

        assert f"Resolved on {timezone.now():%-d %B %Y}" in page
        assert ">Retry</button>" not in page

    def test_shows_that_the_request_was_deleted(
        self, client: Client, refused_error: SyncError
    ) -> None:
        RequestLog.objects.all().delete()

        assert "no longer stored" in text_of(client.get(f"{ERRORS}{refused_error.pk}/"))

    def test_shows_body_that_is_not_json(self, client: Client, refused_error: SyncError) -> None:
        assert refused_error.request_id
        RequestLog.objects.filter(pk=refused_error.request_id).update(
            body="{oh", answer=json.dumps([])
        )

        assert "{oh" in text_of(client.get(f"{ERRORS}{refused_error.pk}/"))


def test_retry_for_deleted_user_is_refused(client: Client, scim: Provider) -> None:
    scim_id = scim.add("ada")
    scim.replace(scim_id, "roles", "EMPEROR")
    error = open_error()
    ScimUser.objects.update(deleted_at=timezone.now())

    assert f"Refused again: There is no user {scim_id}." in retry(client, error)


def test_retries_do_not_count_against_the_rate_limit(
    client: Client, refused_error: SyncError, settings: Any
) -> None:
    settings.SCIM_REQUESTS_PER_SECOND = 1
    for _ in range(4):
        assert "Refused again: Location" in retry(client, refused_error)
