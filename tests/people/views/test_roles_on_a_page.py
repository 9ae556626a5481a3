"""Roles on the page of a person, and the page of custom roles."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Event, Grant, Person, Role
from people.operations import people, people_update
from people.operations.roles import base_roles
from people.values import Actor, Profile, normalize_key
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
MAPPING = Actor("mapping", "Finance")


@pytest.fixture
def olga(owner: Person) -> Client:
    return signed_in(owner)


def role(name: str = "Auditor", *, is_elevated: bool = False) -> Role:
    return Role.objects.create(
        tenant_id=tenancy.current_id(),
        name=name,
        name_key=normalize_key(name),
        is_elevated=is_elevated,
    )


def page_of(client: Client, person: Person) -> str:
    return text_of(client.get(f"/people/{person.pk}/"))


def grant(client: Client, person: Person, role: Any) -> str:
    return text_of(client.post(f"/people/{person.pk}/roles/", {"role": role}, follow=True))


def withdraw(client: Client, grant: Grant) -> str:
    address = f"/people/{grant.person_id}/roles/{grant.pk}/withdraw/"
    return text_of(client.post(address, follow=True))


def test_shows_who_assigned_the_base_role(olga: Client, owner: Person) -> None:
    profile = Profile(given_name="Bob", family_name="B", email="bob@example.com", role="IT_ADMIN")
    bob = people.add_person(profile, actor=owner.actor)

    today = f"{timezone.now():%-d %B %Y}"
    assert f"IT Admin</strong> · from Olga Owner · since {today}" in page_of(olga, bob)


def test_shows_that_a_provider_sent_no_role(olga: Client) -> None:
    profile = Profile(given_name="Bob", family_name="B", email="bob@example.com")
    bob = people.add_person(profile, actor=OKTA)

    assert "Cardholder</strong> · default (Okta sent no role)" in page_of(olga, bob)


def test_shows_manager_since_the_earliest_current_report(olga: Client, ada: Person) -> None:
    left, stays = core.person(), core.person()
    for report in (left, stays):
        people_update.assign_manager(report, ada, actor=OKTA)
    people_update.assign_manager(left, None, actor=OKTA)
    now = timezone.now()
    Event.objects.filter(person=left).update(happened_at=now - timedelta(days=90))
    Event.objects.filter(person=stays).update(happened_at=now - timedelta(days=40))

    page = page_of(olga, ada)

    since = f"{now - timedelta(days=40):%-d %B %Y}"
    assert f"Manager</strong> · because 1 person reports to Ada · since {since}" in page


def test_shows_no_manager_role_without_current_reports(olga: Client, ada: Person) -> None:
    core.person(manager=ada, state=Person.State.TERMINATED)

    assert "Manager</strong>" not in page_of(olga, ada)


def test_grants_a_custom_role_and_shows_the_actor(olga: Client, ada: Person) -> None:
    auditor = role(is_elevated=True)

    page = grant(olga, ada, auditor.pk)

    assert "Ada Lovelace now has the role Auditor." in page
    assert "Auditor</strong> (elevated) · granted by Olga Owner · since" in page
    assert "Olga Owner granted the role Auditor" in page
    assert base_roles.is_privileged(ada)


def test_shows_custom_role_granted_by_the_actor_of_the_base_role(
    olga: Client, owner: Person
) -> None:
    profile = Profile(given_name="Bob", family_name="B", email="bob@example.com", role="IT_ADMIN")
    bob = people.add_person(profile, actor=owner.actor)

    assert "Auditor</strong> · granted by Olga Owner · since" in grant(olga, bob, role().pk)


def test_granting_a_role_again_confirms_the_grant(olga: Client, ada: Person) -> None:
    auditor = role()
    grant(olga, ada, auditor.pk)
    Grant.objects.update(since=timezone.now() - timedelta(days=3))

    page = grant(olga, ada, auditor.pk)

    assert "already granted Ada Lovelace the role Auditor" in page
    assert "Last confirmed on" in page
    assert Grant.objects.count() == 1


def test_removes_a_manually_granted_role(olga: Client, ada: Person) -> None:
    grant(olga, ada, role().pk)

    page = withdraw(olga, Grant.objects.get())

    assert "Olga Owner removed the role Auditor" in page
    assert "Source: Olga Owner." in page
    assert not Grant.objects.exists()


def test_role_granted_by_a_mapping_cannot_be_removed(olga: Client, ada: Person) -> None:
    base_roles.grant_role(ada, role(), actor=MAPPING)

    assert "/withdraw/" not in page_of(olga, ada)
    assert "Remove it there." in withdraw(olga, Grant.objects.get())
    assert Grant.objects.exists()


def test_shows_a_role_once_per_source(olga: Client, ada: Person) -> None:
    auditor = role()
    base_roles.grant_role(ada, auditor, actor=MAPPING)
    grant(olga, ada, auditor.pk)

    assert page_of(olga, ada).count("Auditor</strong>") == 2


@pytest.mark.parametrize("value", ["", "x", "999999", "Auditor"])
def test_refuses_an_unknown_role(olga: Client, ada: Person, value: str) -> None:
    role()

    assert "Choose a custom role" in grant(olga, ada, value)
    assert not Grant.objects.exists()


def test_refuses_to_grant_a_role_to_a_terminated_person(olga: Client) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    assert "was terminated" in grant(olga, gone, role().pk)
    assert f"{gone.pk}/roles/" not in page_of(olga, gone)
    assert not Grant.objects.exists()


def test_explains_that_there_are_no_custom_roles(olga: Client, ada: Person) -> None:
    assert "has no custom roles yet" in page_of(olga, ada)


def test_roles_and_people_of_another_company_are_not_found(olga: Client, ada: Person) -> None:
    with core.in_another_tenant() as another:
        theirs = Role.objects.create(tenant=another, name="Theirs", name_key="theirs")
        stranger = core.person()
        base_roles.grant_role(stranger, theirs, actor=OKTA)
        granted = Grant.objects.get()

    assert "Choose a custom role" in grant(olga, ada, theirs.pk)
    assert olga.post(f"/people/{stranger.pk}/roles/", {"role": theirs.pk}).status_code == 404
    address = f"/people/{stranger.pk}/roles/{granted.pk}/withdraw/"
    assert olga.post(address).status_code == 404


def test_roles_are_changed_only_by_post_requests_of_administrators(
    olga: Client, ada: Person
) -> None:
    assert olga.get(f"/people/{ada.pk}/roles/").status_code == 405
    assert signed_in(ada).post(f"/people/{ada.pk}/roles/").status_code in (302, 403)


def test_takes_the_same_queries_for_many_grants(olga: Client, ada: Person) -> None:
    base_roles.grant_role(ada, role(), actor=core.person().actor)
    few = len(queries_of(olga, f"/people/{ada.pk}/"))
    for number in range(30):
        base_roles.grant_role(ada, role(f"Role {number}"), actor=core.person().actor)

    assert len(queries_of(olga, f"/people/{ada.pk}/")) == few


class TestRolesPage:
    def test_role_names_are_unique_in_any_case(self, olga: Client) -> None:
        data = {"name": "Auditor", "is_elevated": "on"}
        olga.post("/people/roles/add/", data)
        again = text_of(olga.post("/people/roles/add/", {"name": "AUDITOR"}))

        assert Role.objects.get().is_elevated
        assert "“AUDITOR” already exists." in again
        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.changes["elevated"] == {"from": None, "to": "yes"}

    def test_shows_a_dash_for_a_role_that_is_not_elevated(self, olga: Client) -> None:
        role()

        cell = text_of(olga.get("/people/roles/")).partition('data-label="Elevated">')[2]

        assert cell.partition("</td>")[0].strip() == "—"

    def test_renamed_role_is_shown_on_pages_of_its_holders(self, olga: Client, ada: Person) -> None:
        auditor = role()
        grant(olga, ada, auditor.pk)

        olga.post(f"/people/roles/{auditor.pk}/change/", {"name": "Inspector"})

        assert "Inspector</strong>" in page_of(olga, ada)

    def test_counts_each_holder_once(self, olga: Client, ada: Person) -> None:
        auditor = role()
        base_roles.grant_role(ada, auditor, actor=OKTA)
        base_roles.grant_role(ada, auditor, actor=MAPPING)

        page = text_of(olga.get("/people/roles/"))

        assert "1 person" in page
        assert "Elevated" in page

    def test_role_with_holders_cannot_be_deleted(self, olga: Client, ada: Person) -> None:
        auditor = role()
        base_roles.grant_role(ada, auditor, actor=OKTA)
        where = f"/people/roles/{auditor.pk}/delete/"

        refused = text_of(olga.post(where, {"post": "yes"}, follow=True))
        Grant.objects.all().delete()
        olga.post(where, {"post": "yes"})

        assert "Auditor cannot be deleted: 1 person holds it." in refused
        assert not Role.objects.exists()

    def test_is_linked_in_the_navigation(self, olga: Client) -> None:
        assert 'href="/people/roles/"' in text_of(olga.get("/people/"))

    def test_empty_list_explains_roles(self, olga: Client) -> None:
        page = text_of(olga.get("/people/roles/"))

        assert "No roles yet" in page
        assert "Grant them on a person" in page

    def test_takes_the_same_queries_for_many_roles(self, olga: Client, ada: Person) -> None:
        role()
        few = len(queries_of(olga, "/people/roles/"))
        for number in range(30):
            base_roles.grant_role(ada, role(f"Role {number}"), actor=OKTA)

        assert len(queries_of(olga, "/people/roles/")) == few
