"""The inactive users in Team updates …"""

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


def shown(client: Client, **query: Any) -> str:
    return text_of(client.get("/people/updates/inactive/", query))


def shut_out(actor: Actor, **fields: Any) -> Person:
    person = core.person(**fields)
    people.deactivate_person(person, actor=actor)
    return person


def test_tell_since_when_and_by_whom(client: Client, owner: Person) -> None:
    shut_out(owner.actor, family_name="Hopper")

    page = shown(client)

    assert "Ada Hopper" in page
    assert f"{timezone.now():%-d %B %Y}" in page
    assert "<bdi>Olga Owner</bdi>" in page


def test_lead_back_whom_a_colleague_shut_out(client: Client, owner: Person) -> None:
    ada = shut_out(owner.actor)

    assert f'href="/people/{ada.pk}/reactivate/"' in shown(client)
    client.post(f"/people/{ada.pk}/reactivate/")

    assert "No inactive users" in shown(client)


def test_send_to_the_provider_whom_it_shut_out(client: Client, scim: Provider) -> None:
    scim.replace(scim.add("ada"), "active", value=False)

    page = shown(client)

    assert "Reactivate in Okta" in page
    assert "/reactivate/" not in page


def test_lead_back_whom_a_provider_shut_out_that_is_gone(client: Client, scim: Provider) -> None:
    scim.replace(scim.add("ada"), "active", value=False)
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    page = shown(client)

    assert "Reactivate in Okta" not in page
    assert "/reactivate/" in page


def test_say_that_nobody_is_terminated_by_itself(client: Client, owner: Person) -> None:
    shut_out(owner.actor)

    assert shown(client).count("auto-termination is off") == 1


def test_are_narrowed_by_who_did_it(client: Client, owner: Person) -> None:
    shut_out(owner.actor, family_name="Byhand")
    shut_out(Actor("scim", "okta"), family_name="Byokta")

    assert "Byhand" not in shown(client, by="provider")
    assert "Byokta" not in shown(client, by="hand")


def test_are_found_by_name_and_address(client: Client, owner: Person) -> None:
    shut_out(owner.actor, family_name="Hopper")
    shut_out(owner.actor, family_name="Kelly")

    assert "Kelly" not in shown(client, q="ada hopp")


class TestTellDaysUntilTermination:
    """They tell how many days are left until termination …"""

    def test_of_whom_a_provider_shut_out(self, client: Client) -> None:
        switch(45)
        ada = gone()

        assert f"{after(ada, days=45):%-d %B %Y}</time> (45 days left)" in shown(client)

    def test_and_what_stands_in_the_way(self, client: Client) -> None:
        switch(45)
        ada = gone()
        outstanding_item(ada, "bill", "open")
        shared_fund(ada)
        bulk_change(gone())

        page = shown(client)

        assert re.search("Blocked: <a .*>Open bills</a>, <a .*>Ownership of shared funds", page)
        assert re.search("Paused: <a .*>bulk change</a>", page)

    def test_or_why_nobody_counts_them(self, client: Client, owner: Person) -> None:
        switch(45)
        schedule.exempt(gone(), because="Lawsuit", actor=owner.actor)
        gone(owner.actor)

        page = shown(client)

        assert "Exempt: Lawsuit" in page
        assert "Not scheduled: deactivated manually" in page

    def test_at_the_same_price_for_many(self, client: Client) -> None:
        switch(45)
        gone()
        few = queries_of(client, "/people/updates/inactive/")
        for _ in range(9):
            outstanding_item(gone(), "bill", "open")

        assert len(queries_of(client, "/people/updates/inactive/")) == len(few)


class TestWhenThereAreNone:
    def test_say_who_would_be_here(self, client: Client) -> None:
        assert "Nobody has been deactivated" in shown(client)

    def test_say_that_nothing_matches(self, client: Client, owner: Person) -> None:
        shut_out(owner.actor)

        assert "No inactive user matches" in shown(client, q="xyzzy")

    def test_say_that_everybody_is_back(self, client: Client, owner: Person) -> None:
        people.reactivate_person(shut_out(owner.actor), actor=owner.actor)

        assert "No inactive users" in shown(client)
