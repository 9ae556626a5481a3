"""The page of a person, with roles, reports, invite and timeline."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from people import events
from people.models import CustomField, Invite, Person, Tenant
from people.operations import people, people_update
from people.values import Actor, Invitation, Profile
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


def profile(**fields: Any) -> Profile:
    usual = {"given_name": "Ada", "family_name": "Lovelace", "email": "ada@example.com"}
    return Profile(**usual | fields)


def page_of(person: Person, **query: Any) -> str:
    return text_of(signed_in(core.administrator()).get(f"/people/{person.pk}/", query))


def test_marks_fields_managed_by_the_identity_provider(tenant: Tenant) -> None:
    ada = people.add_person(profile(department="Legal"), actor=OKTA)

    page = page_of(ada)

    today = f"{timezone.now():%-d %B %Y}"
    assert f"Managed by Okta since {today}" in page
    owned, unowned = page.split("Managed in Ramp")
    assert "Legal" in owned
    assert "Managed by" not in unowned


def test_marks_no_fields_of_a_person_without_provider(ada: Person) -> None:
    assert "Managed by" not in page_of(ada)


def test_shows_the_source_of_each_role(tenant: Tenant) -> None:
    ada = people.add_person(profile(role="BUSINESS_BOOKKEEPER"), actor=OKTA)
    core.person(manager=ada)
    core.person(manager=ada)

    page = page_of(ada)

    assert "Bookkeeper</strong> · from Okta · since" in page
    assert "Manager</strong> · because 2 people report to Ada" in page


def test_shows_20_reports_and_links_to_the_others(ada: Person) -> None:
    for number in range(25):
        core.person(family_name=f"Report{number:02}", manager=ada)

    page = page_of(ada)

    assert "25 reports" in page
    assert "Report19" in page
    assert "Report20" not in page
    assert f"/people/?manager__id__exact={ada.pk}" in page


def test_shows_the_actor_of_the_deactivation(ada: Person) -> None:
    people.deactivate_person(ada, actor=OKTA)

    page = page_of(ada)

    assert "Okta deactivated Ada Lovelace on" in page
    assert f'href="/people/{ada.pk}/reactivate/"' in page
    assert f'href="/people/{ada.pk}/deactivate/"' not in page


def test_shows_why_an_invite_is_on_hold(tenant: Tenant) -> None:
    ada = people.add_person(
        profile(), actor=OKTA, invitation=Invitation(hold_reason="No manager yet.")
    )

    assert "The invite is on hold and has not been sent: No manager yet." in page_of(ada)


def test_shows_that_an_invite_has_expired(tenant: Tenant) -> None:
    ada = people.add_person(profile(), actor=OKTA)
    Invite.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert "The invite expired on" in page_of(ada)


def test_shows_a_pending_address(ada: Person) -> None:
    people_update.revise_person(ada, profile(email="new@example.com"), actor=OKTA)

    page = page_of(ada)

    assert "<strong>new@example.com</strong> once it is confirmed." in page
    assert "Until then, they sign in with ada@example.com." in page


def test_shows_custom_fields_by_their_names(tenant: Tenant) -> None:
    CustomField.objects.create(tenant=tenant, name="Cost centre", external_name="cost_center")
    ada = core.person(custom_values={"cost_center": "4711"})

    page = page_of(ada)

    assert "Cost centre" in page
    assert "4711" in page


def test_offers_no_actions_for_a_terminated_person(tenant: Tenant) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    page = page_of(gone)

    assert "This cannot be undone" in page
    for action in ("edit", "deactivate", "reactivate"):
        assert f"/people/{gone.pk}/{action}/" not in page


class TestTimeline:
    def test_describes_each_change_in_a_sentence(self, ada: Person) -> None:
        core.person(given_name="Grace", family_name="Hopper", email="helpdesk@example.com")
        people_update.revise_person(ada, profile(department="Sales"), actor=OKTA)
        people_update.revise_person(ada, profile(department="Legal"), actor=HELPDESK)
        people.deactivate_person(ada, actor=OKTA, reason="Left in May")

        page = page_of(ada)

        sentences = [
            "Okta deactivated Ada Lovelace",
            "Reason: Left in May",
            "Grace Hopper changed department from Sales to Legal",
            "Okta set department to Sales",
        ]
        places = [page.rindex(f">{sentence}<") for sentence in sentences]
        assert places == sorted(places)

    def test_shows_names_of_managers_instead_of_ids(self, ada: Person) -> None:
        grace = core.person(given_name="Grace", family_name="Hopper")
        people_update.revise_person(ada, ada.profile, actor=OKTA, manager=grace)
        people_update.revise_person(ada, ada.profile, actor=OKTA, manager=None)

        page = page_of(ada)

        assert "Okta set manager to Grace Hopper" in page
        assert "Okta removed manager" in page
        assert f">{grace.pk}<" not in page

    def test_lists_all_fields_of_one_change(self, ada: Person) -> None:
        changed = profile(department="Legal", role="IT_ADMIN")
        people_update.revise_person(ada, changed, actor=OKTA)

        page = page_of(ada)

        assert "Okta changed department and role" in page
        assert "<del><bdi>Cardholder</bdi></del> → <ins><bdi>IT Admin</bdi></ins>" in page

    def test_shows_the_id_of_the_request(self, ada: Person) -> None:
        request_id = UUID("7f0a3c1e-0000-4000-8000-000000000001")
        with events.caused_by(request_id):
            people.deactivate_person(ada, actor=OKTA)

        assert str(request_id) in page_of(ada)

    def test_next_page_continues_after_the_last_event(self, ada: Person) -> None:
        for number in range(25):
            people_update.revise_person(ada, profile(department=f"D{number}"), actor=OKTA)
        event = ada.events.order_by("-pk")[19]

        first, second = page_of(ada), page_of(ada, before=event.pk)

        assert f"?before={event.pk}" in first
        assert "from D4 to D5" in first
        assert "from D3 to D4" in second
        assert "from D4 to D5" not in second
        assert "?before=" not in second

    @pytest.mark.parametrize("before", ["x", "-1", "", "9" * 30, "١"])
    def test_invalid_page_parameter_is_not_found(self, ada: Person, before: str) -> None:
        client = signed_in(core.administrator())

        assert client.get(f"/people/{ada.pk}/", {"before": before}).status_code == 404


def test_takes_the_same_queries_for_many_reports_and_events(
    ada: Person,
) -> None:
    client = signed_in(core.administrator())
    address = f"/people/{ada.pk}/"

    def add_reports_and_events(numbers: range) -> None:
        for number in numbers:
            boss = core.person(email=f"boss-{number}@example.com")
            core.person(manager=ada)
            new = profile(department=f"D{number}")
            people_update.revise_person(ada, new, actor=boss.actor, manager=boss)

    add_reports_and_events(range(1))
    few = len(queries_of(client, address))
    add_reports_and_events(range(1, 30))

    assert len(queries_of(client, address)) == few
    assert few <= 25
