"""The inactive users in Team updates."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from people.operations import people
from people.operations.offboarding import schedule
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.support.offboarding_job import (
    after,
    bulk_change,
    gone,
    outstanding_item,
    shared_fund,
    switch,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def list_page(client: Client, **query: Any) -> str:
    return text_of(client.get("/people/updates/inactive/", query))


def deactivated(actor: Actor, **fields: Any) -> Person:
    person = core.person(**fields)
    people.deactivate_person(person, actor=actor)
    return person


def test_shows_date_and_actor_of_deactivation(client: Client, owner: Person) -> None:
    deactivated(owner.actor, family_name="Hopper")

    page = list_page(client)

    assert "Ada Hopper" in page
    assert f"{timezone.now():%-d %B %Y}" in page
    assert "<bdi>Olga Owner</bdi>" in page


def test_manually_deactivated_person_can_be_reactivated(client: Client, owner: Person) -> None:
    ada = deactivated(owner.actor)

    assert f'href="/people/{ada.pk}/reactivate/"' in list_page(client)
    client.post(f"/people/{ada.pk}/reactivate/")

    assert "No inactive users" in list_page(client)


def test_person_deactivated_by_provider_is_reactivated_at_the_provider(
    client: Client, scim: Provider
) -> None:
    scim.replace(scim.add("ada"), "active", value=False)

    page = list_page(client)

    assert "Reactivate in Okta" in page
    assert "/reactivate/" not in page


def test_person_can_be_reactivated_after_provider_is_disconnected(
    client: Client, scim: Provider
) -> None:
    scim.replace(scim.add("ada"), "active", value=False)
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    page = list_page(client)

    assert "Reactivate in Okta" not in page
    assert "/reactivate/" in page


def test_says_once_that_auto_termination_is_off(client: Client, owner: Person) -> None:
    deactivated(owner.actor)

    assert list_page(client).count("auto-termination is off") == 1


def test_filter_by_who_deactivated(client: Client, owner: Person) -> None:
    deactivated(owner.actor, family_name="Byhand")
    deactivated(Actor("scim", "okta"), family_name="Byokta")

    assert "Byhand" not in list_page(client, by="provider")
    assert "Byokta" not in list_page(client, by="hand")


def test_search_by_name(client: Client, owner: Person) -> None:
    deactivated(owner.actor, family_name="Hopper")
    deactivated(owner.actor, family_name="Kelly")

    assert "Kelly" not in list_page(client, q="ada hopp")


class TestDaysUntilTermination:
    def test_shows_days_left_after_deactivation_by_provider(self, client: Client) -> None:
        switch(45)
        ada = gone()

        assert f"{after(ada, days=45):%-d %B %Y}</time> (45 days left)" in list_page(client)

    def test_shows_blockers_and_pauses(self, client: Client) -> None:
        switch(45)
        ada = gone()
        outstanding_item(ada, "bill", "open")
        shared_fund(ada)
        bulk_change(gone())

        page = list_page(client)

        assert re.search("Blocked: <a .*>Open bills</a>, <a .*>Ownership of shared funds", page)
        assert re.search("Paused: <a .*>bulk change</a>", page)

    def test_shows_exemptions_and_manual_deactivations(self, client: Client, owner: Person) -> None:
        switch(45)
        schedule.exempt(gone(), because="Lawsuit", actor=owner.actor)
        gone(owner.actor)

        page = list_page(client)

        assert "Exempt: Lawsuit" in page
        assert "Not scheduled: deactivated manually" in page

    def test_query_count_does_not_grow_with_people(self, client: Client) -> None:
        switch(45)
        gone()
        few = queries_of(client, "/people/updates/inactive/")
        for _ in range(9):
            outstanding_item(gone(), "bill", "open")

        assert len(queries_of(client, "/people/updates/inactive/")) == len(few)


class TestEmptyList:
    def test_before_the_first_deactivation(self, client: Client) -> None:
        assert "Nobody has been deactivated" in list_page(client)

    def test_if_no_person_matches_the_search(self, client: Client, owner: Person) -> None:
        deactivated(owner.actor)

        assert "No inactive user matches" in list_page(client, q="xyzzy")

    def test_after_everybody_was_reactivated(self, client: Client, owner: Person) -> None:
        people.reactivate_person(deactivated(owner.actor), actor=owner.actor)

        assert "No inactive users" in list_page(client)
